//! The labels of the satisfaction kind: levels of satisfaction, some of which mean dissatisfied.

use std::collections::BTreeSet;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::kind::Rows;

/// More levels are no levels but values.
const LEVELS_MAX: usize = 100;

/// Labels that say by themselves that a customer is dissatisfied, when there are two.
const DISSATISFIED: [&str; 10] = [
    "dissatisfied",
    "unsatisfied",
    "not satisfied",
    "unhappy",
    "negative",
    "bad",
    "false",
    "no",
    "0",
    "不满意",
];

/// Of more than two numbers the lowest ones, this share of them, mean dissatisfied: 1 and 2 of 1 to 5.
const LOW_SHARE: f64 = 0.4;

/// All levels, the lowest first if they are numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Levels {
    /// Their names, as labels.
    pub names: Vec<String>,
    /// Their values, if all are numbers and there are more than two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<f64>>,
    /// Which of them mean dissatisfied.
    pub dissatisfied: Vec<bool>,
}

/// A label as a name: numbers without a fraction have none.
pub(super) fn name_of(label: &str) -> String {
    let label = label.trim();
    match label.parse::<f64>() {
        Ok(number) if number.is_finite() => number.to_string(),
        _ => label.to_owned(),
    }
}

/// A column of labels as names; none for null.
pub(super) fn names(column: &ArrayRef) -> Result<Vec<Option<String>>> {
    let texts = cast(column, &DataType::Utf8).map_err(|e| Error::table("column `label`", e))?;
    Ok(texts
        .as_string::<i32>()
        .iter()
        .map(|label| label.map(name_of))
        .collect())
}

impl Levels {
    /// From the labels of the rows. `wanted` are those that mean dissatisfied and `unanswered` the one that is no level, if the
    /// recipe says.
    ///
    /// # Errors
    /// When there are fewer than two or too many, or it cannot be told which mean dissatisfied.
    pub(super) fn new(parts: &[&dyn Rows], wanted: &[String], unanswered: Option<&str>, model: &str) -> Result<Self> {
        let problem = |message: String, hint: &str| Error::Examples {
            model: model.into(),
            message,
            hint: hint.into(),
        };
        let mut all = BTreeSet::new();
        for rows in parts {
            for batch in rows.batches()? {
                let batch = batch?;
                let column = batch.column_by_name("label").ok_or_else(|| {
                    problem(
                        "there is no column `label`".into(),
                        "a satisfaction model learns from a column `label`",
                    )
                })?;
                if column.null_count() > 0 {
                    let hint = "leave such rows out: `where label is not null`";
                    return Err(problem("column `label` holds nulls".into(), hint));
                }
                let names = names(column)?.into_iter().flatten();
                all.extend(names.filter(|name| Some(name.as_str()) != unanswered));
                if all.len() > LEVELS_MAX {
                    let message = format!("more than {LEVELS_MAX} different labels");
                    return Err(problem(message, "a label is a level of satisfaction, such as 1 to 5"));
                }
            }
        }
        if all.len() < 2 {
            let message = format!("{} label(s); at least two are needed", all.len());
            return Err(problem(
                message,
                "look at the examples query and at the rejects of its tables",
            ));
        }
        let mut names: Vec<String> = all.into_iter().collect();
        let values: Option<Vec<f64>> = names.iter().map(|name| name.parse().ok()).collect();
        if values.is_some() {
            let value = |name: &String| name.parse::<f64>().unwrap_or_default();
            names.sort_by(|a, b| value(a).total_cmp(&value(b)));
        }
        let values = values.map(|mut values| {
            values.sort_by(f64::total_cmp);
            values
        });
        let dissatisfied = meaning(&names, values.is_some(), wanted);
        let both = dissatisfied.contains(&true) && dissatisfied.contains(&false);
        if !both || wanted.iter().any(|label| !names.contains(label)) {
            let shown: Vec<&str> = names.iter().take(20).map(String::as_str).collect();
            let message = format!(
                "which labels mean dissatisfied cannot be told; labels: {}",
                shown.join(", ")
            );
            return Err(problem(
                message,
                "say so in the recipe: dissatisfied = [\"...\"], some of the labels, not all",
            ));
        }
        Ok(Self {
            values: values.filter(|values| values.len() > 2),
            names,
            dissatisfied,
        })
    }

    /// The place of a label.
    pub(super) fn place(&self, label: &str) -> Option<usize> {
        self.names.iter().position(|name| name == label)
    }

    /// The probability of dissatisfaction, and the rating to be expected of levels that are numbers.
    pub(super) fn expect(&self, probabilities: &[f64]) -> (f64, Option<f64>) {
        let low = probabilities.iter().zip(&self.dissatisfied);
        let dissatisfied = low.map(|(p, is_low)| if *is_low { *p } else { 0.0 }).sum();
        let rating = self.values.as_ref().map(|values| {
            let parts = probabilities.iter().zip(values).map(|(p, value)| p * value);
            parts.sum()
        });
        (dissatisfied, rating)
    }

    /// Checks what an artifact says.
    pub(super) fn is_sound(&self) -> bool {
        let count = self.names.len();
        let values = self
            .values
            .as_ref()
            .is_none_or(|values| values.len() == count && values.iter().all(|value| value.is_finite()));
        (2..=LEVELS_MAX).contains(&count) && self.dissatisfied.len() == count && values
    }
}

fn meaning(names: &[String], are_numbers: bool, wanted: &[String]) -> Vec<bool> {
    // By place and not by value: one rating of 11 among those from 1 to 5 must not turn all of these into low ones.
    let low = ((names.len() as f64 * LOW_SHARE) as usize).max(1);
    let is_low: &dyn Fn(usize) -> bool = match wanted {
        [_, ..] => &|at| wanted.contains(&names[at]),
        [] if are_numbers && names.len() > 2 => &|at| at < low,
        [] => &|at| DISSATISFIED.contains(&names[at].to_lowercase().as_str()),
    };
    (0..names.len()).map(is_low).collect()
}
