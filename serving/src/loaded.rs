//! Versions in memory and who follows which alias. A new set of versions of a model replaces the old one at once;
//! requests in flight keep the version they started with. Where versions come from is in [`crate::reload`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use axum::http::HeaderValue;
use deskmill_models::explained::Reason;
use deskmill_models::kind::{Model, Signature};
use deskmill_models::registry::{ModelState, PROD};
use tokio::time::Instant;

use crate::bulkhead::Bulkhead;
use crate::problem::{Problem, shown};
use crate::stats::Stats;

/// One version of a model that can answer.
pub struct Version {
    name: Arc<str>,
    number: u64,
    text: String,
    headers: [HeaderValue; 2],
    model: Box<dyn Model>,
    stats: Stats,
    bulkhead: Bulkhead,
}

impl Version {
    /// Puts a model under its name and version number. Names are those the registry accepts.
    pub fn new(name: &str, number: u64, model: Box<dyn Model>) -> Self {
        let header = HeaderValue::from_str(name).unwrap_or(HeaderValue::from_static("-"));
        let headers = [header, HeaderValue::from(number)];
        Self {
            name: name.into(),
            number,
            text: number.to_string(),
            headers,
            model,
            stats: Stats::default(),
            bulkhead: Bulkhead::default(),
        }
    }

    /// The model's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The version's number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The version's number as the wires carry it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Name and number as response headers.
    pub(crate) fn headers(&self) -> &[HeaderValue; 2] {
        &self.headers
    }

    /// The kind of the model.
    pub fn kind(&self) -> &'static str {
        self.model.kind()
    }

    /// The columns it takes and gives.
    pub fn signature(&self) -> &Signature {
        self.model.signature()
    }

    /// The model, if it is one of a certain kind.
    pub(crate) fn model_as<M: Model>(&self) -> Option<&M> {
        (self.model.as_ref() as &dyn std::any::Any).downcast_ref()
    }

    /// [`Model::predict`].
    pub(crate) fn predict(&self, rows: &RecordBatch) -> deskmill_models::Result<RecordBatch> {
        self.model.predict(rows)
    }

    /// What spoke for the answers to `rows`. Some models answer with their reasons; others are asked for them.
    ///
    /// # Errors
    /// When the model fails. `None` if its kind cannot say why.
    pub(crate) fn reasons(
        &self,
        rows: &RecordBatch,
        answers: &RecordBatch,
    ) -> deskmill_models::Result<Option<Vec<Vec<Reason>>>> {
        Ok(reasons_in(answers).or(self.model.reasons(rows, REASONS_MAX)?))
    }

    /// Whether it can say what spoke for its answers.
    pub(crate) fn explains(&self) -> bool {
        let signature = self.signature();
        let rows = RecordBatch::new_empty(signature.input_schema());
        let answers = RecordBatch::new_empty(signature.output_schema());
        self.reasons(&rows, &answers).is_ok_and(|reasons| reasons.is_some())
    }

    /// The wall around it.
    pub(crate) fn bulkhead(&self) -> &Bulkhead {
        &self.bulkhead
    }

    /// What was asked of it so far.
    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }
}

/// Reasons of one answer.
const REASONS_MAX: usize = 10;

/// The reasons that are among the answers already.
fn reasons_in(answers: &RecordBatch) -> Option<Vec<Vec<Reason>>> {
    let names = answers.column_by_name("reasons")?.as_list_opt::<i32>()?;
    let weights = answers.column_by_name("reason_weights")?.as_list_opt::<i32>()?;
    let of = |row: usize| {
        let (names, weights) = (names.value(row), weights.value(row));
        let weights = weights.as_primitive_opt::<Float64Type>()?.iter().flatten();
        let names = names.as_string_opt::<i32>()?.iter().flatten();
        let reason = |(name, weight): (&str, f64)| Reason {
            name: name.to_owned(),
            weight,
        };
        Some(names.zip(weights).map(reason).collect())
    };
    (0..answers.num_rows()).map(of).collect()
}

