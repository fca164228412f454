//! From rows to features, by a plan made when the model was fitted.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};

use super::plan::{ColumnPlan, Role};
use super::texts::{TextClasses, TextScorer};
use crate::artifact::{Artifact, Tensor};
use crate::encode::map_chunks;
use crate::error::{Error, Result};
use crate::kind::{ValueSpec, ValueType};
use crate::learn::trees::{Column, MISSING_CODE};
use crate::text;

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;
/// 1970-01-01 was a Thursday, the fourth day of a week that begins on Monday.
const EPOCH_WEEKDAY: i64 = 3;

/// Values of one feature, row by row.
#[derive(Debug, Clone, PartialEq)]
pub enum FeatureColumn {
    /// Numbers; NaN is null.
    Numbers(Vec<f64>),
    /// Codes of a category; [`MISSING_CODE`] is null.
    Codes(Vec<u32>),
}

/// The features as trees take them.
pub fn columns_of(features: &[FeatureColumn]) -> Vec<Column<'_>> {
    features.iter().map(FeatureColumn::as_column).collect()
}

impl FeatureColumn {
    /// Appends the values of a column of the same sort.
    pub fn append(&mut self, other: Self) {
        match (self, other) {
            (Self::Numbers(own), Self::Numbers(other)) => own.extend(other),
            (Self::Codes(own), Self::Codes(other)) => own.extend(other),
            _ => (),
        }
    }

    /// The values of some rows.
    pub fn take(&self, rows: &[usize]) -> Self {
        match self {
            Self::Numbers(values) => Self::Numbers(rows.iter().map(|row| values[*row]).collect()),
            Self::Codes(codes) => Self::Codes(rows.iter().map(|row| codes[*row]).collect()),
        }
    }

    fn as_column(&self) -> Column<'_> {
        match self {
            Self::Numbers(values) => Column::Numeric(values),
            Self::Codes(codes) => Column::Category(codes),
        }
    }
}

/// Rows as features, but for the scores of their texts.
#[derive(Debug, Clone, Default)]
pub struct Encoded {
    /// The features of all columns that are not texts, in the order of the plan.
    pub columns: Vec<FeatureColumn>,
    /// The prepared texts of each text column, row by row; empty for null.
    pub texts: Vec<Vec<String>>,
    rows: usize,
}

