//! The project file: `deskmill.toml` as written -> a checked [`Project`], or every problem in it at once.
//!
//! The TOML text is walked key by key (`section`); what is wrong is collected (`problems`), never thrown, so that
//! one look shows all of it. Nothing here knows a kind of model: the caller hands in the [`Recipes`].

mod checked;
mod checks;
mod files;
mod json;
mod models;
mod names;
mod personal;
mod problems;
mod reader;
mod schedule;
mod section;
mod sources;
mod starter;
mod tables;
#[cfg(test)]
mod tests;

pub use checked::{
    Bound, Check, CsvDialect, Database, Expected, Format, Gate, Limits, ModelSpec, Personal, Project, ProjectPath,
    Quote, Read, ServingSpec, Source, SourceFile, Split, SplitBy, Table, Then,
};
pub use problems::{Place, Problem, ProjectError};
pub use reader::{FILE_NAME, read_project, registry_as_written};
pub use starter::{starter, starter_files};

/// What the caller knows about kinds of models, so that this module need not.
pub trait Recipes {
    /// The names that `kind` in `[models.X]` may have.
    fn kinds(&self) -> Vec<&'static str>;

    /// Checks `[models.X.recipe]`, given as a JSON object (`{}` when it is not written), for a kind of [`Self::kinds`].
    ///
    /// Returns the recipe with every default filled in.
    ///
    /// # Errors
    /// All that is wrong with it, one problem a key.
    fn check(&self, kind: &str, written: &serde_json::Value) -> Result<serde_json::Value, Vec<RecipeProblem>>;
}

/// One thing wrong in a `[models.X.recipe]`; shown with a caret under its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeProblem {
    /// The key within the recipe; dots lead into a table (`features.words`). A key that is not written is shown at the
    /// recipe's (or the model's) own line.
    pub key: String,
    /// What is wrong, without the place: "`epochs` is 0".
    pub message: String,
    /// What to write instead: "write a whole number from 1 to 100".
    pub hint: String,
}
