//! Small fits for the tests of this kind.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, ListBuilder, RecordBatch, StringArray, StringBuilder};
use serde_json::Value;

use super::Intent;
use crate::error::Result;
use crate::kind::{Examples, FitContext, Kind, Model};
use crate::rows::MemoryRows;
use crate::sentence::Embeddings;

/// A column of texts.
pub(super) fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<StringArray>())
}

/// A column of lists of texts.
pub(super) fn lists<'a, L: IntoIterator<Item = &'a str>>(rows: impl IntoIterator<Item = L>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in rows {
        lists.append_value(row.into_iter().map(Some));
    }
    Arc::new(lists.finish())
}

/// A table of named columns.
pub(super) fn table<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

/// The rows of a table.
pub(super) fn rows(table: RecordBatch) -> MemoryRows {
    MemoryRows::new(table.schema(), vec![table])
}

/// Learns a model.
pub(super) fn fit(train: RecordBatch, calibrate: RecordBatch, recipe: &Value) -> Result<Box<dyn Model>> {
    fit_seeded(train, calibrate, recipe, 7)
}

/// Learns a model with another order of rows.
pub(super) fn fit_seeded(
    train: RecordBatch,
    calibrate: RecordBatch,
    recipe: &Value,
    seed: u64,
) -> Result<Box<dyn Model>> {
    fit_in((seed, None), train, calibrate, recipe)
}

/// Learns a model with an encoder.
pub(super) fn fit_with(
    embeddings: &dyn Embeddings,
    train: RecordBatch,
    calibrate: RecordBatch,
    recipe: &Value,
) -> Result<Box<dyn Model>> {
    fit_in((7, Some(embeddings)), train, calibrate, recipe)
}

fn fit_in(
    (seed, encoder): (u64, Option<&dyn Embeddings>),
    train: RecordBatch,
    calibrate: RecordBatch,
    recipe: &Value,
) -> Result<Box<dyn Model>> {
    let examples = Examples {
        model: "intent",
        train: &rows(train),
        calibrate: &rows(calibrate),
    };
    let context = FitContext {
        seed,
        threads: 2,
        memory_max_bytes: 1 << 30,
        progress: &|_, _| (),
        encoder,
    };
    let fitted = Intent.fit(&examples, &Intent.check_recipe(recipe).unwrap(), &context);
    fitted.map(|fitted| fitted.model)
}

/// The column `label` of the answers.
pub(super) fn answers(model: &dyn Model, asked: &RecordBatch) -> Vec<String> {
    let answers = model.predict(asked).unwrap();
    let labels = answers.column(0).as_string::<i32>();
    labels.iter().map(|label| label.unwrap().to_owned()).collect()
}
