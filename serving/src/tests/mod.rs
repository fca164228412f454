//! The whole server through its router, with small models made for it. Sockets are in socket.rs only.

mod assignment;
mod deadlines;
mod dependencies;
mod grpc;
mod keys;
mod ladder;
mod limits;
mod native;
mod open_inference;
mod operations;
mod raw_tensors;
mod reload;
mod repository;
mod socket;
mod swap;
mod wires;

use std::sync::{Arc, Mutex, mpsc};

use arrow::array::{
    ArrayRef, AsArray, Float64Array, Float64Builder, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use deskmill_models::artifact::Artifact;
use deskmill_models::explained::Reason;
use deskmill_models::kind::{Model, Signature, ValueSpec, ValueType};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::loaded::{Served, Version};
use crate::{Serving, ServingConfig, app};

fn spec(name: &str, value_type: ValueType, nullable: bool, example: Value) -> ValueSpec {
    ValueSpec {
        name: name.into(),
        value_type,
        nullable,
        optional: false,
        about: format!("the {name}"),
        example,
    }
}

fn no_artifact() -> Artifact {
    Artifact {
        settings: Value::Null,
        tensors: Default::default(),
        encoder: None,
    }
}

/// Says whether a text is long, and which version says so.
pub(crate) struct Stamp {
    signature: Signature,
    number: i64,
    gate: Option<Gate>,
    /// Counts, by its owners, the stamps that are not freed yet.
    _alive: Arc<()>,
}

/// Lets a test hold a prediction: it says that it began, then waits until the test drops its end.
struct Gate {
    began: tokio::sync::mpsc::UnboundedSender<()>,
    go: Mutex<mpsc::Receiver<()>>,
}

impl Stamp {
    pub(crate) fn new(number: i64) -> Self {
        Self::counted(number, &Arc::new(()))
    }

    fn counted(number: i64, alive: &Arc<()>) -> Self {
        let signature = Signature {
            inputs: vec![spec("text", ValueType::Text, false, json!("Where is my parcel?"))],
            outputs: vec![
                spec("label", ValueType::Text, false, json!("long")),
                spec("score", ValueType::Number, false, json!(0.75)),
                spec("labels", ValueType::TextList, false, json!(["long", "short"])),
                spec("stamp", ValueType::Integer, false, json!(1)),
            ],
        };
        Self {
            signature,
            number,
            gate: None,
            _alive: Arc::clone(alive),
        }
    }

    /// A model that waits, the end that says when it began, and the end to drop when it may go on.
    fn gated() -> (Self, tokio::sync::mpsc::UnboundedReceiver<()>, mpsc::Sender<()>) {
        let (began, begins) = tokio::sync::mpsc::unbounded_channel();
        let (go, goes) = mpsc::channel();
        (
            Self {
                gate: Some(Gate {
                    began,
                    go: Mutex::new(goes),
                }),
                ..Self::new(1)
            },
            begins,
            go,
        )
    }
}

impl Model for Stamp {
    fn kind(&self) -> &'static str {
        "stamp"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn predict(&self, rows: &RecordBatch) -> deskmill_models::Result<RecordBatch> {
        if let Some(gate) = &self.gate {
            gate.began.send(()).unwrap();
            let _released = gate.go.lock().unwrap().recv();
        }
        let texts = rows.column(0).as_string::<i32>();
        assert!(texts.iter().flatten().all(|text| text != "panic"), "asked to panic");
        let label = |text: &str| if text.len() > 10 { "long" } else { "short" };
        let mut labels = ListBuilder::new(StringBuilder::new());
        for text in texts.iter().flatten() {
            // The list's length depends on the text, as it may with a model that cuts off small scores.
            labels.values().append_value(label(text));
            if text.len() > 10 {
                labels.values().append_value("short");
            }
            labels.append(true);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(
                texts
                    .iter()
                    .flatten()
                    .map(|text| Some(label(text)))
                    .collect::<StringArray>(),
            ),
            Arc::new(Float64Array::from(vec![0.75; rows.num_rows()])),
            Arc::new(labels.finish()),
            Arc::new(Int64Array::from(vec![self.number; rows.num_rows()])),
        ];
        Ok(RecordBatch::try_new(self.signature.output_schema(), columns).unwrap())
    }

    fn artifact(&self) -> Artifact {
        no_artifact()
    }
}

/// Gives back what it gets, in every type there is.
pub(crate) struct Mirror(Signature);

impl Mirror {
    pub(crate) fn new() -> Self {
        Self::of(|_| true)
    }

    /// With some of the columns only.
    pub(crate) fn of(kept: impl Fn(&str) -> bool) -> Self {
        let mut columns = vec![
            spec("text", ValueType::Text, true, json!("退款")),
            spec("count", ValueType::Integer, true, json!(3)),
            spec("amount", ValueType::Number, true, json!(0.1)),
            spec("open", ValueType::Boolean, true, json!(true)),
            spec("at", ValueType::Time, true, json!("2026-11-22T20:58:00Z")),
            spec("tags", ValueType::TextList, true, json!(["a", "b"])),
            spec("waits", ValueType::NumberList, true, json!([1.5, 2.0])),
        ];
        columns.retain(|column| kept(&column.name));
        Self(Signature {
            inputs: columns.clone(),
            outputs: columns,
        })
    }
}

impl Model for Mirror {
    fn kind(&self) -> &'static str {
        "mirror"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn predict(&self, rows: &RecordBatch) -> deskmill_models::Result<RecordBatch> {
        Ok(rows.clone())
    }

    fn artifact(&self) -> Artifact {
        no_artifact()
    }
}

/// Ranks two labels by the length of a text and says why.
pub(crate) struct Ranker(Signature);

impl Ranker {
    pub(crate) fn new() -> Self {
        Self(Signature {
            inputs: vec![spec("text", ValueType::Text, true, json!("Where is my parcel?"))],
            outputs: vec![
                spec("label", ValueType::Text, false, json!("long")),
                spec("score", ValueType::Number, false, json!(0.75)),
                spec("labels", ValueType::TextList, false, json!(["long", "short"])),
                spec("scores", ValueType::NumberList, false, json!([0.75, 0.25])),
                spec("length", ValueType::Integer, false, json!(19)),
            ],
        })
    }
}

impl Model for Ranker {
    fn kind(&self) -> &'static str {
        "ranker"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn predict(&self, rows: &RecordBatch) -> deskmill_models::Result<RecordBatch> {
        let texts = rows.column(0).as_string::<i32>();
        let lengths: Vec<i64> = texts.iter().map(|text| text.map_or(0, str::len) as i64).collect();
        let best = |length: &i64| {
            if *length > 10 {
                ["long", "short"]
            } else {
                ["short", "long"]
            }
        };
        let (mut labels, mut scores) = (
            ListBuilder::new(StringBuilder::new()),
            ListBuilder::new(Float64Builder::new()),
        );
        for length in &lengths {
            best(length)
                .iter()
                .for_each(|label| labels.values().append_value(label));
            labels.append(true);
            scores.values().append_slice(&[0.75, 0.25]);
            scores.append(true);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(
                lengths
                    .iter()
                    .map(|length| Some(best(length)[0]))
                    .collect::<StringArray>(),
            ),
            Arc::new(Float64Array::from(vec![0.75; lengths.len()])),
            Arc::new(labels.finish()),
            Arc::new(scores.finish()),
            Arc::new(Int64Array::from(lengths)),
        ];
        Ok(RecordBatch::try_new(self.0.output_schema(), columns).unwrap())
    }

    fn reasons(&self, rows: &RecordBatch, top: usize) -> deskmill_models::Result<Option<Vec<Vec<Reason>>>> {
        let reason = Reason {
            name: "length".to_owned(),
            weight: 1.5,
        };
        Ok(Some(vec![vec![reason; top.min(1)]; rows.num_rows()]))
    }

    fn artifact(&self) -> Artifact {
        no_artifact()
    }
}

/// A server with the model `ranker` beside those of [`server`].
fn ranker_app() -> Router {
    let serving = server(ServingConfig::default());
    serving
        .loaded()
        .put(Served::of(vec![Version::new("ranker", 1, Box::new(Ranker::new()))]).unwrap());
    app(serving)
}

/// A server with model `intent` in versions 1 and 2 (`prod` names 2) and model `mirror`.
fn server(config: ServingConfig) -> Arc<Serving> {
    let serving = Arc::new(Serving::new(config));
    let version = |number: u64| Version::new("intent", number, Box::new(Stamp::new(number as i64)));
    serving.loaded().put(Served::of(vec![version(1), version(2)]).unwrap());
    serving
        .loaded()
        .put(Served::of(vec![Version::new("mirror", 1, Box::new(Mirror::new()))]).unwrap());
    serving.loaded().set_complete();
    serving
}

fn default_app() -> Router {
    app(server(ServingConfig::default()))
}

/// A server with one gated model named `intent`.
fn gated(config: ServingConfig) -> (Router, tokio::sync::mpsc::UnboundedReceiver<()>, mpsc::Sender<()>) {
    let (stamp, begins, go) = Stamp::gated();
    let serving = Arc::new(Serving::new(config));
    serving
        .loaded()
        .put(Served::of(vec![Version::new("intent", 1, Box::new(stamp))]).unwrap());
    serving.loaded().set_complete();
    (app(serving), begins, go)
}

/// An answer, read to its end.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
    bytes: bytes::Bytes,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Status, media type and body, for snapshots.
    fn shown(&self) -> String {
        let body = serde_json::to_string_pretty(&self.json()).unwrap();
        format!("{} {}\n{body}", self.status.as_u16(), self.header("content-type"))
    }
}

async fn send(app: &Router, request: Request<Body>) -> Reply {
    let response = app.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Reply {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        bytes: body,
    }
}

async fn get(app: &Router, path: &str) -> Reply {
    send(app, Request::get(path).body(Body::empty()).unwrap()).await
}

async fn post(app: &Router, path: &str, body: impl ToString) -> Reply {
    send(app, Request::post(path).body(Body::from(body.to_string())).unwrap()).await
}