impl Encoded {
    /// Features alone.
    pub fn of_columns(columns: Vec<FeatureColumn>) -> Self {
        Self {
            rows: columns.first().map_or(0, |column| column.as_column().len()),
            columns,
            texts: Vec::new(),
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Appends rows of the same plan.
    pub fn append(&mut self, mut more: Self) {
        if self.rows == 0 {
            *self = more;
            return;
        }
        for (own, other) in self.columns.iter_mut().zip(more.columns) {
            own.append(other);
        }
        for (own, other) in self.texts.iter_mut().zip(&mut more.texts) {
            own.append(other);
        }
        self.rows += more.rows;
    }
}

/// A plan and what it takes to follow it.
#[derive(Clone)]
pub struct TableEncoder {
    plan: Vec<ColumnPlan>,
    /// By column: the code of each value of a category.
    codes: Vec<HashMap<String, u32>>,
    /// By text column, in the order of the plan.
    scorers: Vec<TextScorer>,
}

impl TableEncoder {
    /// From a plan; texts are not scored yet.
    pub fn new(plan: Vec<ColumnPlan>) -> Self {
        let codes = |column: &ColumnPlan| match &column.role {
            Role::Category { values } => values.iter().cloned().zip(0..).collect(),
            _ => HashMap::new(),
        };
        text::warm_up();
        Self {
            codes: plan.iter().map(codes).collect(),
            plan,
            scorers: Vec::new(),
        }
    }

    /// Learns to score the texts of some rows for their classes, and appends to their features the scores by weights that
    /// have not learned them.
    ///
    /// # Errors
    /// As the learner.
    pub fn learn_texts(
        &mut self,
        encoded: &mut Encoded,
        classes: TextClasses<'_>,
        row_weights: &[f32],
        (seed, threads): (u64, usize),
    ) -> Result<()> {
        self.scorers.clear();
        for texts in &encoded.texts {
            let (scorer, unseen) = TextScorer::fit(texts, classes, row_weights, (seed, threads))?;
            let scores = scorer.scores();
            encoded.columns.extend((0..scores).map(|score| {
                let of_row = unseen.iter().skip(score).step_by(scores);
                FeatureColumn::Numbers(of_row.map(|score| f64::from(*score)).collect())
            }));
            self.scorers.push(scorer);
        }
        Ok(())
    }

    /// Appends to the features of other rows the scores of their texts.
    pub fn score_texts(&self, encoded: &mut Encoded, threads: usize) {
        let scores = scored(&encoded.texts, &self.scorers, threads);
        encoded.columns.extend(scores);
    }

    /// The columns a request gives.
    pub fn inputs(&self) -> Vec<ValueSpec> {
        self.plan.iter().map(spec).collect()
    }

    /// The plan.
    pub fn plan(&self) -> &[ColumnPlan] {
        &self.plan
    }

    /// Scores each text column has.
    pub fn text_scores(&self) -> Vec<usize> {
        self.scorers.iter().map(TextScorer::scores).collect()
    }

    /// The name of every feature, and the column it comes from, in the order of [`Self::encode`].
    pub fn features(&self) -> Vec<(String, usize)> {
        let mut features = Vec::new();
        for (at, column) in self.plan.iter().enumerate() {
            match column.role {
                Role::Number | Role::Category { .. } => features.push((column.name.clone(), at)),
                Role::Clock => {
                    features.push((format!("hour of {}", column.name), at));
                    features.push((format!("weekday of {}", column.name), at));
                }
                Role::Text => (),
            }
        }
        let texts = self
            .plan
            .iter()
            .enumerate()
            .filter(|(_, column)| column.role == Role::Text);
        for ((at, column), scorer) in texts.zip(&self.scorers) {
            features.extend((0..scorer.scores()).map(|_| (column.name.clone(), at)));
        }
        features
    }

    /// The features of rows that have the columns of the plan. Texts are not scored.
    ///
    /// # Errors
    /// When a column is missing or of a type that cannot be read as the plan's.
    pub fn read(&self, rows: &RecordBatch, threads: usize) -> Result<Encoded> {
        let mut encoded = Encoded {
            rows: rows.num_rows(),
            ..Encoded::default()
        };
        for (column, codes) in self.plan.iter().zip(&self.codes) {
            let place = || format!("column `{}`", column.name);
            let values = rows
                .column_by_name(&column.name)
                .ok_or_else(|| Error::table(place(), "is missing"))?;
            let values = match (column.value_type, values.data_type()) {
                // A single text stands for a conversation of one turn.
                (ValueType::TextList, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => values.clone(),
                (wanted, _) => cast(values, &wanted.data_type()).map_err(|e| Error::table(place(), e))?,
            };
            match &column.role {
                Role::Number => encoded.columns.push(FeatureColumn::Numbers(numbers(&values)?)),
                Role::Clock => encoded.columns.extend(clock(&values)),
                Role::Category { values: known } => {
                    let other = known.len() as u32;
                    let code = |value: Option<&str>| {
                        value.map_or(MISSING_CODE, |value| codes.get(value).copied().unwrap_or(other))
                    };
                    let values = values.as_string::<i32>().iter().map(code).collect();
                    encoded.columns.push(FeatureColumn::Codes(values));
                }
                Role::Text => encoded.texts.push(prepared(&values, threads)?),
            }
        }
        Ok(encoded)
    }

    /// All features of rows, the scores of their texts among them.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn encode(&self, rows: &RecordBatch) -> Result<Vec<FeatureColumn>> {
        Ok(self.read_and_score(rows)?.columns)
    }

    /// All features of rows, with their prepared texts.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_and_score(&self, rows: &RecordBatch) -> Result<Encoded> {
        let mut encoded = self.read(rows, 1)?;
        self.score_texts(&mut encoded, 1);
        Ok(encoded)
    }

    /// A value of a column as a reason shows it; nothing for texts.
    pub fn shown(&self, column: usize, rows: &RecordBatch, row: usize) -> Option<String> {
        let plan = &self.plan[column];
        let values = rows.column_by_name(&plan.name)?;
        if values.is_null(row) {
            return Some("nothing".into());
        }
        match plan.role {
            Role::Text => None,
            Role::Category { .. } => {
                let value = values.as_string_opt::<i32>()?.value(row);
                let is_known = self.codes[column].contains_key(value);
                Some(if is_known {
                    value.to_owned()
                } else {
                    "another value".to_owned()
                })
            }
            Role::Number | Role::Clock => arrow::util::display::array_value_to_string(values, row).ok(),
        }
    }

    /// The arrays to store.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let of = |(at, scorer): (usize, &TextScorer)| {
            let tensors = scorer.tensors().into_iter();
            tensors.map(move |(name, tensor)| (format!("{}{name}", prefix(at)), tensor))
        };
        self.scorers.iter().enumerate().flat_map(of).collect()
    }

    /// Takes the scorers of a plan, which is not trusted, out of an artifact; `scores` says how many each has.
    ///
    /// # Errors
    /// When arrays are missing or do not fit.
    pub fn take(artifact: &mut Artifact, plan: Vec<ColumnPlan>, scores: &[usize]) -> Result<Self> {
        let texts = plan.iter().filter(|column| column.role == Role::Text).count();
        let sorted = |column: &ColumnPlan| match &column.role {
            Role::Category { values } => values.is_sorted_by(|a, b| a < b),
            _ => true,
        };
        if texts != scores.len() || !plan.iter().all(sorted) {
            return Err(Error::artifact("settings", "a plan of columns that cannot be"));
        }
        let mut encoder = Self::new(plan);
        for (at, scores) in scores.iter().enumerate() {
            let mut part = artifact.take_part(&prefix(at));
            encoder.scorers.push(TextScorer::take(&mut part, *scores)?);
        }
        if encoder.scorers.iter().any(TextScorer::has_chinese) {
            text::words::warm_up_chinese();
        }
        Ok(encoder)
    }
}

