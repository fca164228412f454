//! What has changed since: the lineage of something held against the project and the files as they are.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Component, Path};

use serde::Serialize;

use super::gather::Lineage;
use super::output::Output;
use crate::engine::RAW;
use crate::keys::Parts;
use crate::plan::Plan;
use crate::project::Project;

/// How something is now, seen from its lineage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Since {
    /// As it was.
    Same,
    /// Another content; of an output: it would be made anew.
    Changed,
    /// Not there any more; of an output: not in the project.
    Gone,
    /// A file that is there and that the project does not read.
    Unread,
}

/// How an output or a source is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutputNow {
    /// In a word.
    pub since: Since,
    /// Which parts of its key differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
}

/// How all of a lineage is now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Now {
    /// Outputs by key, sources by the digest of their content.
    pub outputs: BTreeMap<String, OutputNow>,
    /// Files that are listed, by path.
    pub files: BTreeMap<String, Since>,
}

impl Now {
    /// Looks at all of a lineage. The plan has the digests of the files as they are.
    pub fn of(lineage: &Lineage, project: &Project, plan: &Plan) -> Self {
        let mut now = Self::default();
        let landed: HashSet<&str> = plan
            .steps
            .iter()
            .filter(|step| step.landing.is_some())
            .map(|step| step.key.as_str())
            .collect();
        let digests = digests(project, plan);
        for output in &lineage.outputs {
            let state = if output.stage == "ingest" {
                let is_known = project.source(&output.name).is_some();
                OutputNow::of(landed.contains(output.key.as_str()), is_known)
            } else {
                of_step(output, plan)
            };
            now.outputs.insert(output.key.clone(), state);
            for file in output.files.iter().flat_map(|files| &files.listed) {
                let state = match digests.get(file.path.as_str()) {
                    Some(digest) if *digest == file.sha256 => Since::Same,
                    Some(_) => Since::Changed,
                    None if is_there(project, &file.path) => Since::Unread,
                    None => Since::Gone,
                };
                now.files.insert(file.path.clone(), state);
            }
        }
        for source in &lineage.sources {
            let content = plan.content(&format!("{RAW}.{}", source.name));
            let state = OutputNow::of(content == Some(&source.content), content.is_some());
            now.outputs.insert(source.content.clone(), state);
        }
        now
    }
}

impl OutputNow {
    fn of(is_same: bool, is_known: bool) -> Self {
        let since = match (is_same, is_known) {
            (true, _) => Since::Same,
            (false, true) => Since::Changed,
            (false, false) => Since::Gone,
        };
        Self {
            since,
            changed: Vec::new(),
        }
    }
}

fn of_step(output: &Output, plan: &Plan) -> OutputNow {
    let Some(step) = plan.step(&output.stage, &output.name) else {
        return OutputNow::of(false, false);
    };
    let differs = |a: &Parts, b: &Parts| -> Vec<String> {
        a.iter()
            .filter(|(name, value)| b.get(*name) != Some(value))
            .map(|(name, _)| name.clone())
            .collect()
    };
    let mut state = OutputNow::of(step.key == output.key, true);
    if state.since == Since::Changed {
        state.changed = differs(&output.parts, &step.parts);
        state.changed.extend(differs(&step.parts, &output.parts));
        state.changed.sort_unstable();
        state.changed.dedup();
    }
    state
}

/// The digest of every file that the project reads, by its path.
fn digests<'a>(project: &'a Project, plan: &'a Plan) -> HashMap<&'a str, &'a str> {
    let mut all = HashMap::new();
    for step in &plan.steps {
        if let Some(landing) = &step.landing {
            let files = landing.files(project).map(|(_, file)| file.relative.as_str());
            all.extend(files.zip(step.contents.iter().map(String::as_str)));
        }
    }
    all
}

/// Whether a file is there that the project does not read. A lineage may come from elsewhere, so only below the project.
fn is_there(project: &Project, path: &str) -> bool {
    let is_below = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    is_below && project.folder.join(path).is_file()
}
