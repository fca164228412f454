//! The labels of examples: of each row one, or a list of any length; and of all rows together, with how often each comes.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::context::is_list;
use super::examples::Source;
use crate::error::{Error, Result};
use crate::kind::ValueType;
use crate::metrics::LabelScores;

/// Labels with fewer examples than this are listed in the report.
pub(super) const RARE_ROWS: u64 = 5;

/// The labels of a batch of rows.
pub(super) struct RowLabels {
    names: Vec<String>,
    /// Where the labels of each row end in `names`; none if each row has one.
    ends: Option<Vec<usize>>,
}

impl RowLabels {
    /// From a column of texts or of lists of texts. Nulls and empty texts within a list are no labels, and a label given
    /// twice counts once. `None` if a row is null.
    ///
    /// # Errors
    /// When the column holds neither.
    pub(super) fn read(column: &ArrayRef) -> Result<Option<Self>> {
        let failed = |e| Error::table("column `label`", e);
        if column.null_count() > 0 {
            return Ok(None);
        }
        if !is_list(column.data_type()) {
            let column = cast(column, &DataType::Utf8).map_err(failed)?;
            // A cast makes nulls of what it cannot read, and a column without a type holds nothing else.
            let names: Option<Vec<String>> = column.as_string::<i32>().iter().map(|l| l.map(str::to_owned)).collect();
            return Ok(names.map(|names| Self { names, ends: None }));
        }
        let lists = cast(column, &ValueType::TextList.data_type()).map_err(failed)?;
        let mut names = Vec::new();
        let mut ends = Vec::with_capacity(lists.len());
        for list in lists.as_list::<i32>().iter().flatten() {
            let mut row: Vec<&str> = list.as_string::<i32>().iter().flatten().collect();
            row.retain(|label| !label.is_empty());
            row.sort_unstable();
            row.dedup();
            names.extend(row.into_iter().map(str::to_owned));
            ends.push(names.len());
        }
        Ok(Some(Self {
            names,
            ends: Some(ends),
        }))
    }

    /// The labels of a row, sorted.
    pub(super) fn of(&self, row: usize) -> &[String] {
        match &self.ends {
            None => &self.names[row..=row],
            Some(ends) => &self.names[row.checked_sub(1).map_or(0, |before| ends[before])..ends[row]],
        }
    }

    /// As the column they came from.
    pub(super) fn to_array(&self) -> ArrayRef {
        if self.ends.is_none() {
            return Arc::new(StringArray::from_iter_values(&self.names));
        }
        let mut lists = ListBuilder::new(StringBuilder::new());
        for row in 0..self.len() {
            lists.append_value(self.of(row).iter().map(Some));
        }
        Arc::new(lists.finish())
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.ends.as_ref().map_or(self.names.len(), Vec::len)
    }

    /// All labels, row by row.
    pub(super) fn all(&self) -> &[String] {
        &self.names
    }
}

/// The labels of all examples, sorted.
pub(super) struct Labels {
    pub names: Vec<String>,
    /// In how many training rows each comes; 0 for those that come in the calibration rows only.
    pub rows: Vec<u64>,
    /// The mean number of rows of a label to that of each: of training rows, or of calibration rows for the labels that
    /// come in these only.
    rarity: Vec<f64>,
    /// Examples of labels that have few, the calibration rows included.
    pub rare: BTreeMap<String, u64>,
    /// Whether a row may have none or several.
    pub several: bool,
}

