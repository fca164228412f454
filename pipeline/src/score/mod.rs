//! Batch scoring: rows of a file or a stream in, the same rows with a model's answers out, in order and batch by batch.
//! It knows formats and files; from rows to scores leads only `Model::predict`.

mod csv;
mod jsonl;
mod objects;
mod place;
mod read;
mod rows;
#[cfg(test)]
mod tests;
mod write;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use deskmill_models::kind::{Model, Signature, ValueSpec};
use deskmill_models::rows::conform;

pub use place::Place;
use place::refuse_same_file;
use read::Chunk;
pub(crate) use rows::RowsWriter;
use write::Writer;

use crate::error::{Error, Result};

/// How scored rows are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

/// What is scored by what, and where the answers go.
pub struct ScoreRequest<'a> {
    /// The model that answers.
    pub model: &'a dyn Model,
    /// Where the rows come from, and how they are written there. Text is UTF-8, csv has a header.
    pub input: (Place, Format),
    /// Where rows and answers go. A file appears when all of it is written; a stream gets each batch as it is done.
    pub output: (Place, Format),
    /// The most rows held at once; at least 1 is taken. Long rows make a batch end earlier.
    pub rows_per_batch: usize,
}

/// The format that a file's ending stands for: `csv`, `jsonl` (or `ndjson`) or `parquet`, in any case.
pub fn format_of(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "csv" => Some(Format::Csv),
        "jsonl" | "ndjson" => Some(Format::Jsonl),
        "parquet" => Some(Format::Parquet),
        _ => None,
    }
}

/// Scores all rows and gives their number. Each row is written with its own columns first, then the model's outputs; an
/// input column that has the name of an output is kept as `input_NAME`. `progress` is told the rows done after each batch.
///
/// # Errors
/// The first row that cannot be read or does not fit the model, with its line (or row, in Parquet); a column that the
/// model takes and the input lacks; an output that is the input. No output file is written then.
pub fn score(request: &ScoreRequest<'_>, progress: &dyn Fn(u64)) -> Result<u64> {
    let signature = request.model.signature();
    let name = request.input.0.name();
    refuse_same_file(&request.input.0, &request.output.0)?;
    let mut reader = read::open(request)?;
    let columns = reader.schema();
    // A column of a type that no value of the model's can have is found before a row is read.
    conform(signature, &RecordBatch::new_empty(columns.clone()))
        .map_err(|error| misfit(&name, "columns", error, "column of the file"))?;
    let mut writer = Writer::create(
        &request.output.0,
        request.output.1,
        scored_schema(&name, &columns, signature)?,
    )?;
    let mut rows = 0;
    while let Some(chunk) = reader.next()? {
        let inputs = conform(signature, &chunk.rows).map_err(|error| locate(&name, signature, &chunk, error))?;
        let answers = request.model.predict(&inputs)?;
        writer.write(&chunk, &answers)?;
        rows += chunk.rows.num_rows() as u64;
        progress(rows);
    }
    writer.finish()?;
    Ok(rows)
}

/// The error for the first row of a batch that does not fit by itself.
fn locate(name: &str, signature: &Signature, chunk: &Chunk, error: deskmill_models::Error) -> Error {
    let mut rows = (0..chunk.rows.num_rows()).map(|row| (row, conform(signature, &chunk.rows.slice(row, 1))));
    match rows.find_map(|(row, result)| Some((row, result.err()?))) {
        Some((row, error)) => misfit(name, &chunk.place(row), error, "value"),
        None => error.into(),
    }
}

/// An error of the models crate about a value, with the place where it stands.
fn misfit(name: &str, place: &str, error: deskmill_models::Error, what: &str) -> Error {
    match error {
        deskmill_models::Error::Row {
            path,
            expected,
            found,
            example,
        } => {
            let hint = format!("mend the {what}; one that fits is {example}");
            wrong(name, place, format!("{path}: expected {expected}, found {found}"), hint)
        }
        error => error.into(),
    }
}

/// An error about the input.
fn wrong(name: &str, place: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::Source {
        name: name.into(),
        place: place.into(),
        message: message.into(),
        hint: hint.into(),
    }
}

/// The error for an input column that is not there.
fn lacks(name: &str, place: impl Into<String>, spec: &ValueSpec, signature: &Signature) -> Error {
    let takes: Vec<String> = signature.inputs.iter().map(|spec| format!("`{}`", spec.name)).collect();
    let hint = format!(
        "the model takes {}; add what is missing, or rename it where the rows are made",
        takes.join(", ")
    );
    wrong(name, place, format!("there is no `{}`", spec.name), hint)
}

/// Checks that all columns the model takes are there.
fn check_has_inputs(name: &str, place: &str, columns: &Schema, signature: &Signature) -> Result<()> {
    let missing = signature
        .inputs
        .iter()
        .find(|spec| !spec.optional && columns.column_with_name(&spec.name).is_none());
    missing.map_or(Ok(()), |spec| Err(lacks(name, place, spec, signature)))
}

/// The names that input columns have beside the outputs; where two would be the same, the message about it.
fn kept_names(names: &[&str], signature: &Signature) -> std::result::Result<Vec<String>, String> {
    let outputs: HashSet<&str> = signature.outputs.iter().map(|spec| spec.name.as_str()).collect();
    let keep = |name: &&str| {
        if outputs.contains(name) {
            format!("input_{name}")
        } else {
            (*name).to_owned()
        }
    };
    let kept: Vec<String> = names.iter().map(keep).collect();
    let mut seen = outputs.clone();
    match kept.iter().zip(names).find(|(kept, _)| !seen.insert(kept.as_str())) {
        None => Ok(kept),
        Some((kept, name)) if kept == name => Err(format!("`{name}` stands there twice")),
        Some((kept, name)) => Err(format!(
            "`{name}` is also an output of the model and would be kept as `{kept}`, which is taken"
        )),
    }
}

/// The columns of the output: those of the input, then the answers.
fn scored_schema(name: &str, columns: &Schema, signature: &Signature) -> Result<SchemaRef> {
    let names: Vec<&str> = columns.fields().iter().map(|field| field.name().as_str()).collect();
    let kept = kept_names(&names, signature)
        .map_err(|message| wrong(name, "columns", message, "give one of the two another name"))?;
    let inputs = columns
        .fields()
        .iter()
        .zip(kept)
        .map(|(field, kept)| Arc::new(field.as_ref().clone().with_name(kept)));
    let outputs = signature.output_schema();
    // The input's own metadata (of pandas, say) describes its columns only, so it is left behind.
    let fields: Vec<Arc<Field>> = inputs.chain(outputs.fields().iter().cloned()).collect();
    Ok(Arc::new(Schema::new(fields)))
}
