//! The answer kind: a question in, ranked answers out, from help pages and tables of questions and answers.

mod evaluate;
mod examples;
mod fit;
mod predict;
mod promised;
mod recipe;
mod search;
mod shown;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::artifact::Artifact;
use crate::error::Result;
use crate::kind::{About, Examples, FitContext, Fitted, Kind, Model, RecipeProblem, Rows};
use crate::metrics::Evaluation;

pub use predict::AnswersModel;
pub use recipe::AnswerRecipe;

/// The kind, for [`crate::KINDS`].
#[derive(Debug)]
pub struct Answer;

static ABOUT: About = About {
    name: "answer",
    summary: "Which answer a question has, ranked, from help pages and tables of questions; whether to give it, ask back, or \
              hand over.",
    examples_sql: include_str!("examples.sql"),
    main_metric: "accuracy",
    card: include_str!("README.md"),
};

impl Kind for Answer {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check_recipe(&self, written: &Value) -> std::result::Result<Value, Vec<RecipeProblem>> {
        AnswerRecipe::check(written).map(|recipe| recipe.to_value())
    }

    fn fit(&self, examples: &Examples<'_>, recipe: &Value, context: &FitContext<'_>) -> Result<Fitted> {
        let recipe = AnswerRecipe::from_checked(recipe, examples.model)?;
        fit::fit(examples, &recipe, context)
    }

    fn load(&self, artifact: Artifact) -> Result<Box<dyn Model>> {
        Ok(Box::new(AnswersModel::from_artifact(artifact)?))
    }

    fn evaluate(&self, model: &dyn Model, held_back: &dyn Rows) -> Result<Evaluation> {
        evaluate::evaluate(model, held_back)
    }
}