impl Labels {
    /// From the counts of the training rows and the calibration rows, which are learned at the end too.
    ///
    /// # Errors
    /// When there are too few labels to tell apart, or rows that may have none have a label for that.
    pub(super) fn new(
        (train, mut counts): (&Source<'_>, BTreeMap<String, u64>),
        calibrate: &Source<'_>,
        out_of_scope: Option<String>,
    ) -> Result<Self> {
        let schema = train.rows.schema();
        let several = schema
            .field_with_name("label")
            .is_ok_and(|field| is_list(field.data_type()));
        if let (true, Some(label)) = (several, &out_of_scope) {
            return Err(train.problem(
                format!("`out_of_scope` names `{label}`, and texts have lists of labels"),
                "leave it out: a text that is about nothing has an empty list",
            ));
        }
        let own = |label: &String| Some(label) != out_of_scope.as_ref();
        counts.retain(|label, _| own(label));
        let (needed, words) = if several { (1, "one is") } else { (2, "two are") };
        if counts.len() < needed {
            let message = format!(
                "{} label(s) in the training rows; at least {words} needed",
                counts.len()
            );
            return Err(train.problem(message, "look at the examples query and at the rejects of its tables"));
        }
        let mut both: BTreeMap<String, (u64, u64)> =
            counts.into_iter().map(|(label, rows)| (label, (rows, 0))).collect();
        for batch in calibrate.rows.batches()? {
            for label in calibrate.labels(&batch?)?.names.into_iter().filter(own) {
                both.entry(label).or_default().1 += 1;
            }
        }
        let total = |rows: &(u64, u64)| rows.0 + rows.1;
        let learned = |rows: &(u64, u64)| if rows.0 > 0 { rows.0 } else { rows.1 };
        let mean = both.values().map(learned).sum::<u64>() as f64 / both.len() as f64;
        Ok(Self {
            rarity: both.values().map(|rows| mean / learned(rows) as f64).collect(),
            rows: both.values().map(|rows| rows.0).collect(),
            rare: both
                .iter()
                .filter(|(_, rows)| total(rows) < RARE_ROWS)
                .map(|(label, rows)| (label.clone(), total(rows)))
                .collect(),
            names: both.into_keys().collect(),
            several,
        })
    }

    /// The classes of a row's labels; none of a row that is out of scope.
    pub(super) fn classes(&self, labels: &[String]) -> Vec<u32> {
        let class = |label| self.names.binary_search(label).ok().map(|class| class as u32);
        labels.iter().filter_map(class).collect()
    }

    /// Whether the right answer to a row of these classes can be given by a model that has learned the training rows. Not
    /// if they lack a class, or the row is out of scope.
    pub(super) fn can_be_right(&self, classes: &[u32]) -> bool {
        (self.several || !classes.is_empty()) && classes.iter().all(|class| self.rows[*class as usize] > 0)
    }

    /// What a row of these classes counts: 1 with `balance` 0, and with 1 so much that all labels count alike. The mean
    /// of several labels; 1 for none.
    pub(super) fn weight(&self, classes: &[u32], balance: f32) -> f32 {
        if classes.is_empty() {
            return 1.0;
        }
        let weight = |class: &u32| self.rarity[*class as usize].powf(f64::from(balance));
        (classes.iter().map(weight).sum::<f64>() / classes.len() as f64) as f32
    }
}

/// Labels named in one note.
const NOTED_MAX: usize = 20;

/// What a report has to say of labels with few examples or none.
pub(super) fn notes(rare: &BTreeMap<String, u64>, known: &[String], measured: &[LabelScores]) -> Vec<(String, String)> {
    let listed = |mut labels: Vec<String>| {
        let more = labels.len().saturating_sub(NOTED_MAX);
        labels.truncate(NOTED_MAX);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        format!("{}{more}", labels.join(", "))
    };
    let mut notes = Vec::new();
    if !rare.is_empty() {
        let few = rare.iter().map(|(label, rows)| format!("{label} ({rows})")).collect();
        let text = format!("learned from fewer than {RARE_ROWS} examples: {}", listed(few));
        notes.push(("rare labels".to_owned(), text));
    }
    let unknown = |label: &&LabelScores| label.rows > 0 && known.binary_search(&label.label).is_err();
    let unknown: Vec<String> = measured
        .iter()
        .filter(unknown)
        .map(|label| format!("{} ({})", label.label, label.rows))
        .collect();
    if !unknown.is_empty() {
        let text = format!(
            "in the held-back rows only, so that each such row counts as wrong: {}",
            listed(unknown)
        );
        notes.push(("labels not learned".to_owned(), text));
    }
    notes
}
