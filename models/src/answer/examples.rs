//! Examples as this kind reads them: passages that answers come from, and questions whose answer is known.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::recipe::AnswerRecipe;
use super::search::{Labelled, Passage};
use super::shown::{Shown, pieces};
use crate::error::{Error, Result};
use crate::kind::{Examples, Rows};
use crate::text::pii::PiiRules;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// All answers by name, sorted.
    pub names: Vec<String>,
    /// What answers come from.
    pub passages: Vec<Passage>,
    /// How each passage is shown.
    pub shown: Vec<Shown>,
    /// Questions to learn from.
    pub train: Vec<Labelled>,
    /// Questions of the training part, before some were left out.
    pub train_rows: u64,
    /// Questions held back.
    pub held_back: Vec<Labelled>,
}

/// A row that leads to an answer.
struct Row<'a> {
    label: &'a str,
    question: &'a str,
    heading: &'a str,
    body: &'a str,
    link: &'a str,
}

impl Row<'_> {
    /// A question alone is something to learn from; all else is something to answer with.
    fn is_passage(&self) -> bool {
        !self.heading.is_empty() || !self.body.is_empty()
    }
}

/// The column in a batch as texts; `None` if there is none.
fn column(batch: &RecordBatch, name: &str) -> Result<Option<ArrayRef>> {
    let column = batch.column_by_name(name).map(|column| cast(column, &DataType::Utf8));
    column
        .transpose()
        .map_err(|error| Error::table(format!("column `{name}` of the examples"), error))
}

/// Calls `visit` with every row that has a label and anything else.
fn for_each(rows: &dyn Rows, visit: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
    for batch in rows.batches()? {
        let batch = batch?;
        let names = ["label", "text", "heading", "body", "link"];
        let columns: Vec<Option<ArrayRef>> = names.iter().map(|name| column(&batch, name)).collect::<Result<_>>()?;
        let texts: Vec<Option<&StringArray>> = columns
            .iter()
            .map(|column| column.as_ref().map(|column| column.as_string::<i32>()))
            .collect();
        let value = |at: usize, row: usize| match texts[at] {
            Some(texts) if !texts.is_null(row) => texts.value(row).trim(),
            _ => "",
        };
        for at in 0..batch.num_rows() {
            let row = Row {
                label: value(0, at),
                question: value(1, at),
                heading: value(2, at),
                body: value(3, at),
                link: value(4, at),
            };
            if !row.label.is_empty() && (row.is_passage() || !row.question.is_empty()) {
                visit(&row)?;
            }
        }
    }
    Ok(())
}

/// Reads the examples of a fit.
///
/// # Errors
/// When nothing can be answered with, a passage is held back, or rows cannot be read.
pub(super) fn read(examples: &Examples<'_>, recipe: &AnswerRecipe) -> Result<Read> {
    let problem = |message: String, hint: &str| Error::Examples {
        model: examples.model.into(),
        message,
        hint: hint.into(),
    };
    let names = names(examples, recipe)?;
    if names.is_empty() {
        let hint = "select help pages (label, heading, body) or questions (label, text)";
        return Err(problem("there is nothing to answer with".into(), hint));
    }
    let mut reading = Reading::new(names, recipe);
    for_each(examples.train, &mut |row| {
        reading.add(row);
        Ok(())
    })?;
    let mut read = reading.finish();
    let numbers = numbers_of(&read.names);
    for_each(examples.calibrate, &mut |row| {
        if row.is_passage() {
            let message = format!(
                "a passage of `{}` is held back, so nothing could answer with it",
                row.label
            );
            let hint = "select 'train' as split for rows with a heading or body, and null as split for questions";
            return Err(problem(message, hint));
        }
        read.held_back.push(Labelled {
            question: row.question.to_owned(),
            answer: numbers.get(row.label).copied(),
        });
        Ok(())
    })?;
    Ok(read)
}

fn names(examples: &Examples<'_>, recipe: &AnswerRecipe) -> Result<Vec<String>> {
    let mut names = BTreeSet::new();
    for_each(examples.train, &mut |row| {
        if recipe.out_of_scope.as_deref() != Some(row.label) && !names.contains(row.label) {
            names.insert(row.label.to_owned());
        }
        Ok(())
    })?;
    Ok(names.into_iter().collect())
}

fn numbers_of(names: &[String]) -> BTreeMap<String, u32> {
    names.iter().cloned().zip(0..).collect()
}

/// The training part being read.
struct Reading<'a> {
    recipe: &'a AnswerRecipe,
    rules: PiiRules,
    numbers: BTreeMap<String, u32>,
    has_passage: Vec<bool>,
    read: Read,
}

impl<'a> Reading<'a> {
    fn new(names: Vec<String>, recipe: &'a AnswerRecipe) -> Self {
        Self {
            recipe,
            rules: PiiRules::default(),
            numbers: numbers_of(&names),
            has_passage: vec![false; names.len()],
            read: Read {
                names,
                ..Read::default()
            },
        }
    }

    fn add(&mut self, row: &Row<'_>) {
        match self.numbers.get(row.label).copied() {
            Some(answer) if row.is_passage() => {
                // A page is asked by its question and heading as often as it has passages; terms are counted by passage.
                for piece in pieces(row.body, self.recipe.passage_max_chars) {
                    self.add_passage(answer, row, piece);
                }
            }
            answer => self.read.train.push(Labelled {
                question: row.question.to_owned(),
                answer,
            }),
        }
    }

    fn add_passage(&mut self, answer: u32, row: &Row<'_>, body: &str) {
        self.has_passage[answer as usize] = true;
        self.read.passages.push(Passage {
            answer,
            question: row.question.to_owned(),
            heading: row.heading.to_owned(),
            body: body.to_owned(),
        });
        let show = |text: &str| match self.recipe.mask_passages {
            true => self.rules.mask(text).into_owned(),
            false => text.to_owned(),
        };
        let text = if body.is_empty() { row.question } else { body };
        self.read.shown.push(Shown {
            text: show(text),
            heading: show(row.heading),
            link: row.link.to_owned(),
        });
    }

    /// An answer without a passage is led to by its first question; of too many questions every so-many-th stays.
    fn finish(mut self) -> Read {
        let mut questions = Vec::new();
        for one in std::mem::take(&mut self.read.train) {
            match one.answer {
                Some(answer) if !self.has_passage[answer as usize] => {
                    let row = Row {
                        label: "",
                        question: &one.question,
                        heading: "",
                        body: "",
                        link: "",
                    };
                    self.add_passage(answer, &row, "");
                }
                _ => questions.push(one),
            }
        }
        self.read.train_rows = questions.len() as u64;
        let every = questions.len().div_ceil(self.recipe.questions_max.max(1)).max(1);
        let most = self.recipe.questions_max;
        self.read.train = questions.into_iter().step_by(every).take(most).collect();
        self.read
    }
}
