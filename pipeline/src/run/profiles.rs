//! The profiles of a run: what each table looks like, and how that changed since the last good run.

use std::time::Instant;

use serde_json::json;

use super::{RunRequest, Until, Work};
use crate::catalog::{read_json, write_json};
use crate::error::Result;
use crate::plan::Step;
use crate::profile::{self, Baseline, Depth, Profile, ProfileRequest, TableChange};
use crate::stages::clean;

impl Work<'_> {
    /// The last good run; an empty one if there is none.
    pub(super) fn baseline(&self) -> Baseline {
        read_json(&self.catalog.last_profiles_file()).unwrap_or_default()
    }

    /// Measures a table that is made, unless its content was measured before, and compares it.
    pub(super) fn profile(&self, step: &Step, baseline: &Baseline) -> Result<TableChange> {
        let started = Instant::now();
        let (name, key) = (step.name.as_str(), profile::key_of(&step.key));
        let now: Profile = if self.catalog.has(profile::STAGE, name, &key) {
            self.catalog.facts(profile::STAGE, name, &key)?
        } else {
            self.progress("profile", name, 0.0, "looking at its rows");
            self.catalog.make(profile::STAGE, name, &key, |_| {
                profile::measure(&ProfileRequest {
                    table: name,
                    files: &[self.folder(clean::STAGE, step).join(clean::ROWS_FILE)],
                    depth: Depth::RUN,
                    threads: self.threads,
                    memory_max_bytes: self.project.limits.memory_max_mib << 20,
                })
            })?
        };
        let change = match baseline.tables.get(name) {
            Some(before) if *before == key => profile::unchanged(&now, &baseline.run),
            // A profile that was thrown away with the work folder is none to compare with.
            Some(before) => match self.catalog.facts::<Profile>(profile::STAGE, name, before) {
                Ok(before) => profile::compare(&before, &now, &baseline.run),
                Err(_) => TableChange::first(now.rows),
            },
            None => TableChange::first(now.rows),
        };
        self.tell(
            ("profile", name),
            change.unchanged,
            started,
            (change.words(), json!(change)),
        );
        Ok(change)
    }

    /// Makes this run the one that later runs are compared with.
    pub(super) fn remember_profiles(&self, request: &RunRequest) -> Result<()> {
        let with_models = request.until == Until::Models;
        if self.baseline().with_models && !with_models {
            return Ok(());
        }
        let steps = self
            .project
            .tables
            .iter()
            .filter_map(|table| self.plan.step("clean", &table.name));
        let baseline = Baseline {
            run: request.run.clone(),
            with_models,
            tables: steps
                .map(|step| (step.name.clone(), profile::key_of(&step.key)))
                .collect(),
        };
        write_json(&self.catalog.last_profiles_file(), &baseline)
    }
}