/// What serving needs to know of a model's registry log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The kind of all its versions.
    pub kind: String,
    /// Published versions, and whether each is retired.
    pub versions: BTreeMap<u64, bool>,
    /// What each alias names.
    pub aliases: BTreeMap<String, u64>,
    /// The newest log entry these facts hold.
    pub last_entry: u64,
}

impl From<&ModelState> for Facts {
    fn from(state: &ModelState) -> Self {
        Self {
            kind: state.kind.clone(),
            versions: state
                .versions
                .iter()
                .map(|(number, version)| (*number, version.retired))
                .collect(),
            aliases: state.aliases.clone(),
            last_entry: state.last_entry,
        }
    }
}

impl Facts {
    /// The versions to hold, at most `max`: what `prod` names, what other aliases name, then the newest.
    /// The first part of the pair is what aliases name, and is loaded first.
    pub(crate) fn plan(&self, max: usize) -> (Vec<u64>, Vec<u64>) {
        let named = self.aliases.get(PROD).into_iter().chain(self.aliases.values());
        let newest = self
            .versions
            .iter()
            .rev()
            .filter(|(_, retired)| !**retired)
            .map(|(number, _)| number);
        let (mut aliased, mut others) = (Vec::new(), Vec::new());
        for &number in named {
            if aliased.len() < max && !aliased.contains(&number) {
                aliased.push(number);
            }
        }
        for &number in newest {
            if aliased.len() + others.len() < max && !aliased.contains(&number) {
                others.push(number);
            }
        }
        (aliased, others)
    }
}

/// A version that could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why, for operators. Holds no customer text.
    pub message: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried again.
    pub again_at: Instant,
}

/// One model as it is served.
pub struct Served {
    /// Its name.
    pub name: Arc<str>,
    /// What the registry says.
    pub facts: Facts,
    /// What each alias answers with. It differs from the registry's word while a version loads or if it cannot be.
    pub aliases: BTreeMap<String, u64>,
    /// Versions in memory.
    pub versions: BTreeMap<u64, Arc<Version>>,
    /// Versions that should be in memory.
    pub planned: Vec<u64>,
    /// Versions that should be in memory and are not.
    pub failures: BTreeMap<u64, Failure>,
    /// Why the model's log could not be read at the last look.
    pub trouble: Option<String>,
}

impl Served {
    /// A model of which nothing is known but its name.
    pub fn unknown(name: &str) -> Self {
        Self {
            name: name.into(),
            facts: Facts::default(),
            aliases: BTreeMap::new(),
            versions: BTreeMap::new(),
            planned: Vec::new(),
            failures: BTreeMap::new(),
            trouble: None,
        }
    }

    /// A model made of versions at hand, without a registry. `prod` names the newest.
    pub fn of(versions: Vec<Version>) -> Option<Self> {
        let name = Arc::clone(versions.first()?.name());
        let kind = versions.first()?.kind().to_owned();
        let versions: BTreeMap<u64, Arc<Version>> = versions.into_iter().map(|v| (v.number, Arc::new(v))).collect();
        let newest = *versions.keys().next_back()?;
        let facts = Facts {
            kind,
            versions: versions.keys().map(|number| (*number, false)).collect(),
            aliases: BTreeMap::from([(PROD.to_owned(), newest)]),
            last_entry: 0,
        };
        let (aliases, planned) = (facts.aliases.clone(), versions.keys().copied().collect());
        Some(Self {
            name,
            facts,
            aliases,
            versions,
            planned,
            failures: BTreeMap::new(),
            trouble: None,
        })
    }

