//! A project with one source elsewhere, its work folder, and servers that end with the test.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Mutex;

use tempfile::TempDir;

use super::super::{Deadlines, Outside, fetched};
use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::project::{Project, RecipeProblem, Recipes, read_project};

struct NoKinds;

impl Recipes for NoKinds {
    fn kinds(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn check(
        &self,
        _: &str,
        written: &serde_json::Value,
    ) -> std::result::Result<serde_json::Value, Vec<RecipeProblem>> {
        Ok(written.clone())
    }
}

/// A project folder with the source `rows`.
pub(super) struct Desk {
    pub(super) folder: TempDir,
    pub(super) outside: Outside,
    /// Bytes told, in order.
    pub(super) told: Mutex<Vec<u64>>,
}

impl Desk {
    /// `source` is what stands below `[sources.rows]`.
    pub(super) fn new(source: &str) -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
            outside: Outside {
                environment: BTreeMap::new(),
                deadlines: Deadlines {
                    connect_ms: 10_000,
                    idle_ms: 10_000,
                    statement_ms: 60_000,
                },
            },
            told: Mutex::default(),
        };
        desk.rewrite(source);
        desk
    }

    pub(super) fn with(mut self, variable: &str, value: &str) -> Self {
        self.outside.environment.insert(variable.into(), value.into());
        self
    }

    pub(super) fn rewrite(&self, source: &str) {
        let text = format!("[project]\nname = \"desk\"\n\n[sources.rows]\n{source}\n");
        fs::write(self.folder.path().join("deskmill.toml"), text).unwrap();
    }

    pub(super) fn project(&self) -> Project {
        read_project(self.folder.path(), &NoKinds).unwrap()
    }

    pub(super) fn catalog(&self) -> Catalog {
        Catalog::new(&self.folder.path().join("work"))
    }

    pub(super) async fn fetch(&self) -> Result<Project> {
        let told = |_: &str, bytes: u64| self.told.lock().unwrap().push(bytes);
        let project = self.outside.fetch(&self.project(), &self.catalog(), &told).await?;
        let again = fetched(&self.project(), &self.catalog())?;
        assert_eq!(again.sources[0].reads, project.sources[0].reads);
        Ok(project)
    }

    /// Fetches, and gives each file's relative path and text.
    pub(super) async fn files(&self) -> Vec<(String, String)> {
        texts(&self.fetch().await.unwrap())
    }

    pub(super) async fn refusal(&self) -> (String, String) {
        match self.fetch().await {
            Err(error @ Error::Source { .. }) => (error.to_string(), error.hint()),
            Err(error) => panic!("another error: {error}"),
            Ok(_) => panic!("it was fetched"),
        }
    }

    /// The names in the source's folder, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.catalog().fetched_folder("rows")).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Relative path and text of each file.
pub(super) fn texts(project: &Project) -> Vec<(String, String)> {
    let files = project.sources[0].reads.iter().flat_map(|read| &read.files);
    files
        .map(|file| (file.relative.clone(), fs::read_to_string(&file.path).unwrap()))
        .collect()
}

/// A process that ends with the test.
pub(super) struct Server(pub(super) Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command that must go well.
pub(super) fn must(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}; tests/all.sh installs what is missing"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// A command as another user, which servers want that refuse root.
pub(super) fn command_as(user: &str, program: &Path) -> Command {
    if must(Command::new("id").arg("-u")).trim() != "0" {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", user, "--regid", user, "--clear-groups"])
        .arg(program);
    command
}

/// Waits until `is_ready` says so, three minutes at most: a server starts slowly while everything else is tested too.
pub(super) fn wait_until(what: &str, mut is_ready: impl FnMut() -> bool) {
    for _ in 0..1800 {
        if is_ready() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{what} is not ready");
}
