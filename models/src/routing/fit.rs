//! How a routing model is learned: look at the columns, score the texts, grow trees until held-back rows gain nothing more,
//! and prove the promise on rows that had no say in that.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray};

use super::agents::{self, HANDLE, OUTCOME, Pairs};
use super::predict::{QUEUES_MAX, RoutingModel, Settings};
use super::recipe::RoutingRecipe;
use crate::error::{Error, Result};
use crate::findings::Findings;
use crate::kind::{Examples, FitContext, Fitted};
use crate::learn::promise::{HeldRow, Offer, PrecisionThresholds, precision_thresholds, tuning_rows};
use crate::learn::trees::{Objective, TreeModel, TreeSettings};
use crate::metrics::answers::texts;
use crate::table::{Classes, LeftOut, Plan, TableEncoder, TableModel, TableRows, columns_of, grow, ranked, read_rows};

/// What was read of the examples.
struct Cases {
    queues: Vec<String>,
    left_out: Vec<LeftOut>,
    encoder: TableEncoder,
    train: TableRows,
    held_back: TableRows,
}

/// Looks at the columns, and reads the rows as features.
fn read(examples: &Examples<'_>, recipe: &RoutingRecipe, context: &FitContext<'_>) -> Result<Cases> {
    let known_later = recipe.known_later();
    let is_known = |name: &String| !known_later.contains(&name.as_str());
    let chosen = recipe.columns.iter().filter(|(name, _)| is_known(name));
    let chosen = chosen.map(|(name, choice)| (name.clone(), *choice)).collect();
    let plan = Plan::of_examples(examples, &known_later, &chosen, context)?;
    let queues = queues(examples)?;
    let kept = kept(examples, recipe)?;
    let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
    let mut encoder = TableEncoder::new(plan.columns);
    let classes = Classes {
        of: &|label| {
            queues
                .binary_search_by(|queue| queue.as_str().cmp(label))
                .ok()
                .map(|queue| queue as u32)
        },
        of_texts: &|queue| queue,
        count: queues.len(),
        kept: &kept,
    };
    let (train, held_back) = read_rows(examples, &mut encoder, &classes, context)?;
    Ok(Cases {
        queues,
        left_out: plan.left_out,
        encoder,
        train,
        held_back,
    })
}

/// Learns a model.
pub(super) fn fit(examples: &Examples<'_>, recipe: &RoutingRecipe, context: &FitContext<'_>) -> Result<Fitted> {
    let Cases {
        queues,
        left_out,
        encoder,
        mut train,
        held_back,
    } = read(examples, recipe, context)?;
    (context.progress)(0.3, "learning what becomes of a case with an agent");
    let agents = agents::fit(&Pairs {
        examples,
        recipe,
        context,
        train: &train,
        held_back: &held_back,
    })?;
    train.balance(queues.len(), recipe.balance);
    (context.progress)(0.4, "growing trees");
    let classes = queues.len() as u32;
    let settings = tree_settings(recipe, Objective::Multiclass { classes }, context);
    let targets = |rows: &TableRows| rows.classes.iter().map(|class| f64::from(*class)).collect::<Vec<f64>>();
    let (rows, held) = (targets(&train), targets(&held_back));
    let tuning = tuning_rows(held.len(), context.seed);
    // What proves a promise has no say in when it is enough.
    let ending = match recipe.answer_precision {
        None => vec![true; held.len()],
        Some(_) => tuning.clone(),
    };
    let grown = grow((&train, &rows), (&held_back, &held), &ending, &settings, examples.model)?;
    let promise = recipe.answer_precision.map(|share| {
        promise(
            &grown.trees,
            &held_back,
            &tuning,
            (share, recipe.promise_confidence),
            context.threads,
        )
    });
    let settings = Settings {
        plan: encoder.plan().to_vec(),
        text_scores: encoder.text_scores(),
        kinds: grown.trees.arrays().kinds.clone(),
        queues,
        answers_max: recipe.answers_max,
        reasons: recipe.reasons,
        promise: promise.transpose()?,
        agents: agents.as_ref().map(|agents| agents.settings.clone()),
        assign: recipe.assign.clone().unwrap_or_default(),
        left_out,
        learned: (train.classes.len() as u64, examples.train.count()),
        rounds: grown.rounds,
    };
    (context.progress)(0.95, "learning simpler models");
    let simple = train.simpler(settings.queues.len(), context);
    let table = TableModel::new(encoder, grown.trees)?.beside(simple);
    (context.progress)(1.0, "done");
    Ok(Fitted {
        model: Box::new(RoutingModel::new(settings, table, agents)),
        findings: Findings::default(),
    })
}

