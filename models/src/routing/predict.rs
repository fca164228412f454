//! A fitted routing model and the one way from rows to its answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Float64Builder, ListBuilder, RecordBatch, StringBuilder};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::agents::{AgentSettings, Agents, Outlook};
use super::assign::{AssignRequest, AssignSettings, Assignment, Predicted, assign, check_settings};
use crate::artifact::{Artifact, Tensor};
use crate::encode::{map_chunks, threads};
use crate::error::{Error, Result};
use crate::explained::{Reason, reason_columns, reason_specs};
use crate::kind::{Model, Signature, ValueSpec, ValueType};
use crate::learn::promise::PrecisionThresholds;
use crate::learn::trees::{ColumnKind, Objective};
use crate::table::{ColumnPlan, FeatureColumn, LeftOut, TableModel, in_parts, ranked};

/// The outputs of how long a case takes.
pub(super) const HANDLE_OUTPUTS: [&str; 2] = ["handle_s_p50", "handle_s_p90"];

/// The output of how it ends.
pub(super) const GOOD_OUTCOME: &str = "good_outcome";

/// More queues than this are no queues: each of them costs a tree a round.
pub(super) const QUEUES_MAX: usize = 1000;

/// Fewer rows than this are answered by one thread.
const ROWS_PER_THREAD_MIN: usize = 64;

/// The small facts of a model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Settings {
    pub plan: Vec<ColumnPlan>,
    /// How many scores each column of texts has.
    pub text_scores: Vec<usize>,
    /// The features, as trees take them.
    pub kinds: Vec<ColumnKind>,
    /// All queues, sorted.
    pub queues: Vec<String>,
    pub answers_max: usize,
    /// Reasons an answer gives.
    pub reasons: usize,
    /// From where on an answer is accepted; none if nothing is promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise: Option<PrecisionThresholds>,
    /// What was learned of agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<AgentSettings>,
    /// How assignments weigh what they cost.
    #[serde(default)]
    pub assign: AssignSettings,
    /// Columns that are not used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// Rows learned from, of so many.
    pub learned: (u64, u64),
    /// Rounds of trees.
    pub rounds: usize,
}

/// A fitted routing model.
pub struct RoutingModel {
    settings: Settings,
    table: TableModel,
    agents: Option<Agents>,
    signature: Signature,
}

impl RoutingModel {
    pub(super) fn new(settings: Settings, table: TableModel, agents: Option<Agents>) -> Self {
        let of_agents = agents.iter().flat_map(Agents::inputs);
        let signature = Signature {
            inputs: table.encoder.inputs().into_iter().chain(of_agents).collect(),
            outputs: outputs(&settings),
        };
        Self {
            settings,
            table,
            agents,
            signature,
        }
    }

    pub(super) fn from_artifact(mut artifact: Artifact) -> Result<Self> {
        let settings = std::mem::take(&mut artifact.settings);
        let settings: Settings = serde_json::from_value(settings).map_err(|e| Error::artifact("settings", e))?;
        let queues = settings.queues.len();
        let fits = (2..=QUEUES_MAX).contains(&queues)
            && settings.queues.is_sorted_by(|a, b| a < b)
            && (1..=20).contains(&settings.answers_max)
            && settings.promise.as_ref().is_none_or(|promise| promise.is_sound(queues))
            && check_settings(&settings.assign).is_ok()
            && artifact.encoder.is_none();
        if !fits {
            return Err(Error::artifact(
                "settings",
                "queues and thresholds do not fit each other",
            ));
        }
        let objective = Objective::Multiclass { classes: queues as u32 };
        let columns = (settings.plan.as_slice(), settings.text_scores.as_slice());
        let table = TableModel::take(&mut artifact, columns, (objective, &settings.kinds))?;
        let agents = settings.agents.clone();
        let agents = agents
            .map(|agents| Agents::take(&mut artifact, agents, &settings.kinds))
            .transpose()?;
        Ok(Self::new(settings, table, agents))
    }

    /// Its small facts.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Its trees, and what they are shown beside.
    pub(super) fn table(&self) -> &TableModel {
        &self.table
    }

