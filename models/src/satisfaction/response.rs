//! Who answers a survey is not whoever has a case, and answers come late. How likely each case is to be rated is estimated
//! (the propensity of Rosenbaum and Rubin, Biometrika 1983) from all cases whose time for it is over; ratings then count by its
//! inverse. It corrects for what the columns know, and not for a mood that only the rating shows.

use std::collections::BTreeMap;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use serde::{Deserialize, Serialize};

use super::levels::name_of;
use super::recipe::SatisfactionRecipe;
use crate::artifact::{Artifact, Tensor};
use crate::error::{Error, Result};
use crate::kind::{Examples, FitContext, Rows};
use crate::learn::trees::{ColumnKind, Objective, TreeSettings};
use crate::metrics::{Evaluation, Metric, auroc_weighted};
use crate::table::{Classes, ColumnPlan, TableEncoder, TableModel, columns_of, grow, read_rows};

/// Weights are kept within this factor of 1: one case that hardly anybody like it rates must not speak for hundreds.
const WEIGHT_MAX: f64 = 5.0;

const LEAVES: usize = 8;
const DAY_US: f64 = 86_400e6;
const PREFIX: &str = "response.";

/// The small facts of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ResponseSettings {
    /// The label of cases without a rating.
    pub label: String,
    /// So many days after `time` nearly all ratings are in; 0 if time does not matter.
    pub maturity_days: f64,
    /// Share of the learned cases that was rated.
    pub share: f64,
    text_scores: Vec<usize>,
    kinds: Vec<ColumnKind>,
}

/// How likely a case is to be rated.
pub(super) struct Response {
    pub settings: ResponseSettings,
    table: TableModel,
}

/// Weights of the rated rows, in their order.
pub(super) struct ResponseWeights {
    pub train: Vec<f64>,
    pub held_back: Vec<f64>,
}

/// Learns it from all cases. `None` if the recipe names no label of cases without a rating.
///
/// # Errors
/// When there is no case of the one or the other sort, or a column is missing.
pub(super) fn fit(
    examples: &Examples<'_>,
    recipe: &SatisfactionRecipe,
    plan: &[ColumnPlan],
    context: &FitContext<'_>,
) -> Result<Option<(Response, ResponseWeights)>> {
    let Some(label) = &recipe.unanswered else {
        return Ok(None);
    };
    let maturity_days = recipe.maturity_days;
    let kept: &[&str] = if maturity_days > 0.0 { &["time"] } else { &[] };
    let mut encoder = TableEncoder::new(plan.to_vec());
    let classes = Classes {
        of: &|one| Some(u32::from(name_of(one) != *label)),
        of_texts: &|class| class,
        count: 2,
        kept,
    };
    let (train, held_back) = read_rows(examples, &mut encoder, &classes, context)?;
    let newest = newest(&[examples.train, examples.calibrate])?;
    let mature = |kept: &[RecordBatch], rows: usize| -> Result<Vec<usize>> {
        let mut mature = Vec::with_capacity(rows);
        for batch in kept {
            mature.extend(is_mature(batch, maturity_days, newest)?);
        }
        mature.resize(rows, true);
        Ok((0..rows).filter(|row| mature[*row]).collect())
    };
    let taken = train.taken(&mature(&train.kept, train.classes.len())?);
    let held_taken = held_back.taken(&mature(&held_back.kept, held_back.classes.len())?);
    let answered = taken.classes.iter().filter(|class| **class == 1).count();
    if answered == 0 || answered == taken.classes.len() {
        return Err(Error::Examples {
            model: examples.model.into(),
            message: format!(
                "{answered} of {} cases are rated; both sorts are needed",
                taken.classes.len()
            ),
            hint: format!("select cases without a rating too, with the label `{label}`, or leave `unanswered` out"),
        });
    }
    let targets = |classes: &[u32]| classes.iter().map(|class| f64::from(*class)).collect::<Vec<f64>>();
    let settings = TreeSettings {
        rounds: recipe.rounds,
        learning_rate: recipe.learning_rate,
        leaves_max: LEAVES,
        leaf_rows_min: recipe.leaf_rows_min,
        l2: recipe.l2,
        feature_fraction: recipe.feature_fraction,
        stop_after: Some(recipe.stop_after),
        seed: context.seed,
        threads: context.threads,
        ..TreeSettings::new(Objective::Binary)
    };
    let (own, held) = (targets(&taken.classes), targets(&held_taken.classes));
    let ending = vec![true; held.len()];
    let trees = grow((&taken, &own), (&held_taken, &held), &ending, &settings, examples.model)?.trees;
    let settings = ResponseSettings {
        label: label.clone(),
        maturity_days,
        share: answered as f64 / taken.classes.len() as f64,
        text_scores: encoder.text_scores(),
        kinds: trees.arrays().kinds.clone(),
    };
    let of_rated = |rows: &crate::table::TableRows| -> Result<Vec<f64>> {
        let answers = trees.predict_batch(&columns_of(&rows.encoded.columns), context.threads);
        let answers = answers.map_err(|error| Error::table("examples", error))?;
        let rated = answers.iter().zip(&rows.classes).filter(|(_, class)| **class == 1);
        Ok(rated.map(|(likely, _)| settings.weight(*likely)).collect())
    };
    let weights = ResponseWeights {
        train: of_rated(&train)?,
        held_back: of_rated(&held_back)?,
    };
    let table = TableModel::new(encoder, trees)?;
    Ok(Some((Response { settings, table }, weights)))
}