/// The columns of what became of cases and who had them, if agents are wanted.
fn kept(examples: &Examples<'_>, recipe: &RoutingRecipe) -> Result<Vec<String>> {
    let schema = examples.train.schema();
    let has = |name: &str| schema.field_with_name(name).is_ok();
    if let Some(missing) = recipe.agent_sides().into_iter().find(|name| !has(name)) {
        return Err(Error::Examples {
            model: examples.model.into(),
            message: format!("the recipe names the column `{missing}`, which the examples do not have"),
            hint: "select it, or leave it out of `agent` and `agent_columns`".into(),
        });
    }
    let results = [HANDLE, OUTCOME].into_iter().filter(|name| has(name));
    Ok(match recipe.agent {
        Some(_) => recipe
            .agent_sides()
            .into_iter()
            .chain(results)
            .map(str::to_owned)
            .collect(),
        None => Vec::new(),
    })
}

/// How trees are grown.
pub(super) fn tree_settings(recipe: &RoutingRecipe, objective: Objective, context: &FitContext<'_>) -> TreeSettings {
    TreeSettings {
        rounds: recipe.rounds,
        learning_rate: recipe.learning_rate,
        leaves_max: recipe.leaves_max,
        leaf_rows_min: recipe.leaf_rows_min,
        l2: recipe.l2,
        feature_fraction: recipe.feature_fraction,
        stop_after: Some(recipe.stop_after),
        seed: context.seed,
        threads: context.threads,
        ..TreeSettings::new(objective)
    }
}

/// The queues of all rows, sorted. One that only rows held back have is never right, and a promise counts it so.
fn queues(examples: &Examples<'_>) -> Result<Vec<String>> {
    let mut queues = BTreeSet::new();
    for rows in [examples.train, examples.calibrate] {
        for batch in rows.batches()? {
            let labels = texts(&batch?, "label")?;
            let labels = labels.column(0).as_string::<i32>();
            if labels.null_count() > 0 {
                return Err(Error::Examples {
                    model: examples.model.into(),
                    message: "column `label` holds nulls".into(),
                    hint: "leave such rows out: `where label is not null`".into(),
                });
            }
            queues.extend(labels.iter().flatten().map(str::to_owned));
        }
    }
    if !(2..=QUEUES_MAX).contains(&queues.len()) {
        let count = queues.len();
        return Err(Error::Examples {
            model: examples.model.into(),
            message: format!("{count} queue(s) in column `label`; from 2 to {QUEUES_MAX} can be told apart"),
            hint: "look at the examples query and at the rejects of its tables".into(),
        });
    }
    Ok(queues.into_iter().collect())
}

/// The scores from which on answers are accepted.
fn promise(
    trees: &TreeModel,
    held_back: &TableRows,
    tuning: &[bool],
    (share, confidence): (f64, f64),
    threads: usize,
) -> Result<PrecisionThresholds> {
    let answers = trees.predict_batch(&columns_of(&held_back.encoded.columns), threads);
    let answers = answers.map_err(|error| Error::table("held-back rows", error))?;
    let mut parts = (Vec::new(), Vec::new());
    for ((answers, class), tunes) in answers
        .chunks_exact(trees.answers())
        .zip(&held_back.classes)
        .zip(tuning)
    {
        let best = ranked(answers)[0];
        let held = HeldRow {
            label: best as u32,
            offers: vec![Offer {
                score: answers[best],
                right: best == *class as usize,
            }],
        };
        if *tunes { parts.0.push(held) } else { parts.1.push(held) }
    }
    Ok(precision_thresholds(&parts.0, &parts.1, share, confidence))
}
