//! The URLs of a model for clients of the other protocols.

use deskmill_models::kind::{Signature, ValueSpec};
use serde_json::{Map, Value, json};

use super::schemas::{columns_of, examples, object, tensor_example, tensor_schema};
use super::{operation, told};
use crate::loaded::Version;
use crate::protocols::can_classify;

pub(super) fn paths(version: &Version) -> Map<String, Value> {
    let mut paths = Map::new();
    let mut at = |path: String, method: &str, operation: Value| paths.insert(path, json!({ method: operation }));
    let base = format!("/v2/models/{}", version.name());
    at(format!("{base}/infer"), "post", infer(version));
    at(base.clone(), "get", told(version, "Tensors"));
    at(format!("{base}/ready"), "get", told(version, "Readiness"));
    at(format!("{base}/config"), "get", told(version, "Configuration"));
    at(format!("{base}/stats"), "get", told(version, "Statistics"));
    let base = format!("/models/{}", version.name());
    at(format!("{base}/invocations"), "post", invocations(version));
    for (name, summary) in [
        ("ping", "Readiness"),
        ("health", "Readiness"),
        ("version", "Version of the server"),
        ("info", "Bounds"),
    ] {
        at(
            format!("{base}/{name}"),
            "get",
            told(version, &format!("{summary} below the base URL")),
        );
    }
    if can_classify(version.signature()) {
        at(base.clone(), "post", text_classification(version, true));
        at(format!("{base}/predict"), "post", text_classification(version, false));
    }
    paths
}

fn infer(version: &Version) -> Value {
    let Signature { inputs, outputs } = version.signature();
    let tensors = |specs: &[ValueSpec]| json!({ "type": "array", "items": { "oneOf": specs.iter().map(tensor_schema).collect::<Vec<_>>() } });
    let request = json!({
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": { "type": "string" },
            "parameters": { "type": "object" },
            "inputs": tensors(inputs),
            "outputs": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": { "name": { "enum": outputs.iter().map(|o| &o.name).collect::<Vec<_>>() } },
                },
            },
        },
    });
    let answer = json!({
        "type": "object",
        "required": ["model_name", "model_version", "outputs"],
        "properties": {
            "model_name": { "type": "string" },
            "model_version": { "type": "string" },
            "id": { "type": "string" },
            "outputs": tensors(outputs),
        },
    });
    let answered = json!({
        "model_name": **version.name(),
        "model_version": version.text(),
        "outputs": outputs.iter().map(tensor_example).collect::<Vec<_>>(),
    });
    let example = json!({ "inputs": inputs.iter().map(tensor_example).collect::<Vec<_>>() });
    let summary = format!("Infer with model {} (Open Inference Protocol)", version.name());
    operation(
        version,
        &summary,
        json!({ "application/json": { "schema": request, "example": example } }),
        (answer, answered),
    )
}

fn invocations(version: &Version) -> Value {
    let Signature { inputs, outputs } = version.signature();
    let frame = json!({
        "type": "object",
        "required": ["columns", "data"],
        "properties": {
            "columns": { "type": "array", "items": { "enum": inputs.iter().map(|i| &i.name).collect::<Vec<_>>() } },
            "data": { "type": "array", "items": { "type": "array" } },
            "index": { "type": "array" },
        },
    });
    let records = json!({ "type": "array", "items": object(inputs) });
    let one_of =
        |name: &str, schema: &Value| json!({ "type": "object", "required": [name], "properties": { name: schema } });
    let request = json!({
        "oneOf": [
            one_of("dataframe_split", &frame),
            one_of("dataframe_records", &records),
            one_of("instances", &records),
            one_of("inputs", &columns_of(inputs)),
        ],
    });
    let row = examples(inputs);
    let (columns, data): (Vec<&String>, Vec<&Value>) = row.iter().unzip();
    let examples_of = json!({
        "split": { "summary": "Columns and rows", "value": { "dataframe_split": { "columns": columns, "data": [data] } } },
        "records": { "summary": "Rows", "value": { "dataframe_records": [row] } },
    });
    let content = json!({
        "application/json": { "schema": request, "examples": examples_of },
        "text/csv": { "schema": { "type": "string", "description": "a line of names, then rows" } },
    });
    let answer = json!({
        "type": "object",
        "required": ["predictions"],
        "properties": { "predictions": { "type": "array", "items": object(outputs) } },
    });
    let summary = format!("Invoke model {} (MLflow)", version.name());
    operation(
        version,
        &summary,
        content,
        (answer, json!({ "predictions": [examples(outputs)] })),
    )
}

fn text_classification(version: &Version, nested: bool) -> Value {
    let text = json!({ "type": "string" });
    let mut properties = json!({ "inputs": { "oneOf": [text, { "type": "array", "items": text }] } });
    let label = json!({
        "type": "object",
        "required": ["label", "score"],
        "properties": { "label": text, "score": { "type": "number" } },
    });
    let labels = json!({ "type": "array", "items": label });
    let lists = json!({ "type": "array", "items": labels });
    let example = json!([{ "label": "refund", "score": 0.93 }]);
    let (of, answer) = if nested {
        properties["parameters"] = json!({
            "type": "object", "properties": { "top_k": { "type": "integer", "minimum": 1 } },
        });
        ("inference API", (lists, json!([example])))
    } else {
        properties["truncate"] = json!({ "type": "boolean" });
        let answer = json!({ "anyOf": [labels, lists] });
        ("text-embeddings-inference", (answer, example))
    };
    let request = json!({ "type": "object", "required": ["inputs"], "properties": properties });
    let content = json!({
        "application/json": { "schema": request, "example": { "inputs": "Where is my parcel?" } },
    });
    let summary = format!("Classify texts with model {} (Hugging Face, {of})", version.name());
    operation(version, &summary, content, answer)
}
