//! Evaluate: the fitted artifact, loaded as serving will load it, scores the held-back rows; golden rows are recorded.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::DataType;
use deskmill_models::artifact::Artifact;
use deskmill_models::findings::Findings;
use deskmill_models::kind::{Kind, Model, Rows};
use deskmill_models::metrics::Evaluation;
use deskmill_models::registry::{GOLDEN_FILE, Golden, MODEL_FILE, Registry};
use deskmill_models::rows::{ParquetRows, conform};
use deskmill_models::text;
use serde::{Deserialize, Serialize};

use super::{Input, assemble, fit};
use crate::catalog::{Catalog, read_json, write_json};
use crate::error::{Error, Result};
use crate::keys::Parts;
use crate::lineage::Output;
use crate::project::ModelSpec;
use crate::rejects::write_error;
use crate::report::{Report, ReportRows, page};

/// Changes when the same artifact would get another report.
const FORMAT: &str = "4";

/// The folder of reports under the work folder.
pub const STAGE: &str = "reports";

/// The measured figures as data.
pub const REPORT_JSON: &str = "report.json";

/// The measured figures as a page.
pub const REPORT_HTML: &str = "report.html";

/// Golden rows taken from the held-back part; rows that are hard on any code path come on top.
const GOLDEN_ROWS: usize = 24;

/// What was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EvaluateFacts {
    /// Rows scored.
    pub rows: u64,
    /// The metric that versions are compared by.
    pub main_metric: String,
    /// Examples whose label looks wrong.
    #[serde(default)]
    pub suspects: u64,
    /// All metrics by name.
    pub metrics: std::collections::BTreeMap<String, f64>,
}

/// What decides how a report comes out, but for the artifact.
pub fn parts() -> Parts {
    Parts::from([("format".into(), FORMAT.into())])
}

/// What an evaluation reads.
pub struct EvaluateRequest<'a> {
    /// The kind of the model.
    pub kind: &'a dyn Kind,
    /// The model as the project has it.
    pub model: &'a ModelSpec,
    /// The folder of its examples.
    pub examples: &'a Path,
    /// The folder of its artifact.
    pub fitted: &'a Path,
    /// What the examples came from.
    pub lineage: &'a [Input],
    /// Size of the artifact.
    pub artifact_bytes: u64,
    /// How the examples were cut.
    pub rows: ReportRows,
}

/// The model of a fitted artifact, with its encoder out of the registry.
///
/// # Errors
/// When the file is missing or not such an artifact, or the registry does not have its encoder.
pub async fn load_fitted(kind: &dyn Kind, fitted: &Path, registry: &Registry) -> Result<Box<dyn Model>> {
    let path = fitted.join(MODEL_FILE);
    let bytes = std::fs::read(&path).map_err(Error::file(&path))?;
    let encoder = registry.encoder_of(&bytes).await?;
    Ok(kind.load(Artifact::from_bytes(&bytes, encoder)?)?)
}

/// Measures one `model`, as [`load_fitted`] gives it, `made` as it was begun.
///
/// # Errors
/// When a file cannot be read or written.
pub fn evaluate(
    request: &EvaluateRequest<'_>,
    model: &dyn Model,
    catalog: &Catalog,
    made: Output,
) -> Result<EvaluateFacts> {
    let key = made.key.clone();
    catalog.make(STAGE, &request.model.name, &key, |out| {
        let test = ParquetRows::open(&request.examples.join(assemble::FILES[2]))?;
        let mut evaluation = request.kind.evaluate(model, &test)?;
        evaluation.findings = findings(request, std::mem::take(&mut evaluation.findings))?;
        write_json(&out.join(REPORT_JSON), &evaluation)?;
        let html = out.join(REPORT_HTML);
        let page = page(&Report {
            model: &request.model.name,
            kind: &request.model.kind,
            evaluation: &evaluation,
            recipe: &request.model.recipe,
            rows: request.rows,
            artifact_bytes: request.artifact_bytes,
            lineage: request.lineage,
        });
        std::fs::write(&html, page).map_err(Error::file(&html))?;
        let golden = Golden::record(model, golden_inputs(model, &test)?)?.to_parquet()?;
        let path = out.join(GOLDEN_FILE);
        std::fs::write(&path, golden).map_err(Error::file(&path))?;
        made.counted(&[("rows", evaluation.rows)]).write(out)?;
        Ok(facts(&evaluation))
    })
}

