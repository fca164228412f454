//! The routing kind: which queues suit a case, ranked, from everything that is known when it comes in; how long each agent
//! takes for it and how it ends; and which free agent takes which waiting case.

mod agents;
pub mod assign;
mod evaluate;
mod fit;
mod predict;
mod recipe;
mod simpler;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::artifact::Artifact;
use crate::error::Result;
use crate::kind::{About, Examples, FitContext, Fitted, Kind, Model, RecipeProblem, Rows};
use crate::metrics::Evaluation;

pub use predict::RoutingModel;
pub use recipe::RoutingRecipe;

/// The kind, for [`crate::KINDS`].
#[derive(Debug)]
pub struct Routing;

static ABOUT: About = About {
    name: "routing",
    summary: "Which queues suit a case, ranked, and which free agent should take it, from what is known when it comes in.",
    examples_sql: include_str!("examples.sql"),
    main_metric: "accuracy",
    card: include_str!("README.md"),
};

impl Kind for Routing {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check_recipe(&self, written: &Value) -> std::result::Result<Value, Vec<RecipeProblem>> {
        RoutingRecipe::check(written).map(|recipe| recipe.to_value())
    }

    fn fit(&self, examples: &Examples<'_>, recipe: &Value, context: &FitContext<'_>) -> Result<Fitted> {
        let recipe = RoutingRecipe::from_checked(recipe, examples.model)?;
        fit::fit(examples, &recipe, context)
    }

    fn load(&self, artifact: Artifact) -> Result<Box<dyn Model>> {
        Ok(Box::new(RoutingModel::from_artifact(artifact)?))
    }

    fn evaluate(&self, model: &dyn Model, held_back: &dyn Rows) -> Result<Evaluation> {
        evaluate::evaluate(model, held_back)
    }
}
