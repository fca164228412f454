//! How the model of agents is learned: from the features of cases, as they were learned for queues, and those of the agents
//! who had them.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type};

use super::{AgentSettings, Agents, HANDLE, OUTCOME, QUANTILES, log_of, objective};
use crate::error::{Error, Result};
use crate::kind::{Examples, FitContext};
use crate::learn::trees::TreeModel;
use crate::routing::fit::tree_settings;
use crate::routing::recipe::RoutingRecipe;
use crate::table::{
    Encoded, FeatureColumn, Plan, Role, RoleChoice, TableEncoder, TableRows, TextClasses, TextScorer, columns_of, grow,
    scored,
};

/// With fewer rows neither a time nor an outcome is learned.
const ROWS_MIN: usize = 50;

/// Rows of cases that agents had, to learn from and held back.
pub(in crate::routing) struct Pairs<'a> {
    pub examples: &'a Examples<'a>,
    pub recipe: &'a RoutingRecipe,
    pub context: &'a FitContext<'a>,
    pub train: &'a TableRows,
    pub held_back: &'a TableRows,
}

/// One part: features of cases with those of agents, and both targets, absent where they are not known.
struct Part {
    features: Vec<FeatureColumn>,
    weights: Vec<f32>,
    /// Logarithms of seconds; 1 or 0.
    targets: [Vec<Option<f64>>; 2],
}

impl Part {
    /// The same rows, with what is left of their times over those that trees say.
    fn above(&self, centre: &TreeModel, threads: usize) -> Result<Self> {
        let answers = centre.predict_batch(&columns_of(&self.features), threads);
        let answers = answers.map_err(|error| Error::table("examples", error))?;
        let pairs = self.targets[0].iter().zip(answers);
        let left = pairs.map(|(log, centre)| log.map(|log| log - centre)).collect();
        Ok(Self {
            features: self.features.clone(),
            weights: self.weights.clone(),
            targets: [left, Vec::new()],
        })
    }
}

/// Learns the model of agents. `None` if the recipe names no column of agents.
///
/// # Errors
/// When a column is missing, is a text, or there are too few rows.
pub(in crate::routing) fn fit(pairs: &Pairs<'_>) -> Result<Option<Agents>> {
    let Some(agent) = &pairs.recipe.agent else {
        return Ok(None);
    };
    let problem = |message: String, hint: &str| Error::Examples {
        model: pairs.examples.model.into(),
        message,
        hint: hint.into(),
    };
    let plan = plan(pairs, agent)?;
    if let Some(text) = plan.columns.iter().find(|column| matches!(column.role, Role::Text)) {
        let message = format!("column `{}` of agents is a text", text.name);
        return Err(problem(message, "say `category` or `skip` of it under `columns`"));
    }
    if !plan.columns.iter().any(|column| column.name == *agent) {
        let message = format!("column `{agent}` does not tell agents apart");
        return Err(problem(message, "name the column that says who had the case"));
    }
    let encoder = TableEncoder::new(plan.columns.clone());
    let (scorers, scores) = texts(pairs)?;
    let train = part((pairs.train, scores), &encoder)?;
    let scores = scored(&pairs.held_back.encoded.texts, &scorers, pairs.context.threads);
    let held_back = part((pairs.held_back, scores), &encoder)?;
    let (mut handle, mut shifts) = (Vec::new(), [0.0; 2]);
    if let Some((centre, shift)) = grown(pairs, (&train, &held_back), 0)? {
        // What is left above the centre; how much of it there is in rows that were learned is put right by the shift.
        let above = (
            train.above(&centre, pairs.context.threads)?,
            held_back.above(&centre, pairs.context.threads)?,
        );
        if let Some((above, own)) = grown(pairs, (&above.0, &above.1), 1)? {
            handle = vec![centre, above];
            shifts = [shift, own];
        }
    }
    let outcome = grown(pairs, (&train, &held_back), QUANTILES.len())?.map(|(trees, _)| trees);
    let Some(kinds) = handle
        .first()
        .or(outcome.as_ref())
        .map(|trees| trees.arrays().kinds.clone())
    else {
        let message = format!("fewer than {ROWS_MIN} rows have `{HANDLE}`, and fewer have both sorts of `{OUTCOME}`");
        return Err(problem(
            message,
            "select what became of the cases, or leave `agent` out of the recipe",
        ));
    };
    let known = |target: &Vec<Option<f64>>| target.iter().flatten().count() as u64;
    let settings = AgentSettings {
        agent: agent.clone(),
        plan: plan.columns,
        kinds,
        text_scores: scorers.iter().map(TextScorer::scores).collect(),
        handle: (!handle.is_empty()).then_some(shifts),
        outcome: outcome.is_some(),
        rows: (known(&train.targets[0]), known(&train.targets[1])),
    };
    Ok(Some(Agents::new(settings, scorers, handle, outcome)))
}

/// How the columns of agents are used.
fn plan(pairs: &Pairs<'_>, agent: &str) -> Result<Plan> {
    let schema = pairs.examples.train.schema();
    let own = pairs.recipe.agent_sides();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let others: Vec<&str> = names.filter(|name| !own.contains(name)).collect();
    let chosen = pairs
        .recipe
        .columns
        .iter()
        .filter(|(name, _)| own.contains(&name.as_str()));
    let mut chosen: std::collections::BTreeMap<String, RoleChoice> =
        chosen.map(|(name, choice)| (name.clone(), *choice)).collect();
    chosen.entry(agent.to_owned()).or_insert(RoleChoice::Category);
    Plan::make(pairs.examples.train, &others, &chosen)
}