    /// What a request to assign may say of a case: the columns of the queue's inputs.
    pub fn case_signature(&self) -> Signature {
        Signature {
            inputs: self.table.encoder.inputs(),
            outputs: Vec::new(),
        }
    }

    /// What it may say of an agent, and the column that names one; `None` if nothing was learned of agents.
    pub fn agent_signature(&self) -> Option<(Signature, &str)> {
        let agents = self.agents.as_ref()?;
        let signature = Signature {
            inputs: agents.inputs(),
            outputs: Vec::new(),
        };
        Some((signature, &agents.settings.agent))
    }

    /// What becomes of every pair of a case and an agent: the numbers that [`Model::predict`] gives to a row that has the
    /// columns of both, bit for bit. `cases` and `agents` have the columns of [`Self::case_signature`] and
    /// [`Self::agent_signature`].
    ///
    /// # Errors
    /// When they do not, or nothing was learned of agents.
    pub fn pairs(&self, cases: &RecordBatch, agents: &RecordBatch) -> Result<Predicted> {
        let (Some(model), Some((of_agents, _))) = (&self.agents, self.agent_signature()) else {
            return Err(Error::table(
                "the model",
                "has learned nothing of agents: its recipe names no `agent`",
            ));
        };
        let cases = crate::rows::conform(&self.case_signature(), cases)?;
        let agents = crate::rows::conform(&of_agents, agents)?;
        let places: Vec<usize> = (0..cases.num_rows()).collect();
        let parts = map_chunks(&places, threads(), |part| {
            let first = part.first().copied().unwrap_or_default();
            self.table.encoder.read_and_score(&cases.slice(first, part.len()))
        });
        let mut parts = parts.into_iter().collect::<Result<Vec<_>>>()?.into_iter();
        let mut encoded = parts.next().unwrap_or_default();
        parts.for_each(|part| encoded.append(part));
        model.pairs(&encoded, &agents)
    }

    /// Which free agent takes which waiting case; the rows are those of the request, in its order.
    ///
    /// # Errors
    /// When the request names something twice or out of its range, or rows do not conform.
    pub fn assign(&self, request: &AssignRequest, cases: &RecordBatch, agents: &RecordBatch) -> Result<Assignment> {
        let predicted = self.pairs(cases, agents)?;
        assign(request, &predicted, &self.settings.assign)
    }

    fn tensors(&self) -> BTreeMap<String, Tensor> {
        let mut tensors = self.table.tensors();
        tensors.extend(self.agents.iter().flat_map(Agents::tensors));
        tensors
    }

    fn answer(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let settings = &self.settings;
        let encoded = self.table.encoder.read_and_score(rows)?;
        let features = &encoded.columns;
        let answers = self.table.answer(features)?;
        let mut label = StringBuilder::new();
        let (mut score, mut accepted, mut best) = (Vec::new(), Vec::new(), Vec::new());
        let mut labels = ListBuilder::new(StringBuilder::new());
        let mut scores = ListBuilder::new(Float64Builder::new());
        for answers in answers.chunks_exact(self.table.answers()) {
            let order = ranked(answers);
            let first = order[0];
            best.push(first);
            label.append_value(&settings.queues[first]);
            score.push(answers[first]);
            let threshold = settings.promise.as_ref().and_then(|promise| promise.of(first as u32));
            accepted.push(threshold.is_some_and(|threshold| answers[first] >= threshold));
            for queue in order.into_iter().take(settings.answers_max) {
                labels.values().append_value(&settings.queues[queue]);
                scores.values().append_value(answers[queue]);
            }
            labels.append(true);
            scores.append(true);
        }
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(label.finish()),
            Arc::new(Float64Array::from(score)),
            Arc::new(labels.finish()),
            Arc::new(scores.finish()),
        ];
        if settings.promise.is_some() {
            columns.push(Arc::new(BooleanArray::from(accepted)));
        }
        if let Some(agents) = &self.agents {
            let Outlook { handle_s, outcome } = agents.predict(rows, &encoded)?;
            let numbers = handle_s.into_iter().chain(outcome);
            columns.extend(numbers.map(|numbers| Arc::new(Float64Array::from(numbers)) as ArrayRef));
        }
        if settings.reasons > 0 {
            let of = |row: usize| self.reasons_of(rows, features, row, best[row]);
            columns.extend(reason_columns((0..rows.num_rows()).map(of), settings.reasons));
        }
        RecordBatch::try_new(self.signature.output_schema(), columns).map_err(|e| Error::table("prediction", e))
    }

    /// What each column adds to the score of a queue over the mean of all queues.
    fn reasons_of(&self, rows: &RecordBatch, features: &[FeatureColumn], row: usize, queue: usize) -> Vec<Reason> {
        let mean = 1.0 / self.settings.queues.len() as f64;
        let share = |output: usize| if output == queue { 1.0 - mean } else { -mean };
        self.table.reasons(rows, features, row, share)
    }
}

