//! The ladder: what answers when the version asked for cannot, declared per model. Each rung has a time of its own inside the
//! caller's deadline, and an answer says which rung gave it and why those before it did not.

mod fixed;
mod written;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::Serving;
use crate::loaded::{Asked, Version};
pub(crate) use fixed::Fixed;
use written::{ModelAsWritten, RungAsWritten};

/// Why an answer is not that of the version asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Degraded {
    /// The rung of the ladder that answered.
    pub(crate) by: &'static str,
    /// Why those before it did not.
    pub(crate) why: String,
}

/// A file of ladders that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct LadderProblem {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub reason: String,
}

/// The ladders of a server's models.
#[derive(Debug, Default)]
pub struct Ladders(BTreeMap<String, Arc<Ladder>>);

/// The rungs below a model's versions.
#[derive(Debug)]
pub(crate) struct Ladder {
    /// Time of the version asked for.
    budget: Option<Duration>,
    rungs: Vec<Rung>,
}

#[derive(Debug)]
struct Rung {
    budget: Option<Duration>,
    what: What,
}

#[derive(Debug)]
enum What {
    /// The version in memory that was published before.
    Previous,
    /// Another model.
    Model(String),
    /// Answers that were written down.
    Fixed(Arc<Fixed>),
}

/// One try to answer.
pub(crate) struct Step {
    /// What it is called where an answer says who gave it.
    pub(crate) name: &'static str,
    pub(crate) by: By,
    budget: Option<Duration>,
}

/// Who answers at a step.
pub(crate) enum By {
    Version(Arc<Version>),
    Fixed(Arc<Fixed>),
    /// Nobody: what was declared is not there. Says what.
    Nobody(String),
}

impl Ladders {
    /// Reads a file of ladders.
    ///
    /// # Errors
    /// When it cannot be read or is not what it should be.
    pub fn read(path: &Path) -> Result<Self, LadderProblem> {
        let problem = |reason: String| LadderProblem {
            path: path.to_owned(),
            reason,
        };
        let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
        Self::parse(&text).map_err(problem)
    }

    /// Reads the text of a file of ladders.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let written = written::parse(text)?;
        let ladder = |(model, ladder): (String, ModelAsWritten)| {
            let checked = Ladder::check(ladder).map_err(|reason| format!("models.{model}: {reason}"))?;
            Ok((model, Arc::new(checked)))
        };
        written
            .models
            .into_iter()
            .map(ladder)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn of(&self, model: &str) -> Option<&Arc<Ladder>> {
        self.0.get(model)
    }
}

impl Ladder {
    fn check(written: ModelAsWritten) -> Result<Self, String> {
        let budget = |ms: Option<u64>| match ms {
            Some(0) => Err("budget_ms is 0; it must be at least 1".to_owned()),
            ms => Ok(ms.map(Duration::from_millis)),
        };
        let rung = |written: RungAsWritten| {
            let (budget_ms, what) = match written {
                RungAsWritten::Previous { budget_ms } => (budget_ms, What::Previous),
                RungAsWritten::Model { model, budget_ms } => (budget_ms, What::Model(model)),
                RungAsWritten::Rule { input, cases } => (None, What::Fixed(Arc::new(Fixed::rule(input, cases)?))),
                RungAsWritten::Default { answer } => (None, What::Fixed(Arc::new(Fixed::always(answer)))),
            };
            Ok::<_, String>(Rung {
                budget: budget(budget_ms)?,
                what,
            })
        };
        let rungs: Vec<Rung> = written.rungs.into_iter().map(rung).collect::<Result<_, _>>()?;
        if rungs.is_empty() {
            return Err("a ladder needs a rung: [[models.NAME.rungs]] with use = \"previous\"".to_owned());
        }
        let is_last = |rung: &Rung| matches!(&rung.what, What::Fixed(fixed) if fixed.is_always());
        if rungs.iter().rev().skip(1).any(is_last) {
            return Err("the default always answers, so it must be the last rung".to_owned());
        }
        Ok(Self {
            budget: budget(written.budget_ms)?,
            rungs,
        })
    }

