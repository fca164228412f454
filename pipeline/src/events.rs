//! What a run says while it works: a terminal draws it, a pipe gets it as JSON lines.

use serde::Serialize;

/// One thing that happened. Serialises as `{"event": "stage", ...}`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run begins.
    Run {
        /// Its id.
        run: String,
        /// The project.
        project: String,
        /// Steps with nothing to do.
        steps_done: usize,
        /// All steps.
        steps: usize,
    },
    /// A step is under way.
    Progress {
        /// `ingest`, `clean`, `assemble`, `fit`, `evaluate` or `publish`.
        stage: &'static str,
        /// The source, table or model.
        name: String,
        /// Share done, 0 to 1.
        share: f32,
        /// What is going on.
        what: String,
    },
    /// A step ended well.
    Stage {
        /// `ingest`, `clean`, `profile`, `check`, `assemble`, `fit`, `evaluate` or `publish`.
        stage: &'static str,
        /// The source, table or model.
        name: String,
        /// Whether its output was there already.
        skipped: bool,
        /// Time it took, in seconds.
        wall_s: f64,
        /// Its outcome in a few words, for people.
        outcome: String,
        /// Its outcome as data.
        facts: serde_json::Value,
    },
}

/// Who is told.
pub type Listener<'a> = &'a (dyn Fn(Event) + Sync);
