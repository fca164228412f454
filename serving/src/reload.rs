//! Keeps the models in memory in step with the registry: looks at each log, loads what is new aside (digests and golden
//! rows are checked by the registry), swaps it in, and frees the old off the request path. A version that does not load
//! is reported and tried again, ever more rarely; whoever followed its alias stays on the version before.

use std::sync::Arc;
use std::time::Duration;

use deskmill_models::registry::Registry;
use futures::future::join_all;
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior};

use crate::Serving;
use crate::loaded::{Facts, Failure, Served, Version};

const RETRY_MAX: Duration = Duration::from_secs(60);

/// Brings models from one registry into one server.
pub struct Reloader {
    registry: Registry,
    serving: Arc<Serving>,
    /// Models are parsed on all cores, no more at once.
    loads: Arc<Semaphore>,
    /// What was last said about the registry as a whole, so that it is said once.
    trouble: tokio::sync::Mutex<Option<String>>,
}

impl Reloader {
    /// Loads nothing yet.
    pub fn new(registry: Registry, serving: Arc<Serving>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            registry,
            serving,
            loads: Arc::new(Semaphore::new(cores)),
            trouble: tokio::sync::Mutex::default(),
        }
    }

    /// Looks at the registry now and then, for ever.
    pub async fn watch(self) {
        let mut ticks = tokio::time::interval(Duration::from_millis(self.serving.config().reload_every_ms));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.serving.wishes().woken() => {}
            }
            if let Some(path) = &self.serving.config().keys {
                self.serving.doors().reload(path);
            }
            self.reload().await;
        }
    }

    /// Brings the memory in step with the registry, once.
    pub async fn reload(&self) {
        // Held throughout: two reloads at once would load the same versions twice.
        let mut trouble = self.trouble.lock().await;
        self.serving.wishes().looking();
        match self.registry.models().await {
            Ok(mut names) => {
                let unloaded = self.serving.wishes().unloaded();
                names.retain(|name| !unloaded.contains(name.as_str()));
                let gone: Vec<Arc<str>> = {
                    let shelf = self.serving.loaded().shelf();
                    shelf
                        .models
                        .keys()
                        .filter(|held| !names.iter().any(|n| **n == ***held))
                        .cloned()
                        .collect()
                };
                gone.iter().for_each(|name| self.serving.loaded().remove(name));
                join_all(names.iter().map(|name| self.follow(name))).await;
                self.serving.loaded().set_complete();
                *trouble = None;
            }
            Err(error) => {
                let message = error.to_string();
                if trouble.as_ref() != Some(&message) {
                    tracing::error!(%message, hint = error.hint(), "the registry cannot be read");
                }
                self.serving.metrics().load_failed("");
                *trouble = Some(message);
            }
        }
        self.sweep().await;
        self.serving.wishes().looked();
    }

    /// Brings one model in step with its log.
    async fn follow(&self, name: &str) {
        let held = self.held(name);
        let retry = held.failures.values().any(|failure| failure.again_at <= Instant::now());
        let facts = async {
            let last_entry = self.registry.last_entry(name).await?;
            if last_entry == held.facts.last_entry && held.trouble.is_none() && !retry {
                return Ok(None);
            }
            self.registry.state(name).await.map(|state| Some(Facts::from(&state)))
        };
        match facts.await {
            Ok(None) => {}
            Ok(Some(facts)) => self.bring(name, facts).await,
            Err(error) => {
                let message = error.to_string();
                if held.trouble.as_ref() != Some(&message) {
                    tracing::error!(model = name, %message, hint = error.hint(), "the model's log cannot be read");
                }
                self.serving.metrics().load_failed(name);
                let mut next = held.next(held.facts.clone(), &held.planned, vec![]);
                next.trouble = Some(message);
                self.serving.loaded().put(next);
            }
        }
    }

    /// Loads what `facts` call for and is not in memory: first what aliases name, then the rest. One swap after each.
    async fn bring(&self, name: &str, facts: Facts) {
        let (aliased, others) = facts.plan(self.serving.config().versions_loaded_max);
        let planned = [aliased.as_slice(), others.as_slice()].concat();
        // What is known of the model can be asked for while its versions load.
        self.serving
            .loaded()
            .put(self.held(name).next(facts.clone(), &planned, vec![]));
        for group in [aliased, others] {
            let held = self.held(name);
            let due = |number: &u64| {
                let waits = held
                    .failures
                    .get(number)
                    .is_some_and(|failure| failure.again_at > Instant::now());
                !held.versions.contains_key(number) && !waits
            };
            let results = join_all(group.iter().filter(|n| due(n)).map(|number| self.load(name, *number))).await;
            let (mut arrived, mut failed) = (Vec::new(), Vec::new());
            for (number, result) in results {
                match result {
                    Ok(version) => arrived.push(Arc::new(version)),
                    Err(message) => failed.push((number, message)),
                }
            }
            let mut next = held.next(facts.clone(), &planned, arrived);
            for (number, message) in failed {
                let failure = self.failure(&held, number, message);
                next.failures.insert(number, failure);
            }
            self.serving.loaded().put(next);
        }
    }

    /// Loads one version on a thread of its own: parsing and replaying are work, not waiting.
    async fn load(&self, name: &str, number: u64) -> (u64, Result<Version, String>) {
        let (registry, loads, model) = (self.registry.clone(), Arc::clone(&self.loads), name.to_owned());
        let runtime = tokio::runtime::Handle::current();
        let started = Instant::now();
        let work = tokio::task::spawn_blocking(move || {
            runtime.block_on(async move {
                let _turn = loads.acquire().await;
                registry
                    .load(&model, number)
                    .await
                    .map(|loaded| Version::new(&model, number, loaded.model))
            })
        });
        let result = match work.await {
            Ok(loaded) => loaded.map_err(|error| format!("{error} (hint: {})", error.hint())),
            Err(_) => Err("loading it ended in a fault of the program".to_owned()),
        };
        if result.is_ok() {
            let load_ms = started.elapsed().as_millis() as u64;
            tracing::info!(model = name, version = number, load_ms, "loaded");
        }
        (number, result)
    }

    /// Notes and reports a version that did not load; said once, however often it is tried.
    fn failure(&self, held: &Served, number: u64, message: String) -> Failure {
        let before = held.failures.get(&number);
        if before.is_none_or(|failure| failure.message != message) {
            let model = &*held.name;
            tracing::error!(model, version = number, %message, "a version cannot be loaded; aliases stay where they were");
        }
        self.serving.metrics().load_failed(&held.name);
        let tries = before.map_or(1, |failure| failure.tries.saturating_add(1));
        let every = Duration::from_millis(self.serving.config().reload_every_ms);
        let wait = every.saturating_mul(1 << tries.min(16)).min(RETRY_MAX);
        Failure {
            message,
            tries,
            again_at: Instant::now() + wait,
        }
    }

    /// Frees what nobody uses any more, on a thread where it holds up nothing.
    async fn sweep(&self) {
        let unused = self.serving.loaded().take_unused();
        for version in &unused {
            tracing::info!(model = &**version.name(), version = version.number(), "unloaded");
            self.serving.metrics().forget(version);
        }
        if !unused.is_empty() {
            let _freed = tokio::task::spawn_blocking(move || drop(unused)).await;
        }
    }

    fn held(&self, name: &str) -> Arc<Served> {
        let shelf = self.serving.loaded().shelf();
        shelf
            .models
            .get(name)
            .cloned()
            .unwrap_or_else(|| Arc::new(Served::unknown(name)))
    }
}