/// Learns to score the texts of cases for how long they take, as three classes: short, middling, long. What a text says of
/// the queue says little of that. Also gives the scores of the rows to learn from, by weights that have not learned them.
fn texts(pairs: &Pairs<'_>) -> Result<(Vec<TextScorer>, Vec<FeatureColumn>)> {
    let mut times = Vec::with_capacity(pairs.train.classes.len());
    for kept in &pairs.train.kept {
        times.append(&mut numbers(kept, HANDLE)?);
    }
    let mut sorted: Vec<f64> = times.iter().flatten().copied().collect();
    if sorted.len() < ROWS_MIN {
        return Ok((Vec::new(), Vec::new()));
    }
    sorted.sort_unstable_by(f64::total_cmp);
    let edges = [sorted[sorted.len() / 3], sorted[2 * sorted.len() / 3]];
    let class = |time: &Option<f64>| time.map_or(1, |time| edges.iter().filter(|edge| time > **edge).count() as u32);
    let of_rows: Vec<u32> = times.iter().map(class).collect();
    let classes = TextClasses {
        of_rows: &of_rows,
        count: edges.len() + 1,
    };
    let (mut scorers, mut features) = (Vec::new(), Vec::new());
    for texts in &pairs.train.encoded.texts {
        let how = (pairs.context.seed, pairs.context.threads);
        let (scorer, unseen) = TextScorer::fit(texts, classes, &pairs.train.weights, how)?;
        features.extend((0..scorer.scores()).map(|score| {
            let of_rows = unseen.iter().skip(score).step_by(scorer.scores());
            FeatureColumn::Numbers(of_rows.map(|score| f64::from(*score)).collect())
        }));
        scorers.push(scorer);
    }
    Ok((scorers, features))
}

fn part((rows, mut scores): (&TableRows, Vec<FeatureColumn>), encoder: &TableEncoder) -> Result<Part> {
    let failed = |e| Error::table("examples", e);
    let first = rows
        .kept
        .first()
        .ok_or_else(|| Error::table("examples", "have no row"))?;
    let kept = concat_batches(&first.schema(), &rows.kept).map_err(failed)?;
    let mut agents = encoder.read(&kept, 1)?.columns;
    let mut features = rows.encoded.columns.clone();
    features.append(&mut scores);
    features.append(&mut agents);
    Ok(Part {
        features,
        weights: rows.weights.clone(),
        targets: [
            numbers(&kept, HANDLE)?
                .into_iter()
                .map(|value| value.filter(|s| *s >= 0.0).map(log_of))
                .collect(),
            numbers(&kept, OUTCOME)?
                .into_iter()
                .map(|value| value.map(|good| f64::from(u8::from(good >= 0.5))))
                .collect(),
        ],
    })
}

/// The finite numbers of a column; none of one that is not there.
pub(super) fn numbers(batch: &RecordBatch, name: &str) -> Result<Vec<Option<f64>>> {
    let Some(column) = batch.column_by_name(name) else {
        return Ok(vec![None; batch.num_rows()]);
    };
    let column = cast(column, &DataType::Float64).map_err(|e| Error::table(format!("column `{name}`"), e))?;
    let column = column.as_primitive::<Float64Type>();
    let value = |row: usize| {
        (!column.is_null(row))
            .then(|| column.value(row))
            .filter(|value| value.is_finite())
    };
    Ok((0..column.len()).map(value).collect())
}

/// Trees for one of the quantiles or the outcome, and what is to be added to their answers. `None` if too few rows are known.
fn grown(pairs: &Pairs<'_>, (train, held_back): (&Part, &Part), place: usize) -> Result<Option<(TreeModel, f64)>> {
    let which = place / QUANTILES.len();
    let (rows, targets) = known(train, which);
    let (held_rows, held_targets) = known(held_back, which);
    let both = |targets: &[f64]| targets.contains(&0.0) && targets.contains(&1.0);
    if targets.len() < ROWS_MIN || (which == 1 && !both(&targets)) {
        return Ok(None);
    }
    let settings = tree_settings(pairs.recipe, objective(place), pairs.context);
    let ending = vec![true; held_targets.len()];
    let ended = (&held_rows, held_targets.as_slice());
    let trees = grow((&rows, &targets), ended, &ending, &settings, pairs.examples.model)?.trees;
    let Some(alpha) = QUANTILES.get(place).filter(|_| !held_targets.is_empty()) else {
        return Ok(Some((trees, 0.0)));
    };
    let answers = trees.predict_batch(&columns_of(&held_rows.encoded.columns), pairs.context.threads);
    let answers = answers.map_err(|error| Error::table("held-back rows", error))?;
    // The conformal step of Romano, Patterson and Candès (NeurIPS 2019), for one quantile.
    let mut off: Vec<f64> = held_targets
        .iter()
        .zip(&answers)
        .map(|(actual, answer)| actual - answer)
        .collect();
    off.sort_unstable_by(f64::total_cmp);
    let at = ((off.len() as f64 * alpha).ceil() as usize).clamp(1, off.len()) - 1;
    Ok(Some((trees, off[at])))
}

/// The rows whose target is known.
fn known(part: &Part, which: usize) -> (TableRows, Vec<f64>) {
    let all = &part.targets[which];
    let rows: Vec<usize> = (0..all.len()).filter(|row| all[*row].is_some()).collect();
    let taken = TableRows {
        encoded: Encoded::of_columns(part.features.iter().map(|column| column.take(&rows)).collect()),
        weights: rows.iter().map(|row| part.weights[*row]).collect(),
        ..TableRows::default()
    };
    (taken, all.iter().flatten().copied().collect())
}