/// What the fit, the cut and the evaluation found, together.
fn findings(request: &EvaluateRequest<'_>, held_back: Findings) -> Result<Findings> {
    let mut all: Findings = read_json(&request.fitted.join(fit::FINDINGS_FILE))?;
    all = all.with_held_back(held_back);
    all.duplicates = Some(read_json(&request.examples.join(assemble::DUPLICATES_FILE))?);
    Ok(all)
}

fn facts(evaluation: &Evaluation) -> EvaluateFacts {
    EvaluateFacts {
        rows: evaluation.rows,
        main_metric: evaluation.main_metric.clone(),
        suspects: evaluation.findings.suspects,
        metrics: evaluation
            .metrics
            .iter()
            .map(|metric| (metric.name.clone(), metric.value))
            .collect(),
    }
}

/// Rows spread over the held-back part, texts with personal data masked, and the same rows again with texts that are hard on any code path.
fn golden_inputs(model: &dyn Model, test: &dyn Rows) -> Result<RecordBatch> {
    let signature = model.signature();
    let step = (test.count() as usize / GOLDEN_ROWS).max(1);
    let mut taken = Vec::new();
    let mut start = 0usize;
    for batch in test.batches()? {
        let batch = conform(signature, &batch?)?;
        let first = start.next_multiple_of(step) - start;
        taken.extend((first..batch.num_rows()).step_by(step).map(|row| batch.slice(row, 1)));
        start += batch.num_rows();
    }
    taken.truncate(GOLDEN_ROWS);
    // A text that holds personal data stays out of the registry. Others stay as they are: they may be names of categories.
    let masked = |text: &str| {
        let prepared = text::prepare(text);
        if prepared == text::normalise(text) {
            text.to_owned()
        } else {
            prepared
        }
    };
    let mut rows = taken
        .iter()
        .map(|row| with_texts(row, masked))
        .collect::<Result<Vec<_>>>()?;
    let hard = [
        "",
        "🤬🤬🤬 !!!",
        "ＦＵＬＬ width ｒｅｆｕｎｄ 退款",
        "\u{200b}\u{feff}",
        "I want 我要 my money 退钱 back",
    ];
    for text in hard.map(str::to_owned).into_iter().chain(["long text ".repeat(1000)]) {
        rows.extend(taken.first().map(|row| with_texts(row, |_| text.clone())).transpose()?);
    }
    concat_batches(&signature.input_schema(), &rows).map_err(|e| write_error(Path::new(GOLDEN_FILE), e))
}

/// A row with its texts changed, those in lists too; nulls stay.
fn with_texts(row: &RecordBatch, change: impl Fn(&str) -> String) -> Result<RecordBatch> {
    let texts = |column: &ArrayRef| -> StringArray {
        let texts = column.as_string::<i32>().iter();
        texts.map(|text| text.map(&change)).collect()
    };
    let column = |column: &ArrayRef| -> ArrayRef {
        match column.data_type() {
            DataType::Utf8 => Arc::new(texts(column)),
            DataType::List(field) if field.data_type() == &DataType::Utf8 => {
                let lists = column.as_list::<i32>();
                let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
                Arc::new(ListArray::new(
                    field.clone(),
                    offsets,
                    Arc::new(texts(lists.values())),
                    nulls,
                ))
            }
            _ => column.clone(),
        }
    };
    let columns = row.columns().iter().map(column).collect();
    RecordBatch::try_new(row.schema(), columns).map_err(|e| write_error(Path::new(GOLDEN_FILE), e))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::array::{ListBuilder, StringBuilder};

    use super::*;

    #[test]
    fn texts_in_lists_are_changed_too() {
        let mut turns = ListBuilder::new(StringBuilder::new());
        turns.append_value([Some("it is Jane"), None]);
        turns.append_null();
        turns.append_value([Some("yes")]);
        let columns: [(&str, ArrayRef); 1] = [("context", Arc::new(turns.finish()))];
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let changed = with_texts(&rows.slice(0, 2), |text| text.replace("Jane", "<name>")).unwrap();
        let lists = changed.column(0).as_list::<i32>();
        assert_eq!(
            lists.value(0).as_string::<i32>().iter().collect::<Vec<_>>(),
            [Some("it is <name>"), None]
        );
        assert!(lists.is_null(1) && lists.len() == 2);
    }
}
