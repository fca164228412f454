//! Judges held-back rows by the answers of a model, which has not learned them.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};

use super::{Findings, Judge, Judged};
use crate::error::{Error, Result};
use crate::kind::Rows;

/// Collects answers to held-back rows. Labels that the model lists nowhere are unknown to it; rows that have one are not
/// judged.
#[derive(Debug, Default)]
pub struct AnswerJudge {
    judge: Judge,
    numbers: HashMap<String, u32>,
    names: Vec<String>,
    /// By number: whether the model has ever answered it.
    known: Vec<bool>,
    rows: u64,
}

impl AnswerJudge {
    /// Takes a batch of rows with the column `label`, and the answers to them with the columns `labels` and `scores`.
    ///
    /// # Errors
    /// When a column is missing or of another type.
    pub fn add(&mut self, batch: &RecordBatch, answers: &RecordBatch) -> Result<()> {
        let column = |batch: &RecordBatch, name: &str| {
            let column = batch.column_by_name(name).cloned();
            column.ok_or_else(|| Error::table(format!("column `{name}`"), "is missing"))
        };
        let given = cast(&column(batch, "label")?, &DataType::Utf8).map_err(|e| Error::table("column `label`", e))?;
        let given = given.as_string::<i32>();
        let (labels, scores) = (column(answers, "labels")?, column(answers, "scores")?);
        let (Some(labels), Some(scores)) = (labels.as_list_opt::<i32>(), scores.as_list_opt::<i32>()) else {
            return Err(Error::table("columns `labels` and `scores`", "are not lists"));
        };
        for row in 0..batch.num_rows() {
            let (labels, scores) = (labels.value(row), scores.value(row));
            let (Some(labels), Some(scores)) =
                (labels.as_string_opt::<i32>(), scores.as_primitive_opt::<Float64Type>())
            else {
                return Err(Error::table(
                    "columns `labels` and `scores`",
                    "do not hold texts and numbers",
                ));
            };
            let place = self.rows;
            self.rows += 1;
            if given.is_null(row) {
                continue;
            }
            let given = self.number(given.value(row));
            let answers: Vec<(u32, f64)> = labels
                .iter()
                .flatten()
                .zip(scores.values())
                .map(|(label, score)| (self.number(label), *score))
                .collect();
            answers.iter().for_each(|(label, _)| self.known[*label as usize] = true);
            self.judge.push(Judged::new((0, place), given, answers.into_iter()));
        }
        Ok(())
    }

    fn number(&mut self, label: &str) -> u32 {
        if let Some(number) = self.numbers.get(label) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.numbers.insert(label.to_owned(), number);
        self.names.push(label.to_owned());
        self.known.push(false);
        number
    }

    /// The findings among the rows, which are those of the batches.
    ///
    /// # Errors
    /// When the rows cannot be read again.
    pub fn findings(mut self, held_back: &dyn Rows) -> Result<Findings> {
        let known = self.known;
        self.judge.retain(|row| known[row.given as usize]);
        self.judge.findings(&self.names, &[("test", held_back)])
    }
}