impl ResponseSettings {
    fn weight(&self, likely: f64) -> f64 {
        (self.share / likely.max(1e-9)).clamp(1.0 / WEIGHT_MAX, WEIGHT_MAX)
    }
}

impl Response {
    /// Takes it out of an artifact; `plan` is that of the model.
    ///
    /// # Errors
    /// When arrays are missing or do not fit.
    pub fn take(artifact: &mut Artifact, settings: ResponseSettings, plan: &[ColumnPlan]) -> Result<Self> {
        let mut part = artifact.take_part(PREFIX);
        let columns = (plan, settings.text_scores.as_slice());
        let table = TableModel::take(&mut part, columns, (Objective::Binary, &settings.kinds))?;
        if !(0.0..=1.0).contains(&settings.share) || !(0.0..=1e5).contains(&settings.maturity_days) {
            return Err(Error::artifact("settings", "the share of rated cases is none"));
        }
        Ok(Self { settings, table })
    }

    /// The arrays to store.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let tensors = self.table.tensors().into_iter();
        tensors
            .map(|(name, tensor)| (format!("{PREFIX}{name}"), tensor))
            .collect()
    }

    /// The weight of each row, which has the columns of the model.
    fn weights(&self, rows: &RecordBatch) -> Result<Vec<f64>> {
        let answers = self.table.answer(&self.table.encoder.encode(rows)?)?;
        Ok(answers.iter().map(|likely| self.settings.weight(*likely)).collect())
    }
}

/// The latest `time` of some rows, in microseconds; none if they have no such column.
fn newest(parts: &[&dyn Rows]) -> Result<Option<i64>> {
    let mut newest = None;
    for rows in parts {
        if rows.schema().field_with_name("time").is_err() {
            continue;
        }
        for batch in rows.batches()? {
            newest = newest.max(times(&batch?)?.into_iter().flatten().max());
        }
    }
    Ok(newest)
}

fn times(batch: &RecordBatch) -> Result<Vec<Option<i64>>> {
    let place = "column `time`";
    let column = batch
        .column_by_name("time")
        .ok_or_else(|| Error::table(place, "is missing; `maturity_days` needs it"))?;
    let column = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, None)).map_err(|e| Error::table(place, e))?;
    Ok(column.as_primitive::<TimestampMicrosecondType>().iter().collect())
}

