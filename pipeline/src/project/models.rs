//! `[models.NAME]`: kind, examples, split, recipe and gate. What a recipe may hold only its kind knows.

use std::path::Path;

use super::Recipes;
use super::checked::{Gate, ModelSpec, Split, SplitBy};
use super::files::read_sql;
use super::names::NameRule;
use super::section::Section;

const SPLITS: &[(&str, SplitBy)] = &[("entity", SplitBy::Entity), ("time", SplitBy::Time)];

/// The models that are right.
pub(super) fn read_models(file: &mut Section<'_>, recipes: &dyn Recipes, folder: &Path) -> Vec<ModelSpec> {
    let sections = file.named_sections("models", NameRule::Model);
    sections
        .into_iter()
        .filter_map(|(name, section)| read_model(name, section, recipes, folder))
        .collect()
}

fn read_model(name: String, mut section: Section<'_>, recipes: &dyn Recipes, folder: &Path) -> Option<ModelSpec> {
    let kinds: Vec<(&str, &str)> = recipes.kinds().into_iter().map(|kind| (kind, kind)).collect();
    let kind = section.choice("kind", &kinds, None);
    let examples = read_sql(&mut section, "examples", folder);
    let encoder = section.text("encoder");
    if let Some(encoder) = &encoder {
        section.check_name(encoder, NameRule::Model);
    }
    let split = read_split(section.section("split"));
    let gate = read_gate(section.section("gate"));
    let recipe = read_recipe(&section.section("recipe"), kind, recipes);
    section.finish();
    let (examples_path, examples_sql) = examples?;
    Some(ModelSpec {
        name,
        kind: kind?.to_owned(),
        examples_path,
        examples_sql,
        split,
        recipe: recipe?,
        encoder: encoder.map(|encoder| encoder.value),
        gate,
    })
}

fn read_split(mut section: Section<'_>) -> Split {
    let by = section
        .choice("by", SPLITS, Some(SplitBy::Entity))
        .unwrap_or(SplitBy::Entity);
    let test = section.number("test", 0.02..=0.5, 0.2);
    let calibrate = section.number("calibrate", 0.02..=0.5, 0.1);
    section.finish();
    Split { by, test, calibrate }
}

fn read_gate(mut section: Section<'_>) -> Gate {
    let alias = section.text("alias");
    if let Some(alias) = &alias {
        section.check_name(alias, NameRule::Model);
    }
    let at_least = section.section("at_least").numbers().into_iter().collect();
    let at_most = section.section("at_most").numbers().into_iter().collect();
    let not_worse_than_current = section.flag("not_worse_than_current", true);
    let tolerance = section.number("tolerance", 0.0..=1.0, 0.005);
    let confidence = section.number("confidence", 0.5..=0.9999, 0.95);
    let size_max_bytes = section.whole("size_max_bytes", 1..=1 << 40, 0);
    let latency_max_us = section.whole("latency_max_us", 1..=60_000_000, 0);
    if !not_worse_than_current {
        section.without_effect("tolerance", "when `not_worse_than_current` is false");
        section.without_effect("confidence", "when `not_worse_than_current` is false");
    }
    section.finish();
    let alias = alias.map_or_else(|| "prod".to_owned(), |alias| alias.value);
    Gate {
        alias,
        at_least,
        at_most,
        not_worse_than_current,
        tolerance,
        confidence,
        size_max_bytes,
        latency_max_us,
    }
}

fn read_recipe(section: &Section<'_>, kind: Option<&str>, recipes: &dyn Recipes) -> Option<serde_json::Value> {
    let written = section.to_json();
    match recipes.check(kind?, &written) {
        Ok(recipe) => Some(recipe),
        Err(found) => {
            for problem in found {
                section
                    .problems()
                    .add(section.span_within(&problem.key), problem.message, problem.hint);
            }
            None
        }
    }
}
