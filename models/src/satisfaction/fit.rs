//! How a satisfaction model is learned: look at the columns, score the texts, grow trees until held-back rows gain nothing
//! more, and prove the promise on rows that had no say in that.

use super::evaluate::HAND_OVER;
use super::levels::{Levels, name_of};
use super::predict::{SatisfactionModel, Settings};
use super::recipe::SatisfactionRecipe;
use super::response;
use crate::error::{Error, Result};
use crate::findings::Findings;
use crate::kind::{Examples, FitContext, Fitted};
use crate::learn::promise::{MissThreshold, miss_threshold, tuning_rows};
use crate::learn::trees::{Objective, TreeSettings};
use crate::table::{Classes, Grown, Plan, Role, TableEncoder, TableModel, TableRows, columns_of, grow, read_rows};

/// Few leaves for tables whose columns speak one by one, as small ones do, and many for those where they speak together.
const LEAVES_TRIED: [usize; 2] = [4, 31];

/// Learns a model.
pub(super) fn fit(examples: &Examples<'_>, recipe: &SatisfactionRecipe, context: &FitContext<'_>) -> Result<Fitted> {
    let plan = Plan::of_examples(examples, &[], &recipe.columns, context)?;
    let levels = Levels::new(
        &[examples.train, examples.calibrate],
        &recipe.dissatisfied,
        recipe.unanswered.as_deref(),
        examples.model,
    )?;
    let mut encoder = TableEncoder::new(plan.columns);
    let classes = Classes {
        of: &|label| levels.place(&name_of(label)).map(|level| level as u32),
        of_texts: &|level| match levels.names.len() {
            // Of two levels, dissatisfied is the second class.
            2 => u32::from(levels.dissatisfied[level as usize]),
            _ => level,
        },
        count: levels.names.len(),
        kept: &[],
    };
    let (mut train, mut held_back) = read_rows(examples, &mut encoder, &classes, context)?;
    let response = response::fit(examples, recipe, encoder.plan(), context)?;
    let response = response.map(|(response, weights)| {
        train.weigh(&weights.train);
        held_back.weigh(&weights.held_back);
        response
    });
    (context.progress)(0.4, "growing trees");
    train.balance(levels.names.len(), recipe.balance);
    let learning = Learning {
        recipe,
        context,
        encoder: &encoder,
        levels: &levels,
        model: examples.model,
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
        response: response.as_ref().map(|response| response.settings.clone()),
        learned: (train.classes.len() as u64, examples.train.count()),
        rounds: model.rounds,
    };
    (context.progress)(0.95, "learning simpler models");
    let simple = train.simpler(levels.names.len(), context);
    let table = TableModel::new(encoder, model.trees)?.beside(simple);
    (context.progress)(1.0, "done");
    Ok(Fitted {
        model: Box::new(SatisfactionModel::new(settings, table, response)),
        findings: Findings::default(),
    })
}

struct Learning<'a> {
    recipe: &'a SatisfactionRecipe,
    context: &'a FitContext<'a>,
    encoder: &'a TableEncoder,
    levels: &'a Levels,
    model: &'a str,
}

impl Learning<'_> {
    /// Grows trees of each shape that is to be tried, and keeps what makes the held-back rows most likely.
    fn grow(&self, train: &TableRows, held_back: &TableRows) -> Result<Grown> {
        let leaves: &[usize] = match self.recipe.leaves_max {
            0 => &LEAVES_TRIED,
            _ => &[self.recipe.leaves_max],
        };
        let mut best: Option<Grown> = None;
        for objective in self.objectives() {
            for leaves_max in leaves {
                let grown = self.grow_by(objective, *leaves_max, train, held_back)?;
                if best.as_ref().is_none_or(|best| grown.loss < best.loss) {
                    best = Some(grown);
                }
            }
        }
        best.ok_or_else(|| Error::table("trees", "none were grown"))
    }

    /// Of levels that are numbers, whether a row is better told by a score for each or by one along the levels is tried;
    /// what may only rise needs the latter.
    fn objectives(&self) -> Vec<Objective> {
        let count = self.levels.names.len() as u32;
        let by_class = Objective::Multiclass { classes: count };
        let ordered = Objective::Ordinal { levels: count };
        match (count, &self.levels.values) {
            (2, _) => vec![Objective::Binary],
            (_, None) => vec![by_class],
            (_, Some(_)) if self.recipe.monotone.is_empty() => vec![by_class, ordered],
            (_, Some(_)) => vec![ordered],
        }
    }

    fn grow_by(
        &self,
        objective: Objective,
        leaves_max: usize,
        train: &TableRows,
        held_back: &TableRows,
    ) -> Result<Grown> {
        let recipe = self.recipe;
        let settings = TreeSettings {
            rounds: recipe.rounds,
            learning_rate: recipe.learning_rate,
            leaves_max,
            leaf_rows_min: recipe.leaf_rows_min,
            l2: recipe.l2,
            feature_fraction: recipe.feature_fraction,
            stop_after: Some(recipe.stop_after),
            monotone: self.monotone(objective)?,
            seed: self.context.seed,
            threads: self.context.threads,
            ..TreeSettings::new(objective)
        };
        let (targets, held_targets) = (self.targets(train), self.targets(held_back));
        let ending = self.ending(held_back.classes.len());
        grow(
            (train, &targets),
            (held_back, &held_targets),
            &ending,
            &settings,
            self.model,
        )
    }

    /// Which held-back rows end the learning: all, or with a promise those that prove nothing.
    fn ending(&self, rows: usize) -> Vec<bool> {
        match self.recipe.miss_at_most {
            None => vec![true; rows],
            Some(_) => tuning_rows(rows, self.context.seed),
        }
    }

    fn targets(&self, rows: &TableRows) -> Vec<f64> {
        let two = self.levels.names.len() == 2;
        let target = |level: &u32| match two {
            true => f64::from(u8::from(self.levels.dissatisfied[*level as usize])),
            false => f64::from(*level),
        };
        rows.classes.iter().map(target).collect()
    }

    /// How each feature may move the score; the score of ordered levels rises where dissatisfaction falls.
    fn monotone(&self, objective: Objective) -> Result<Vec<i8>> {
        if self.recipe.monotone.is_empty() {
            return Ok(Vec::new());
        }
        let problem = |message: String| Error::Examples {
            model: self.model.into(),
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
    fn promise(&self, grown: &Grown, held_back: &TableRows) -> Result<Option<MissThreshold>> {
        let Some(share) = self.recipe.miss_at_most else {
            return Ok(None);
        };
        let columns = columns_of(&held_back.encoded.columns);
        let answers = grown.trees.predict_batch(&columns, self.context.threads);
        let answers = answers.map_err(|error| Error::table(HAND_OVER, error))?;
        let ending = self.ending(held_back.classes.len());
        let rows = answers
            .chunks_exact(grown.trees.answers())
            .zip(&held_back.classes)
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
