//! The simpler models beside a routing model's trees: they answer the same held-back rows.

use arrow::array::{AsArray, RecordBatch};

use super::predict::RoutingModel;
use crate::error::Result;
use crate::metrics::Contenders;
use crate::metrics::answers::texts;
use crate::rows::conform;
use crate::table::ranked;

/// Lets the simpler models answer a batch of rows.
pub(super) fn contend(model: &RoutingModel, batch: &RecordBatch, contenders: &mut Contenders) -> Result<()> {
    let queues = &model.settings().queues;
    let labels = texts(batch, "label")?;
    let labels = labels.column(0).as_string::<i32>();
    let rows = conform(&model.case_signature(), batch)?;
    for (simpler, answers) in model.table().simpler_answers(&rows)? {
        for (row, probabilities) in answers.chunks_exact(queues.len()).enumerate() {
            contenders.add(simpler, labels.value(row), &queues[ranked(probabilities)[0]]);
        }
    }
    Ok(())
}
