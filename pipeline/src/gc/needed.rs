//! What is needed of the work folder: some outputs, and all that they were made from.

use std::collections::BTreeSet;

use deskmill_models::registry::Registry;

use crate::catalog::{Catalog, is_key, read_json};
use crate::checks;
use crate::engine::RAW;
use crate::error::Result;
use crate::lineage::{CONTENTS_STAGE, Input, SOURCE, landings_of, lineage_of, output_of};
use crate::plan::{Plan, folder_of};
use crate::profile;
use crate::project::Project;
use crate::rejects::Outputs;
use crate::stages::fit;

/// Outputs that must stay.
#[derive(Debug, Default)]
pub(super) struct Needed {
    /// Folder of the stage, name and key.
    outputs: BTreeSet<(String, String, String)>,
    /// Outputs whose inputs were followed already.
    followed: BTreeSet<Input>,
    /// Whether something is needed that does not say what it was made from.
    is_untraced: bool,
    /// Digests of the encoders of the project's models.
    pub(super) encoders: BTreeSet<String>,
}

impl Needed {
    /// What the plan leads to, and what the last good run had.
    pub(super) fn of_plan(project: &Project, plan: &Plan, catalog: &Catalog) -> Result<Self> {
        let mut needed = Self::default();
        for source in &project.sources {
            if let Some(content) = plan.content(&format!("{RAW}.{}", source.name)) {
                needed.add(catalog, Input::new(SOURCE, &source.name, content))?;
            }
        }
        for step in &plan.steps {
            if step.stage == "fit" {
                needed.encoders.extend(step.parts.get(fit::ENCODER).cloned());
            }
            needed.add(catalog, Input::new(step.stage, &step.name, &step.key))?;
        }
        for table in &project.tables {
            if let Some(key) = plan.checks_key(table)?.filter(|_| !table.checks.is_empty()) {
                needed.outputs.insert((checks::STAGE.into(), table.name.clone(), key));
            }
        }
        for (stage, name, key) in Plan::last_good(catalog) {
            needed.add(catalog, Input::new(&stage, &name, &key))?;
        }
        // What a replay will ask: where the rejects of the last run are.
        for (stage, name, key) in Outputs::last(catalog).iter().flat_map(Outputs::names) {
            needed.add(catalog, Input::new(stage, name, key))?;
        }
        needed.add_profiles(plan, catalog);
        Ok(needed)
    }

    /// Profiles of the plan's tables, and those that the next run compares them with.
    fn add_profiles(&mut self, plan: &Plan, catalog: &Catalog) {
        let baseline: profile::Baseline = read_json(&catalog.last_profiles_file()).unwrap_or_default();
        let tables = plan.steps.iter().filter(|step| step.stage == "clean");
        let planned = tables.map(|step| (step.name.clone(), profile::key_of(&step.key)));
        for (name, key) in planned.chain(baseline.tables) {
            self.outputs.insert((profile::STAGE.into(), name, key));
        }
    }

    /// What every version was made from that is not retired.
    pub(super) async fn add_versions(&mut self, catalog: &Catalog, registry: &Registry) -> Result<()> {
        for model in registry.models().await? {
            let state = registry.state(&model).await?;
            for version in state.versions.values().filter(|version| !version.retired) {
                let (lineage, _) = lineage_of(registry, catalog, &state, version.version).await?;
                for source in &lineage.sources {
                    self.add(catalog, Input::new(SOURCE, &source.name, &source.content))?;
                }
                for output in &lineage.outputs {
                    self.add(catalog, Input::new(&output.stage, &output.name, &output.key))?;
                }
                for missing in lineage.missing {
                    self.add(catalog, missing)?;
                }
            }
        }
        Ok(())
    }

    /// Adds an output or source, and all it was made from.
    pub(super) fn add(&mut self, catalog: &Catalog, input: Input) -> Result<()> {
        let mut open = vec![input];
        while let Some(input) = open.pop() {
            let name = input.of().to_owned();
            // The lineage of a version can come from anywhere, and these become paths.
            if !is_key(&input.content) || name.contains(['/', '\\', '\0']) {
                continue;
            }
            let place = if input.stage == SOURCE {
                CONTENTS_STAGE
            } else {
                folder_of(&input.stage)
            };
            self.outputs.insert((place.into(), name.clone(), input.content.clone()));
            if !self.followed.insert(input.clone()) {
                continue;
            }
            if input.stage == SOURCE {
                let landings = landings_of(catalog, &name, &input.content).unwrap_or_default();
                open.extend(landings.iter().map(|key| Input::new("ingest", &name, key)));
                continue;
            }
            match output_of(catalog, &input.stage, &name, &input.content)? {
                Some(output) => open.extend(output.inputs),
                None => self.is_untraced |= catalog.has(place, &name, &input.content),
            }
        }
        Ok(())
    }

    pub(super) fn has(&self, stage: &str, name: &str, key: &str) -> bool {
        self.outputs
            .contains(&(stage.to_owned(), name.to_owned(), key.to_owned()))
    }

    /// Whether outputs that do not say what they were made from must stay, for a needed one may have been made from them.
    pub(super) fn is_all_untraced(&self) -> bool {
        self.is_untraced
    }
}
