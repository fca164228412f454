//! The simpler models beside an intent model: what they learn from, and their answers to held-back rows.

use arrow::array::{Array, AsArray, RecordBatch};

use super::encoded::Encoded;
use super::labels::Labels;
use super::predict::IntentModel;
use super::recipe::IntentRecipe;
use crate::encode::{SparseRows, map_chunks, threads};
use crate::error::Result;
use crate::kind::FitContext;
use crate::learn::simple::{SimpleLimits, SimpleScratch, SimpleSparse, Simpler};
use crate::learn::{Blocks, NO_CLASS};
use crate::metrics::Contenders;
use crate::metrics::answers::texts;

/// Rows they learn from. Texts are many features, so fewer rows than of tables.
const ROWS_MAX: usize = 6_000;

/// The part of the largest artifact that one of their arrays may take.
const ARRAY_SHARE: usize = 16;

const MEGABYTE: usize = 1_000_000;

/// Learns them from the encoded training rows, which have so many features; rows about no label are left out. `None` where
/// a text has several labels: they answer one.
pub(super) fn learn(
    encoded: &Encoded,
    labels: &Labels,
    features: usize,
    recipe: &IntentRecipe,
    context: &FitContext<'_>,
) -> Result<Option<SimpleSparse>> {
    if labels.several {
        return Ok(None);
    }
    (context.progress)(0.95, "learning simpler models");
    let limits = SimpleLimits::new(context.memory_max_bytes, (context.seed, context.threads));
    let values_max = recipe.artifact_max_mb * MEGABYTE / ARRAY_SHARE / size_of::<f32>();
    let limits = SimpleLimits {
        rows_max: ROWS_MAX,
        values_max: limits.values_max.min(values_max),
        ..limits
    };
    let mut weights = Vec::new();
    encoded.for_each(&mut |_, block| {
        let of = |(target, weight): (&u32, &f32)| if *target == NO_CLASS { 0.0 } else { *weight };
        weights.extend(block.targets.iter().zip(&block.weights).map(of));
        Ok(())
    })?;
    let places = SimpleSparse::places(&weights, limits);
    let (mut rows, mut classes) = (SparseRows::default(), Vec::new());
    let (mut first, mut next) = (0, 0);
    encoded.for_each(&mut |_, block| {
        while let Some(place) = places.get(next).filter(|place| **place < first + block.rows.len()) {
            let (features, values) = block.rows.row(place - first);
            rows.push_parts(features, values);
            classes.push(block.targets[place - first]);
            next += 1;
        }
        first += block.rows.len();
        Ok(())
    })?;
    Ok(SimpleSparse::fit(
        &rows,
        features,
        (&classes, labels.names.len()),
        limits,
    ))
}

/// Lets them answer a batch of rows.
pub(super) fn contend(model: &IntentModel, batch: &RecordBatch, contenders: &mut Contenders) -> Result<()> {
    let Some(simple) = model.simple() else {
        return Ok(());
    };
    let (asked, said_before) = model.asked(batch)?;
    let asked = asked.as_string::<i32>();
    let simpler = contenders.models();
    let places: Vec<usize> = (0..asked.len()).collect();
    let parts = map_chunks(&places, threads(), |part| {
        let (mut row, mut scratch) = (Vec::new(), SimpleScratch::default());
        let mut best: Vec<(Simpler, usize, u32)> = Vec::new();
        for &at in part {
            let text = if asked.is_null(at) { "" } else { asked.value(at) };
            model.encode(text, said_before.as_ref().map_or("", |said| &said[at]), &mut row);
            for &simpler in &simpler {
                simple.answer(simpler, &row, &mut scratch);
                best.push((simpler, at, first_of(&scratch.answers)));
            }
        }
        best
    });
    let labels = texts(batch, "label")?;
    let labels = labels.column(0).as_string::<i32>();
    for (simpler, at, label) in parts.into_iter().flatten() {
        contenders.add(simpler, labels.value(at), model.label(label));
    }
    Ok(())
}

/// The place of the largest score, of equal ones the first.
fn first_of(scores: &[f64]) -> u32 {
    let better = |best: usize, at: usize| if scores[at] > scores[best] { at } else { best };
    (1..scores.len()).fold(0, better) as u32
}