/// The scores of some columns of prepared texts, each by its scorer, as features.
pub fn scored(texts: &[Vec<String>], scorers: &[TextScorer], threads: usize) -> Vec<FeatureColumn> {
    let mut features = Vec::new();
    for (texts, scorer) in texts.iter().zip(scorers) {
        let parts = map_chunks(texts, threads, |part| {
            let (mut row, mut scores) = (Vec::new(), Vec::new());
            let mut own = vec![Vec::with_capacity(part.len()); scorer.scores()];
            for text in part {
                scorer.score(text, &mut row, &mut scores);
                own.iter_mut()
                    .zip(&scores)
                    .for_each(|(own, score)| own.push(f64::from(*score)));
            }
            own
        });
        let of = |score: usize| parts.iter().flat_map(|part| &part[score]).copied().collect();
        let columns = (0..scorer.scores()).map(|score| FeatureColumn::Numbers(of(score)));
        features.extend(columns);
    }
    features
}

fn prefix(text: usize) -> String {
    format!("text.{text}.")
}

fn spec(column: &ColumnPlan) -> ValueSpec {
    let (about, example) = match (&column.role, column.value_type) {
        (Role::Number, ValueType::Boolean) => ("True or false.", serde_json::json!(true)),
        (Role::Number, ValueType::Integer) => ("A whole number.", serde_json::json!(3)),
        (Role::Number, _) => ("A number.", serde_json::json!(1.5)),
        (Role::Clock, _) => (
            "A time: its hour and weekday count.",
            serde_json::json!("2026-03-02T09:30:00Z"),
        ),
        (Role::Category { values }, _) => (
            "One of the values that the examples have; another counts as \"another value\".",
            serde_json::json!(values.first().map_or("", String::as_str)),
        ),
        (Role::Text, ValueType::TextList) => (
            "What was said so far, oldest first.",
            serde_json::json!(["Where is my order?"]),
        ),
        (Role::Text, _) => ("A text.", serde_json::json!("Where is my order?")),
    };
    ValueSpec {
        name: column.name.clone(),
        value_type: column.value_type,
        nullable: true,
        optional: true,
        about: about.into(),
        example,
    }
}

fn numbers(values: &ArrayRef) -> Result<Vec<f64>> {
    // Not every type has a cast of its own to a number: true is 1.
    let values = match values.data_type() {
        DataType::Boolean => {
            let flags = values.as_boolean().iter();
            return Ok(flags
                .map(|flag| flag.map_or(f64::NAN, |flag| f64::from(u8::from(flag))))
                .collect());
        }
        DataType::Int64 => {
            let whole = values.as_primitive::<Int64Type>().iter();
            return Ok(whole
                .map(|value| value.map_or(f64::NAN, |value| value as f64))
                .collect());
        }
        _ => cast(values, &DataType::Float64).map_err(|e| Error::table("a column of numbers", e))?,
    };
    let numbers = values.as_primitive::<Float64Type>().iter();
    Ok(numbers.map(|value| value.unwrap_or(f64::NAN)).collect())
}

/// The hour and the weekday.
fn clock(values: &ArrayRef) -> [FeatureColumn; 2] {
    let times = values.as_primitive::<TimestampMicrosecondType>();
    let of = |part: &dyn Fn(i64) -> i64| {
        let value = |time: Option<i64>| time.map_or(f64::NAN, |time| part(time) as f64);
        FeatureColumn::Numbers(times.iter().map(value).collect())
    };
    [
        of(&|time| time.rem_euclid(DAY_US) / HOUR_US),
        of(&|time| (time.div_euclid(DAY_US) + EPOCH_WEEKDAY).rem_euclid(7)),
    ]
}

/// Texts as models see them; turns on lines of their own.
fn prepared(values: &ArrayRef, threads: usize) -> Result<Vec<String>> {
    let texts: Vec<String> = match values.data_type() {
        DataType::List(_) => {
            let turns = |list: Option<ArrayRef>| {
                let list = list?;
                let turns: Vec<&str> = list.as_string_opt::<i32>()?.iter().flatten().collect();
                Some(turns.join("\n"))
            };
            values
                .as_list::<i32>()
                .iter()
                .map(|list| turns(list).unwrap_or_default())
                .collect()
        }
        _ => {
            let values = cast(values, &DataType::Utf8).map_err(|e| Error::table("a column of texts", e))?;
            values
                .as_string::<i32>()
                .iter()
                .map(|text| text.unwrap_or_default().to_owned())
                .collect()
        }
    };
    let parts = map_chunks(&texts, threads, |part| {
        part.iter().map(|text| text::prepare(text)).collect::<Vec<_>>()
    });
    Ok(parts.into_iter().flatten().collect())
}