    /// The model after `facts` changed or versions arrived. An alias moves only to a version that is in memory; while
    /// that is planned and not there, it stays where it was. What is neither planned nor followed is dropped.
    pub(crate) fn next(&self, facts: Facts, planned: &[u64], arrived: Vec<Arc<Version>>) -> Self {
        let mut versions = self.versions.clone();
        versions.extend(arrived.into_iter().map(|version| (version.number, version)));
        let follow = |(alias, number): (&String, &u64)| {
            let before = self.aliases.get(alias).filter(|_| planned.contains(number));
            let number = if versions.contains_key(number) {
                Some(number)
            } else {
                before
            };
            number.map(|number| (alias.clone(), *number))
        };
        let aliases: BTreeMap<String, u64> = facts.aliases.iter().filter_map(follow).collect();
        versions.retain(|number, _| planned.contains(number) || aliases.values().any(|named| named == number));
        let mut failures = self.failures.clone();
        failures.retain(|number, _| planned.contains(number) && !versions.contains_key(number));
        let (name, planned) = (Arc::clone(&self.name), planned.to_vec());
        Self {
            name,
            facts,
            aliases,
            versions,
            planned,
            failures,
            trouble: None,
        }
    }

    /// Whether everyone who follows `prod` gets an answer.
    pub(crate) fn is_ready(&self) -> bool {
        match self.facts.aliases.contains_key(PROD) {
            true => self.aliases.contains_key(PROD),
            false => self.trouble.is_none(),
        }
    }

    /// The version that answers when nobody asks for another.
    pub(crate) fn default_version(&self) -> Option<&Arc<Version>> {
        self.aliases.get(PROD).and_then(|number| self.versions.get(number))
    }

    /// The version that a request means.
    pub(crate) fn find(&self, asked: &Asked) -> Result<Arc<Version>, Problem> {
        let alias = match asked {
            Asked::Default => PROD,
            Asked::Label(alias) => alias,
            Asked::Version(text) => {
                let number = text
                    .parse()
                    .ok()
                    .filter(|number| self.facts.versions.contains_key(number));
                let number = number.ok_or_else(|| {
                    let versions = list(self.facts.versions.keys().rev());
                    Problem::not_found(format!("model `{}` has no version `{}`", self.name, shown(text)))
                        .hint(format!("published versions: {versions}"))
                })?;
                return self.held(number);
            }
        };
        if let Some(version) = self.aliases.get(alias).and_then(|number| self.versions.get(number)) {
            return Ok(Arc::clone(version));
        }
        if let Some(number) = self.facts.aliases.get(alias) {
            return self.held(*number);
        }
        if self.trouble.is_some() {
            return Err(Problem::not_ready(format!(
                "what model `{}` consists of could not be read yet",
                self.name
            )));
        }
        let hint = match self.aliases.is_empty() {
            true => format!(
                "promote a version: deskmill models promote {} VERSION --alias {PROD}",
                self.name
            ),
            false => format!("aliases: {}", list(self.aliases.keys())),
        };
        Err(Problem::not_found(format!("model `{}` has no alias `{}`", self.name, shown(alias))).hint(hint))
    }

    /// A published version, if it is in memory.
    fn held(&self, number: u64) -> Result<Arc<Version>, Problem> {
        if let Some(version) = self.versions.get(&number) {
            return Ok(Arc::clone(version));
        }
        let name = &self.name;
        if self.failures.contains_key(&number) {
            return Err(
                Problem::not_ready(format!("version {number} of model `{name}` could not be loaded"))
                    .hint(format!("GET /v1/models/{name} says why")),
            );
        }
        let held = list(self.versions.keys().rev());
        if self.facts.versions.get(&number).is_some_and(|retired| *retired) {
            return Err(
                Problem::not_found(format!("version {number} of model `{name}` is retired"))
                    .hint(format!("versions that answer: {held}")),
            );
        }
        if self.planned.contains(&number) {
            return Err(Problem::not_ready(format!(
                "version {number} of model `{name}` is being loaded"
            )));
        }
        Err(
            Problem::not_found(format!("version {number} of model `{name}` is not in memory")).hint(format!(
                "versions that answer: {held}; set an alias to it, or raise versions_loaded_max"
            )),
        )
    }
}

/// Which version a URL asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// None: the one `prod` names.
    Default,
    /// A number.
    Version(String),
    /// An alias.
    Label(String),
}