/// Whether the time for a rating is over; a row without a time counts as old.
fn is_mature(batch: &RecordBatch, maturity_days: f64, newest: Option<i64>) -> Result<Vec<bool>> {
    if maturity_days <= 0.0 {
        return Ok(vec![true; batch.num_rows()]);
    }
    let last = newest.unwrap_or(i64::MAX) as f64 - maturity_days * DAY_US;
    let times = times(batch)?.into_iter();
    Ok(times.map(|time| time.is_none_or(|time| time as f64 <= last)).collect())
}

/// What is counted while a report is made.
pub(super) struct ResponseTally<'a> {
    response: &'a Response,
    newest: Option<i64>,
    /// Rated cases and all of them, of those whose time is over and of the younger ones.
    mature: (u64, u64),
    young: (u64, u64),
}

impl<'a> ResponseTally<'a> {
    /// Nothing counted yet.
    pub fn new(response: &'a Response, held_back: &dyn Rows) -> Result<Self> {
        Ok(Self {
            response,
            newest: newest(&[held_back])?,
            mature: (0, 0),
            young: (0, 0),
        })
    }

    /// The rated rows of a batch whose time is over, and what each counts.
    pub fn take(&mut self, batch: &RecordBatch) -> Result<(RecordBatch, Vec<f64>)> {
        let settings = &self.response.settings;
        let labels = batch
            .column_by_name("label")
            .and_then(|column| column.as_string_opt::<i32>());
        let labels = labels.ok_or_else(|| Error::table("column `label`", "is missing"))?;
        let mature = is_mature(batch, settings.maturity_days, self.newest)?;
        let is_taken = |(label, mature): (Option<&str>, bool)| {
            let rated = label != Some(settings.label.as_str());
            let counts = if mature { &mut self.mature } else { &mut self.young };
            counts.0 += u64::from(rated);
            counts.1 += 1;
            Some(rated && mature)
        };
        let taken: BooleanArray = labels.iter().zip(mature).map(is_taken).collect();
        let rows = filter_record_batch(batch, &taken).map_err(|e| Error::table("held-back rows", e))?;
        let weights = self.response.weights(&rows)?;
        Ok((rows, weights))
    }

    /// Says what the ratings stand for: both figures, and what share of them is in.
    pub fn report(&self, (low, is_low, weights): (&[f64], &[bool], &[f64]), evaluation: &mut Evaluation) {
        let metric = |name: &str, value, larger_is_better| Metric {
            name: name.into(),
            value,
            interval: None,
            larger_is_better,
        };
        let hits = is_low.iter().filter(|is_low| **is_low).count() as f64;
        let plain = hits / is_low.len().max(1) as f64;
        let pairs = is_low.iter().zip(weights);
        let weighted: f64 = pairs.map(|(is_low, weight)| if *is_low { *weight } else { 0.0 }).sum();
        let weighted = weighted / weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        if let Some(area) = auroc_weighted(low, is_low, weights) {
            evaluation.metrics.push(metric("auroc_weighted", area, true));
        }
        evaluation.metrics.push(metric("dissatisfied_share", plain, false));
        evaluation
            .metrics
            .push(metric("dissatisfied_share_weighted", weighted, false));
        let share = |(rated, all): (u64, u64)| 100.0 * rated as f64 / all.max(1) as f64;
        let mut text = format!(
            "{} of {} cases are rated ({:.1}%); dissatisfied are {:.1}% of those, {:.1}% if each counts by how unlikely its \
             rating was",
            self.mature.0,
            self.mature.1,
            share(self.mature),
            100.0 * plain,
            100.0 * weighted
        );
        if self.response.settings.maturity_days > 0.0 {
            text += &format!(
                ". Of the {} cases of the last {} days {:.1}% are rated so far; they are not measured",
                self.young.1,
                self.response.settings.maturity_days,
                share(self.young)
            );
        }
        evaluation.notes.push(("who answers".into(), text));
    }
}
