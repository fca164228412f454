//! The satisfaction kind: how likely a customer is to be dissatisfied with a case, as far as it is known by now, with the
//! rating to be expected, what speaks for it, and when to hand the case over.

mod evaluate;
mod fit;
mod levels;
mod predict;
mod recipe;
mod response;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::artifact::Artifact;
use crate::error::Result;
use crate::kind::{About, Examples, FitContext, Fitted, Kind, Model, RecipeProblem, Rows};
use crate::metrics::Evaluation;

pub use predict::SatisfactionModel;
pub use recipe::SatisfactionRecipe;

/// The kind, for [`crate::KINDS`].
#[derive(Debug)]
pub struct Satisfaction;

static ABOUT: About = About {
    name: "satisfaction",
    summary: "How likely a customer is to be dissatisfied with a case, the rating to be expected, and the reasons.",
    examples_sql: include_str!("examples.sql"),
    main_metric: "auroc",
    card: include_str!("README.md"),
};

impl Kind for Satisfaction {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check_recipe(&self, written: &Value) -> std::result::Result<Value, Vec<RecipeProblem>> {
        SatisfactionRecipe::check(written).map(|recipe| recipe.to_value())
    }

    fn fit(&self, examples: &Examples<'_>, recipe: &Value, context: &FitContext<'_>) -> Result<Fitted> {
        let recipe = SatisfactionRecipe::from_checked(recipe, examples.model)?;
        fit::fit(examples, &recipe, context)
    }

    fn load(&self, artifact: Artifact) -> Result<Box<dyn Model>> {
        Ok(Box::new(SatisfactionModel::from_artifact(artifact)?))
    }

    fn evaluate(&self, model: &dyn Model, held_back: &dyn Rows) -> Result<Evaluation> {
        evaluate::evaluate(model, held_back)
    }
}