/// All models at one moment.
#[derive(Default, Clone)]
pub struct Shelf {
    /// Whether the registry was read to its end once.
    pub complete: bool,
    /// The models by name.
    pub models: BTreeMap<Arc<str>, Arc<Served>>,
}

impl Shelf {
    /// The model of that name.
    pub(crate) fn model(&self, name: &str) -> Result<&Arc<Served>, Problem> {
        self.models.get(name).ok_or_else(|| match self.complete {
            true => Problem::not_found(format!("there is no model `{}`", shown(name)))
                .hint(format!("models: {}", list(self.models.keys()))),
            false => Problem::not_ready("the models are being loaded"),
        })
    }

    /// The models that keep the server from being ready, unless the registry was not read yet.
    pub(crate) fn waiting_for(&self) -> Vec<Arc<str>> {
        self.models
            .values()
            .filter(|model| !model.is_ready())
            .map(|model| Arc::clone(&model.name))
            .collect()
    }
}

/// The models in memory, and those versions that wait for their last request before they are freed.
#[derive(Default)]
pub struct Loaded {
    shelf: ArcSwap<Shelf>,
    /// Taken by whoever changes the shelf, never by a request.
    leaving: Mutex<Vec<Arc<Version>>>,
}

impl Loaded {
    /// The models at this moment.
    pub fn shelf(&self) -> arc_swap::Guard<Arc<Shelf>> {
        self.shelf.load()
    }

    /// The version that a request means.
    pub(crate) fn find(&self, model: &str, asked: &Asked) -> Result<Arc<Version>, Problem> {
        self.shelf.load().model(model)?.find(asked)
    }

    /// Serves `model` from now on, at once for all new requests.
    pub fn put(&self, model: Served) {
        self.change(|shelf| shelf.models.insert(Arc::clone(&model.name), Arc::new(model)));
    }

    /// Has versions that did not load tried again at the next look.
    pub(crate) fn retry_now(&self, name: &str) {
        self.change(|shelf| {
            let model = shelf.models.get(name).filter(|model| !model.failures.is_empty())?;
            let mut failures = model.failures.clone();
            failures
                .values_mut()
                .for_each(|failure| failure.again_at = Instant::now());
            let mut next = model.next(model.facts.clone(), &model.planned, vec![]);
            next.failures = failures;
            shelf.models.insert(Arc::clone(&next.name), Arc::new(next))
        });
    }

    /// No longer serves the model of that name.
    pub(crate) fn remove(&self, name: &str) {
        self.change(|shelf| shelf.models.remove(name));
    }

    /// From now on, what is not here does not exist.
    pub fn set_complete(&self) {
        self.change(|shelf| {
            shelf.complete = true;
            None
        });
    }

    fn change(&self, change: impl FnOnce(&mut Shelf) -> Option<Arc<Served>>) {
        let mut leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Shelf::clone(&self.shelf.load());
        let replaced = change(&mut next);
        let stays = |version: &Arc<Version>| {
            let model = next.models.get(&version.name);
            model
                .and_then(|m| m.versions.get(&version.number))
                .is_some_and(|held| Arc::ptr_eq(held, version))
        };
        let gone = replaced
            .iter()
            .flat_map(|model| model.versions.values())
            .filter(|version| !stays(version));
        leaving.extend(gone.cloned());
        self.shelf.store(Arc::new(next));
    }

    /// Takes out the versions that nobody uses any more. Drop them where it does not hold up a request: a model can
    /// be large. No new user can come once a version left the shelf, so a count of one is final.
    pub(crate) fn take_unused(&self) -> Vec<Arc<Version>> {
        let mut leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        leaving
            .extract_if(.., |version| Arc::strong_count(version) == 1)
            .collect()
    }
}

/// Names for a hint, at most ten.
fn list<T: ToString>(names: impl ExactSizeIterator<Item = T>) -> String {
    const SHOWN: usize = 10;
    let more = names.len().saturating_sub(SHOWN);
    let mut names: Vec<String> = names.take(SHOWN).map(|name| name.to_string()).collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    names.join(", ")
}
