//! How a satisfaction model is learned: look at the columns, score the texts, grow trees until held-back rows gain nothing
//! more, and prove the promise on rows that had no say in that.

use super::evaluate::HAND_OVER;
use super::examples::{OWN_COLUMNS, Part, Reading};
use super::levels::Levels;
use super::predict::{SatisfactionModel, Settings};
use super::recipe::SatisfactionRecipe;
use crate::error::{Error, Result};
use crate::findings::Findings;
use crate::kind::{Examples, FitContext, Fitted, Rows};
use crate::learn::promise::{MissThreshold, miss_threshold, tuning_rows};
use crate::learn::trees::{self, Objective, TreeSettings};
use crate::table::{ColumnPlan, Plan, Role, TableEncoder, TextClasses, columns_of};

/// What a row takes in memory while it is learned from: its features twice, gradients, places. Texts count as this many
/// bytes more; measured on tickets of 300 characters.
const FEATURE_BYTES: usize = 24;
const TEXT_BYTES: usize = 4_000;

/// Learns a model.
pub(super) fn fit(examples: &Examples<'_>, recipe: &SatisfactionRecipe, context: &FitContext<'_>) -> Result<Fitted> {
    let problem = |message: String, hint: &str| Error::Examples {
        model: examples.model.into(),
        message,
        hint: hint.into(),
    };
    if context.encoder.is_some() {
        return Err(problem(
            "a satisfaction model uses no encoder".into(),
            "leave `encoder` out",
        ));
    }
    (context.progress)(0.0, "looking at the columns");
    let plan = Plan::make(examples.train, &OWN_COLUMNS, &recipe.columns)?;
    if plan.columns.is_empty() {
        let hint = "let the examples query give columns of what is known of a case";
        return Err(problem("no column can be learned from".into(), hint));
    }
    let levels = Levels::new(
        &[examples.train, examples.calibrate],
        &recipe.dissatisfied,
        examples.model,
    )?;
    let mut encoder = TableEncoder::new(plan.columns);
    let (mut train, held_back) = read(examples, (&mut encoder, &levels), context)?;
    (context.progress)(0.4, "growing trees");
    balance(&mut train, levels.names.len(), recipe.balance);
    let learning = Learning {
        recipe,
        context,
        encoder: &encoder,
        levels: &levels,
    };
    let model = learning.grow(&train, &held_back)?;
    let settings = Settings {
        plan: encoder.plan().to_vec(),
        text_scores: encoder.text_scores(),
        objective: model.objective,
        kinds: model.trees.arrays().kinds.clone(),
        levels: levels.clone(),
        reasons: recipe.reasons,
        hand_over: learning.promise(&model, &held_back)?,
        left_out: plan.left_out,
        learned: (train.levels.len() as u64, examples.train.count()),
        rounds: model.rounds,
    };
    (context.progress)(1.0, "done");
    Ok(Fitted {
        model: Box::new(SatisfactionModel::new(settings, encoder, model.trees)?),
        findings: Findings::default(),
    })
}

/// The rows to learn from and those held back, with the scores of their texts, which are learned here.
fn read(
    examples: &Examples<'_>,
    (encoder, levels): (&mut TableEncoder, &Levels),
    context: &FitContext<'_>,
) -> Result<(Part, Part)> {
    (context.progress)(0.1, "reading rows");
    let rows_max = (context.memory_max_bytes / row_bytes(encoder.plan())).max(1) as u64;
    let read = |rows: &dyn Rows| {
        let reading = Reading {
            encoder,
            levels,
            model: examples.model,
            threads: context.threads,
            every: rows.count().div_ceil(rows_max).max(1) as usize,
        };
        reading.read(rows)
    };
    let (mut train, mut held_back) = (read(examples.train)?, read(examples.calibrate)?);
    (context.progress)(0.2, "scoring texts");
    let classes = TextClasses {
        of_rows: &text_classes(&train, levels),
        count: levels.names.len(),
    };
    encoder.learn_texts(
        &mut train.encoded,
        classes,
        &train.weights,
        (context.seed, context.threads),
    )?;
    encoder.score_texts(&mut held_back.encoded, context.threads);
    Ok((train, held_back))
}

/// Memory of a row, as far as it is known from the columns.
fn row_bytes(plan: &[ColumnPlan]) -> usize {
    let of = |column: &ColumnPlan| match column.role {
        Role::Text => TEXT_BYTES,
        _ => FEATURE_BYTES,
    };
    plan.iter().map(of).sum::<usize>() + FEATURE_BYTES
}

/// Of two levels, dissatisfied is the second class.
fn text_classes(part: &Part, levels: &Levels) -> Vec<u32> {
    match levels.names.len() {
        2 => part
            .levels
            .iter()
            .map(|level| u32::from(levels.dissatisfied[*level as usize]))
            .collect(),
        _ => part.levels.clone(),
    }
}

/// Multiplies weights so that levels count more alike.
fn balance(part: &mut Part, levels: usize, balance: f64) {
    if balance == 0.0 {
        return;
    }
    let mut rows = vec![0f64; levels];
    part.levels.iter().for_each(|level| rows[*level as usize] += 1.0);
    let mean = part.levels.len() as f64 / levels as f64;
    for (weight, level) in part.weights.iter_mut().zip(&part.levels) {
        *weight *= (mean / rows[*level as usize].max(1.0)).powf(balance) as f32;
    }
}

/// Trees, and how they were grown.
struct Grown {
    trees: trees::TreeModel,
    objective: Objective,
    rounds: usize,
    loss: f64,
}

struct Learning<'a> {
    recipe: &'a SatisfactionRecipe,
    context: &'a FitContext<'a>,
    encoder: &'a TableEncoder,
    levels: &'a Levels,
}

