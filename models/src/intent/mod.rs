//! The intent kind: which of the desk's labels a text is about, with a calibrated probability and a measure of how
//! foreign the text is.

mod audit;
mod context;
#[cfg(test)]
mod context_tests;
#[cfg(test)]
mod control;
mod encoded;
mod evaluate;
mod examples;
mod fit;
#[cfg(test)]
mod fitting;
mod foreign;
#[cfg(test)]
mod foreign_tests;
mod hierarchy;
mod labels;
#[cfg(test)]
mod labels_tests;
mod learning;
mod predict;
mod promise_recipe;
#[cfg(test)]
mod promise_tests;
mod promised;
mod promises;
mod recipe;
mod semantic;
#[cfg(test)]
mod semantic_tests;
mod several;
mod simpler;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::artifact::Artifact;
use crate::error::Result;
use crate::kind::{About, Examples, FitContext, Fitted, Kind, Model, RecipeProblem, Rows};
use crate::metrics::Evaluation;

pub use predict::IntentModel;
pub use promise_recipe::PromiseRecipe;
pub use recipe::IntentRecipe;

/// The kind, for [`crate::KINDS`].
#[derive(Debug)]
pub struct Intent;

static ABOUT: About = About {
    name: "intent",
    summary: "Which of the desk's labels a text is about, with a calibrated probability and an out-of-scope score.",
    examples_sql: include_str!("examples.sql"),
    main_metric: "accuracy",
    card: include_str!("README.md"),
};

impl Kind for Intent {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check_recipe(&self, written: &Value) -> std::result::Result<Value, Vec<RecipeProblem>> {
        IntentRecipe::check(written).map(|recipe| recipe.to_value())
    }

    fn fit(&self, examples: &Examples<'_>, recipe: &Value, context: &FitContext<'_>) -> Result<Fitted> {
        let recipe = IntentRecipe::from_checked(recipe, examples.model)?;
        let (model, findings) = fit::fit(examples, &recipe, context)?;
        Ok(Fitted {
            model: Box::new(model),
            findings,
        })
    }

    fn load(&self, artifact: Artifact) -> Result<Box<dyn Model>> {
        Ok(Box::new(IntentModel::from_artifact(artifact)?))
    }

    fn evaluate(&self, model: &dyn Model, held_back: &dyn Rows) -> Result<Evaluation> {
        evaluate::evaluate(model, held_back)
    }
}