fn outputs(settings: &Settings) -> Vec<ValueSpec> {
    let spec = ValueSpec::output;
    let queue = settings.queues.first().cloned().unwrap_or_default();
    let mut outputs = vec![
        spec("label", ValueType::Text, "The queue that suits best.", json!(queue)),
        spec("score", ValueType::Number, "The probability that it does.", json!(0.8)),
        spec(
            "labels",
            ValueType::TextList,
            "The queues, the best first.",
            json!([queue]),
        ),
        spec("scores", ValueType::NumberList, "Their probabilities.", json!([0.8])),
    ];
    outputs.extend(settings.promise.as_ref().map(|promise| {
        let about = format!(
            "Whether the case may go there unseen: at least {} of the accepted ones are right, with confidence {}.",
            promise.promised, promise.confidence
        );
        ValueSpec::output("accepted", ValueType::Boolean, about, json!(true))
    }));
    if let Some(agents) = &settings.agents {
        outputs.extend(agent_outputs(agents));
    }
    if settings.reasons > 0 {
        outputs.extend(reason_specs(
            "The columns that say most, with their values.",
            "What each adds to the score of the queue, over that of the others.",
            "category = login",
        ));
    }
    outputs
}

fn agent_outputs(agents: &AgentSettings) -> Vec<ValueSpec> {
    let number =
        |name: &str, about: String, example: f64| ValueSpec::output(name, ValueType::Number, about, json!(example));
    let mut outputs = Vec::new();
    if agents.handle.is_some() {
        let about =
            |share: &str| format!("Seconds of handling that {share} of such cases stay within, with this agent.");
        outputs.push(number(HANDLE_OUTPUTS[0], about("half"), 420.0));
        outputs.push(number(HANDLE_OUTPUTS[1], about("nine in ten"), 900.0));
    }
    if agents.outcome {
        let about = "The probability that the case ends well with this agent.".to_owned();
        outputs.push(number(GOOD_OUTCOME, about, 0.8));
    }
    outputs
}

impl Model for RoutingModel {
    fn kind(&self) -> &'static str {
        "routing"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn predict(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let rows = crate::rows::conform(&self.signature, rows)?;
        in_parts(&self.signature, &rows, ROWS_PER_THREAD_MIN, |rows| self.answer(rows))
    }

    fn reasons(&self, rows: &RecordBatch, top: usize) -> Result<Option<Vec<Vec<Reason>>>> {
        let rows = crate::rows::conform(&self.signature, rows)?;
        let features = self.table.encoder.encode(&rows)?;
        let answers = self.table.answer(&features)?;
        let of = |(row, answers): (usize, &[f64])| {
            let reasons = self.reasons_of(&rows, &features, row, ranked(answers)[0]);
            reasons.into_iter().take(top).collect()
        };
        Ok(Some(
            answers.chunks_exact(self.table.answers()).enumerate().map(of).collect(),
        ))
    }

    fn artifact(&self) -> Artifact {
        Artifact {
            settings: serde_json::to_value(&self.settings).unwrap_or_default(),
            tensors: self.tensors(),
            encoder: None,
        }
    }
}
