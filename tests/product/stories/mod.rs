//! The stories of `stories/*.feature`: each sentence there is a step here, what is done in `doing`, what is found in
//! `finding`. A step that is missing or skipped fails.

mod doing;
mod finding;

use std::time::Duration;

use cucumber::World;
use cucumber::gherkin::Step;
use cucumber::writer::Stats;
use serde_json::Value;

use crate::command::Ended;
use crate::desk::Desk;
use crate::http::Reply;
use crate::server::Server;

/// How long a running server may take to follow the registry, on a busy machine.
const BEFORE_LONG: Duration = Duration::from_secs(30);
const QUESTION: &str = "我的订单到哪里了？ Where is my order?";

/// What a story knows.
#[derive(Debug, Default, World)]
struct Story {
    desk: Option<Desk>,
    server: Option<Server>,
    run: Option<Ended>,
    reply: Option<Reply>,
    /// What the last replay of rejects said, and how many rejects went.
    replayed: Option<(Value, usize)>,
    /// Files of tickets that have not come in yet, with their content.
    missing: Vec<(String, Vec<u8>)>,
}

impl Story {
    fn desk(&self) -> &Desk {
        self.desk.as_ref().expect("a desk is given first")
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("the server is started first")
    }

    fn last(&self) -> &Ended {
        self.run.as_ref().expect("a run comes first")
    }

    fn prod(&self, model: &str) -> Option<u64> {
        let versions = self.desk().versions(model);
        versions
            .into_iter()
            .find(|(_, aliases)| aliases.iter().any(|alias| alias == "prod"))
            .map(|(version, _)| version)
    }
}

#[tokio::test]
async fn every_story_is_true() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/stories");
    // Scenarios start processes that use all cores; one after the other is as fast, and easier to read.
    let stories = Story::cucumber()
        .max_concurrent_scenarios(1)
        .fail_on_skipped()
        .with_default_cli()
        .run(folder)
        .await;
    assert!(
        stories.passed_steps() > 60,
        "stories are missing: {} steps passed",
        stories.passed_steps()
    );
    assert!(!stories.execution_has_failed(), "a story is not true; see above");
}

/// The rows below the heading of a step's table.
fn table(step: &Step) -> Vec<Vec<String>> {
    step.table
        .as_ref()
        .expect("the step has a table")
        .rows
        .iter()
        .skip(1)
        .cloned()
        .collect()
}