impl Learning<'_> {
    /// Grows trees. Of levels that are numbers it is tried whether a row is better told by one score along the levels or by a
    /// score for each.
    fn grow(&self, train: &Part, held_back: &Part) -> Result<Grown> {
        let count = self.levels.names.len() as u32;
        let classes = Objective::Multiclass { classes: count };
        let ordered = Objective::Ordinal { levels: count };
        match (count, &self.levels.values, self.recipe.monotone.is_empty()) {
            (2, ..) => return self.grow_by(Objective::Binary, train, held_back),
            (_, None, _) => return self.grow_by(classes, train, held_back),
            (_, Some(_), false) => return self.grow_by(ordered, train, held_back),
            (_, Some(_), true) => (),
        }
        let by_class = self.grow_by(classes, train, held_back)?;
        let ordered = self.grow_by(ordered, train, held_back)?;
        Ok(if ordered.loss <= by_class.loss {
            ordered
        } else {
            by_class
        })
    }

    fn grow_by(&self, objective: Objective, train: &Part, held_back: &Part) -> Result<Grown> {
        let recipe = self.recipe;
        let settings = TreeSettings {
            rounds: recipe.rounds,
            learning_rate: recipe.learning_rate,
            leaves_max: recipe.leaves_max,
            leaf_rows_min: recipe.leaf_rows_min,
            l2: recipe.l2,
            feature_fraction: recipe.feature_fraction,
            stop_after: Some(recipe.stop_after),
            monotone: self.monotone(objective)?,
            seed: self.context.seed,
            threads: self.context.threads,
            ..TreeSettings::new(objective)
        };
        let (columns, held_columns) = (
            columns_of(&train.encoded.columns),
            columns_of(&held_back.encoded.columns),
        );
        let (targets, held_targets) = (self.targets(train), self.targets(held_back));
        let rows = trees::Examples {
            columns: &columns,
            targets: &targets,
            weights: Some(&train.weights),
        };
        let ending = self.ending(held_back.levels.len());
        let ending_weights: Vec<f32> = ending
            .iter()
            .zip(&held_back.weights)
            .map(|(takes, w)| f32::from(u8::from(*takes)) * w)
            .collect();
        let validation = trees::Examples {
            columns: &held_columns,
            targets: &held_targets,
            weights: Some(&ending_weights),
        };
        let validation = ending_weights.iter().any(|weight| *weight > 0.0).then_some(&validation);
        let fitted = trees::fit(&rows, validation, &settings).map_err(|error| Error::Examples {
            model: String::new(),
            message: error.to_string(),
            hint: error.hint().into(),
        })?;
        let loss = fitted.losses.iter().copied().fold(f64::INFINITY, f64::min);
        Ok(Grown {
            trees: fitted.model,
            objective,
            rounds: fitted.rounds,
            loss,
        })
    }

    /// Which held-back rows end the learning: all, or with a promise those that prove nothing.
    fn ending(&self, rows: usize) -> Vec<bool> {
        match self.recipe.miss_at_most {
            None => vec![true; rows],
            Some(_) => tuning_rows(rows, self.context.seed),
        }
    }

    fn targets(&self, part: &Part) -> Vec<f64> {
        let two = self.levels.names.len() == 2;
        let target = |level: &u32| match two {
            true => f64::from(u8::from(self.levels.dissatisfied[*level as usize])),
            false => f64::from(*level),
        };
        part.levels.iter().map(target).collect()
    }

    /// How each feature may move the score; the score of ordered levels rises where dissatisfaction falls.
    fn monotone(&self, objective: Objective) -> Result<Vec<i8>> {
        if self.recipe.monotone.is_empty() {
            return Ok(Vec::new());
        }
        let problem = |message: String| Error::Examples {
            model: String::new(),
            message,
            hint: "`monotone` is for columns of numbers, with two levels or levels that are numbers".into(),
        };
        let turn = match objective {
            Objective::Binary => 1,
            Objective::Ordinal { .. } => -1,
            _ => return Err(problem("labels without an order cannot rise or fall".into())),
        };
        let plan = self.encoder.plan();
        for name in self.recipe.monotone.keys() {
            let is_number = plan
                .iter()
                .any(|column| column.name == *name && column.role == Role::Number);
            if !is_number {
                return Err(problem(format!(
                    "`monotone` names `{name}`, which is no column of numbers that is used"
                )));
            }
        }
        let sign = |(_, column): &(String, usize)| {
            self.recipe
                .monotone
                .get(&plan[*column].name)
                .map_or(0, |sign| turn * sign)
        };
        Ok(self.encoder.features().iter().map(sign).collect())
    }

    /// The probability from which on a case is handed over, proved on held-back rows that did not end the learning.
    fn promise(&self, grown: &Grown, held_back: &Part) -> Result<Option<MissThreshold>> {
        let Some(share) = self.recipe.miss_at_most else {
            return Ok(None);
        };
        let columns = columns_of(&held_back.encoded.columns);
        let answers = grown.trees.predict_batch(&columns, self.context.threads);
        let answers = answers.map_err(|error| Error::table(HAND_OVER, error))?;
        let ending = self.ending(held_back.levels.len());
        let rows = answers
            .chunks_exact(grown.trees.answers())
            .zip(&held_back.levels)
            .zip(ending);
        let proving = rows.filter(|((_, level), ends)| !ends && self.levels.dissatisfied[**level as usize]);
        let scores = proving.map(|((answers, _), _)| {
            let probabilities = super::predict::probabilities(self.levels, answers);
            self.levels.expect(&probabilities).0
        });
        Ok(Some(miss_threshold(
            scores.collect(),
            share,
            self.recipe.promise_confidence,
        )))
    }
}