    /// The names of the steps, for people.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let names = self.rungs.iter().map(|rung| rung.what.name());
        std::iter::once(ASKED).chain(names).collect()
    }

    /// What can be tried, in order, for a request that asked for `version`.
    pub(crate) fn steps(&self, version: &Arc<Version>, serving: &Serving) -> Vec<Step> {
        let mut steps = vec![Step {
            budget: self.budget,
            ..Step::asked(version)
        }];
        steps.extend(self.rungs.iter().map(|rung| Step {
            name: rung.what.name(),
            by: rung.what.find(version, serving),
            budget: rung.budget,
        }));
        steps
    }
}

const ASKED: &str = "asked";

impl What {
    fn name(&self) -> &'static str {
        match self {
            What::Previous => "previous",
            What::Model(_) => "model",
            What::Fixed(fixed) if fixed.is_always() => "default",
            What::Fixed(_) => "rule",
        }
    }

    fn find(&self, version: &Arc<Version>, serving: &Serving) -> By {
        match self {
            What::Fixed(fixed) => By::Fixed(Arc::clone(fixed)),
            What::Previous => {
                let shelf = serving.loaded().shelf();
                let model = shelf.models.get(version.name());
                let before = model.and_then(|model| model.versions.range(..version.number()).next_back());
                match before {
                    Some((_, before)) => By::Version(Arc::clone(before)),
                    None => By::Nobody("no version before it is in memory".to_owned()),
                }
            }
            What::Model(name) => match serving.loaded().find(name, &Asked::Default) {
                Ok(other) => By::Version(other),
                Err(_) => By::Nobody(format!("model `{name}` does not answer")),
            },
        }
    }
}

impl Step {
    /// The version that was asked for.
    pub(crate) fn asked(version: &Arc<Version>) -> Self {
        Self {
            name: ASKED,
            by: By::Version(Arc::clone(version)),
            budget: None,
        }
    }

    /// When this step must be done: within its budget, or within half of what is left where there is a rung below.
    pub(crate) fn deadline(&self, now: Instant, deadline: Instant, is_last: bool) -> Instant {
        let left = deadline.saturating_duration_since(now);
        let share = if is_last { left } else { left / 2 };
        deadline.min(now + self.budget.unwrap_or(share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_wrong_are_told_why() {
        let mut told = String::new();
        for text in [
            "[models.intent]\nbudget_ms = 0\n[[models.intent.rungs]]\nuse = \"previous\"",
            "[models.intent]\nbudget_ms = 5",
            "[[models.intent.rungs]]\nuse = \"default\"\nanswer = {}\n[[models.intent.rungs]]\nuse = \"previous\"",
            "[[models.intent.rungs]]\nuse = \"rule\"\ninput = \"text\"\ncases = []",
            "[[models.intent.rungs]]\nuse = \"rule\"\ninput = \"text\"\ncases = [{ contains = [], answer = {} }]",
        ] {
            told.push_str(&Ladders::parse(text).unwrap_err());
            told.push('\n');
        }
        insta::assert_snapshot!(told, @r#"
        models.intent: budget_ms is 0; it must be at least 1
        models.intent: a ladder needs a rung: [[models.NAME.rungs]] with use = "previous"
        models.intent: the default always answers, so it must be the last rung
        models.intent: a rule needs cases, each with words in `contains`
        models.intent: a rule needs cases, each with words in `contains`
        "#);
        assert!(
            Ladders::parse("[[models.intent.rungs]]\nuse = \"magic\"")
                .unwrap_err()
                .contains("magic")
        );
        assert!(
            Ladders::parse("[models.intent]\nbudget = 5")
                .unwrap_err()
                .contains("budget")
        );
    }
}
