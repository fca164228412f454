//! The contract of the house: a [`Kind`] fits and loads models, a [`Model`] turns rows into scores.
//! Evaluation, batch scoring, SQL and every HTTP protocol go through [`Model::predict`] and nothing else.

use std::any::Any;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::artifact::Artifact;
use crate::error::Result;
use crate::explained::Reason;
use crate::findings::Findings;
use crate::metrics::Evaluation;
use crate::sentence::Embeddings;

/// A kind of model: one folder in this crate and one line in [`crate::KINDS`].
pub trait Kind: Send + Sync {
    /// Its name and what it is for.
    fn about(&self) -> &'static About;

    /// Checks the `[models.X.recipe]` table as written (a JSON object) and fills in defaults. All problems at once.
    fn check_recipe(&self, written: &Value) -> std::result::Result<Value, Vec<RecipeProblem>>;

    /// Learns a model and finds what is worth a look in the examples. The same examples, recipe, seed and code give the same bytes, whatever the number of threads.
    ///
    /// # Errors
    /// When the examples lack a column, have one label only, or cannot be read.
    fn fit(&self, examples: &Examples<'_>, recipe: &Value, context: &FitContext<'_>) -> Result<Fitted>;

    /// Takes a model out of its artifact. The artifact is not trusted: every size and index is checked.
    ///
    /// # Errors
    /// When the artifact is damaged, hostile, or of a format this build does not know.
    fn load(&self, artifact: Artifact) -> Result<Box<dyn Model>>;

    /// Scores held-back rows through [`Model::predict`] and measures the answers.
    ///
    /// # Errors
    /// When the rows lack the label column or cannot be read.
    fn evaluate(&self, model: &dyn Model, held_back: &dyn Rows) -> Result<Evaluation>;
}

/// What a kind says about itself in CLI, docs and OpenAPI.
#[derive(Debug)]
pub struct About {
    /// The name used in `kind = "..."`.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// The examples query a new project starts with.
    pub examples_sql: &'static str,
    /// The metric the gate compares versions by; larger is better.
    pub main_metric: &'static str,
    /// Its model card: the README.md of its folder.
    pub card: &'static str,
}

/// A key of a recipe that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeProblem {
    /// The key within `[models.X.recipe]`.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
    /// The way out.
    pub hint: String,
}

/// A fitted model: plain data behind one function. `Any`, so that a kind's `evaluate` can ask a model of its own more
/// than other code may.
pub trait Model: Any + Send + Sync {
    /// The name of its kind.
    fn kind(&self) -> &'static str;

    /// The columns it takes and gives.
    fn signature(&self) -> &Signature;

    /// Scores rows. `rows` must conform to the signature's inputs (see [`crate::rows::conform`]); the result has the
    /// signature's outputs and as many rows, in the same order. A row's answer does not depend on its neighbours.
    ///
    /// # Errors
    /// When `rows` does not conform.
    fn predict(&self, rows: &RecordBatch) -> Result<RecordBatch>;

    /// Why rows are answered as they are: for each row what spoke for its answer and what against it, the strongest
    /// first, at most `top` of them. `None` if this kind cannot say.
    ///
    /// # Errors
    /// As [`Model::predict`].
    fn reasons(&self, _rows: &RecordBatch, _top: usize) -> Result<Option<Vec<Vec<Reason>>>> {
        Ok(None)
    }

    /// Everything needed to load it again.
    fn artifact(&self) -> Artifact;
}

/// The type of one value in a signature. A closed set, so that every wire can map it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// UTF-8 text.
    Text,
    /// 64-bit signed integer.
    Integer,
    /// 64-bit float.
    Number,
    /// True or false.
    Boolean,
    /// Microseconds since 1970-01-01 UTC; RFC 3339 text in JSON.
    Time,
    /// A list of texts.
    TextList,
    /// A list of 64-bit floats.
    NumberList,
}

