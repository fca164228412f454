//! A model whose answers come with what spoke for them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder, ListBuilder, RecordBatch, StringBuilder};
use serde_json::json;

use crate::artifact::Artifact;
use crate::error::{Error, Result};
use crate::kind::{Model, Signature, ValueSpec, ValueType};

/// One thing that spoke for an answer, or against it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// What it is: an n-gram, a column with its value.
    pub name: String,
    /// How much it added to the score of the answer, in the units of the model's margins; below 0 it spoke against it.
    pub weight: f64,
}

/// The outputs that are added.
const REASONS: &str = "reasons";
const WEIGHTS: &str = "reason_weights";

/// The columns of reasons and their weights, of each row the first `top`.
pub fn reason_columns(rows: impl Iterator<Item = Vec<Reason>>, top: usize) -> [ArrayRef; 2] {
    let mut names = ListBuilder::new(StringBuilder::new());
    let mut weights = ListBuilder::new(Float64Builder::new());
    for reasons in rows {
        for reason in reasons.into_iter().take(top) {
            names.values().append_value(reason.name);
            weights.values().append_value(reason.weight);
        }
        names.append(true);
        weights.append(true);
    }
    [Arc::new(names.finish()), Arc::new(weights.finish())]
}

/// The outputs for [`reason_columns`].
pub fn reason_specs(about_names: &str, about_weights: &str, example: &str) -> [ValueSpec; 2] {
    let spec = ValueSpec::output;
    [
        spec(REASONS, ValueType::TextList, about_names, json!([example])),
        spec(WEIGHTS, ValueType::NumberList, about_weights, json!([0.71])),
    ]
}

/// A model with two more outputs: the reasons of each answer and their weights, the strongest first.
pub struct Explained {
    model: Box<dyn Model>,
    signature: Signature,
    top: usize,
}

impl Explained {
    /// The model, with at most `top` reasons an answer.
    ///
    /// # Errors
    /// When its kind cannot say why, or its answers say so already.
    pub fn new(model: Box<dyn Model>, top: usize) -> Result<Self> {
        let mut signature = model.signature().clone();
        let nothing = RecordBatch::new_empty(signature.input_schema());
        if model.reasons(&nothing, top)?.is_none() {
            let message = format!("models of the kind `{}` cannot say why they answer so", model.kind());
            return Err(Error::table("reasons", message));
        }
        if signature.outputs.iter().any(|output| output.name == REASONS) {
            let message = "are among the answers already; `reasons` in the recipe says how many";
            return Err(Error::table("reasons", message));
        }
        signature.outputs.extend(reason_specs(
            "What spoke for the answer and what against it, the strongest first.",
            "How much each of them added to the margin of the answer.",
            "refund",
        ));
        Ok(Self { model, signature, top })
    }
}

impl Model for Explained {
    fn kind(&self) -> &'static str {
        self.model.kind()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn predict(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let answers = self.model.predict(rows)?;
        let mut columns = answers.columns().to_vec();
        let reasons = self.model.reasons(rows, self.top)?.unwrap_or_default();
        columns.extend(reason_columns(reasons.into_iter(), self.top));
        RecordBatch::try_new(self.signature.output_schema(), columns).map_err(|e| Error::table("reasons", e))
    }

    fn artifact(&self) -> Artifact {
        self.model.artifact()
    }
}