impl ValueType {
    /// The arrow type of a column of such values.
    pub fn data_type(self) -> DataType {
        let list = |inner| DataType::List(Arc::new(Field::new("item", inner, true)));
        match self {
            ValueType::Text => DataType::Utf8,
            ValueType::Integer => DataType::Int64,
            ValueType::Number => DataType::Float64,
            ValueType::Boolean => DataType::Boolean,
            ValueType::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            ValueType::TextList => list(DataType::Utf8),
            ValueType::NumberList => list(DataType::Float64),
        }
    }
}

/// One column of a signature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValueSpec {
    /// Column name, also the JSON key.
    pub name: String,
    /// Type of its values.
    pub value_type: ValueType,
    /// Whether null is accepted (inputs) or can appear (outputs).
    pub nullable: bool,
    /// Whether a request may leave it out, which says null.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// What it is, for people.
    pub about: String,
    /// A value that fits, for error messages and OpenAPI. Never customer data.
    pub example: Value,
}

impl ValueSpec {
    /// An output: never null, never left out.
    pub fn output(name: &str, value_type: ValueType, about: impl Into<String>, example: Value) -> Self {
        Self {
            name: name.into(),
            value_type,
            nullable: false,
            optional: false,
            about: about.into(),
            example,
        }
    }
}

/// The columns a model takes and gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    /// Columns of the rows given to [`Model::predict`], in order.
    pub inputs: Vec<ValueSpec>,
    /// Columns of its result, in order.
    pub outputs: Vec<ValueSpec>,
}

impl Signature {
    /// The arrow schema of the inputs.
    pub fn input_schema(&self) -> SchemaRef {
        schema_of(&self.inputs)
    }

    /// The arrow schema of the outputs.
    pub fn output_schema(&self) -> SchemaRef {
        schema_of(&self.outputs)
    }
}

fn schema_of(specs: &[ValueSpec]) -> SchemaRef {
    let field = |spec: &ValueSpec| Field::new(&spec.name, spec.value_type.data_type(), spec.nullable);
    Arc::new(Schema::new(specs.iter().map(field).collect::<Vec<_>>()))
}

/// Rows that can be read more than once, batch by batch: a Parquet file or batches in memory ([`crate::rows`]).
pub trait Rows: Sync {
    /// Their columns.
    fn schema(&self) -> SchemaRef;
    /// How many there are.
    fn count(&self) -> u64;
    /// A new reading from the first row.
    ///
    /// # Errors
    /// When the file cannot be opened.
    fn batches(&self) -> Result<Batches<'_>>;
}

/// One reading of [`Rows`].
pub type Batches<'a> = Box<dyn Iterator<Item = Result<RecordBatch>> + Send + 'a>;

/// What a kind learns from. The test part is not here: nothing fitted may see it.
pub struct Examples<'a> {
    /// The model's name, for messages.
    pub model: &'a str,
    /// Rows to learn from.
    pub train: &'a dyn Rows,
    /// Rows held back from learning, for calibration and thresholds.
    pub calibrate: &'a dyn Rows,
}

/// What a fit gives.
pub struct Fitted {
    /// The model.
    pub model: Box<dyn Model>,
    /// What is worth a look in the rows it learned from; empty from a kind that looks for nothing.
    pub findings: Findings,
}

/// What a fit is handed from outside: no clock, no randomness but the seed.
pub struct FitContext<'a> {
    /// Seed of every random choice.
    pub seed: u64,
    /// Threads to use, at least 1. The result does not depend on it.
    pub threads: usize,
    /// Bound on the memory that grows with the data, in bytes.
    pub memory_max_bytes: usize,
    /// Told about progress: share done (0..1) and what is going on.
    pub progress: &'a (dyn Fn(f32, &str) + Sync),
    /// Vectors of texts, if the model is to use an encoder. Its artifact then names that encoder
    /// ([`Artifact::encoder`]), and a kind that cannot use one refuses.
    pub encoder: Option<&'a dyn Embeddings>,
}
