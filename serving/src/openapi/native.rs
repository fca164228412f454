//! The native URLs of a model, which are TensorFlow Serving's and KServe v1's too.

use deskmill_models::kind::{Signature, ValueSpec};
use serde_json::{Map, Value, json};

use super::schemas::{columns_of, examples, object, schema};
use super::{operation, told};
use crate::assignment::body_of;
use crate::loaded::Version;
use crate::protocols::{classes, regressed};

pub(super) fn paths(version: &Version) -> Map<String, Value> {
    let base = format!("/v1/models/{}", version.name());
    let mut paths = Map::new();
    let mut post = |verb: &str, operation: Value| paths.insert(format!("{base}:{verb}"), json!({ "post": operation }));
    post("predict", predict(version));
    if version.explains() {
        post("explain", explain(version));
    }
    if classes(version.signature()).is_some() {
        post("classify", classify(version));
    }
    if let Some(output) = regressed(version.signature()) {
        post("regress", regress(version, &version.signature().outputs[output]));
    }
    if let Some(body) = body_of(version) {
        post("assign", assign(version, &body));
    }
    paths.insert(
        base.clone(),
        json!({ "get": told(version, "Signature, aliases and versions") }),
    );
    let metadata = json!({ "get": told(version, "Signature and aliases") });
    paths.insert(format!("{base}/metadata"), metadata);
    paths
}

/// Rows of a request.
fn rows(signature: &Signature) -> Value {
    let mut rows = vec![object(&signature.inputs)];
    if let [only] = signature.inputs.as_slice() {
        rows.push(schema(only));
    }
    json!({ "type": "array", "items": { "anyOf": rows } })
}

fn predict(version: &Version) -> Value {
    let signature = version.signature();
    let row: Map<String, Value> = examples(&signature.inputs);
    let columns: Map<String, Value> = row.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
    let request = json!({
        "oneOf": [
            {
                "type": "object", "required": ["instances"],
                "properties": { "instances": rows(signature) },
            },
            {
                "type": "object", "required": ["inputs"],
                "properties": { "inputs": columns_of(&signature.inputs) },
            },
        ],
    });
    let answer = json!({
        "type": "object",
        "required": ["model_name", "model_version"],
        "properties": {
            "predictions": { "type": "array", "items": object(&signature.outputs) },
            "outputs": columns_of(&signature.outputs),
            "model_name": { "type": "string" },
            "model_version": { "type": "string" },
        },
    });
    let answered = json!({
        "predictions": [examples(&signature.outputs)],
        "model_name": **version.name(),
        "model_version": version.text(),
    });
    let examples = json!({
        "rows": { "summary": "Rows", "value": { "instances": [row] } },
        "columns": { "summary": "Columns", "value": { "inputs": columns } },
    });
    let summary = format!("Predict with model {}", version.name());
    operation(
        version,
        &summary,
        json!({ "application/json": { "schema": request, "examples": examples } }),
        (answer, answered),
    )
}

/// An answer that has `part` and says who answered.
fn answer(part: &str, part_schema: Value, part_example: Value, version: &Version) -> (Value, Value) {
    let text = json!({ "type": "string" });
    let schema = json!({
        "type": "object",
        "required": [part, "model_name", "model_version"],
        "properties": { part: part_schema, "model_name": text, "model_version": text },
    });
    let example = json!({ part: part_example, "model_name": **version.name(), "model_version": version.text() });
    (schema, example)
}

fn assign(version: &Version, body: &Value) -> Value {
    let side = |name: &str| {
        let keys = body[name][0]
            .as_object()
            .map(|one| one.keys().cloned().collect::<Vec<_>>());
        let about = format!("each with some of the keys {}", keys.unwrap_or_default().join(", "));
        json!({ "type": "array", "items": { "type": "object", "required": ["id"] }, "description": about })
    };
    let request = json!({
        "type": "object",
        "required": ["id", "cases", "agents"],
        "properties": { "id": { "type": "string" }, "cases": side("cases"), "agents": side("agents") },
    });
    let list = json!({ "type": "array", "items": { "type": "object" } });
    let mut schema = answer("assigned", list.clone(), json!([]), version);
    schema.0["properties"]["left"] = list;
    schema.0["properties"]["policy"] = json!({ "type": "string" });
    schema.1["left"] = json!([]);
    let summary = format!("Which free agent takes which waiting case, by model {}", version.name());
    let content = json!({ "application/json": { "schema": request, "example": body } });
    operation(version, &summary, content, schema)
}

fn explain(version: &Version) -> Value {
    let signature = version.signature();
    let request = json!({
        "type": "object", "required": ["instances"], "properties": { "instances": rows(signature) },
    });
    let example = json!({ "instances": [examples(&signature.inputs)] });
    let reason = json!({
        "type": "object",
        "required": ["name", "weight"],
        "properties": { "name": { "type": "string" }, "weight": { "type": "number" } },
    });
    let reasons = json!({ "type": "array", "items": { "type": "array", "items": reason } });
    let (mut schema, mut answered) = answer(
        "explanations",
        reasons,
        json!([[{ "name": "refund", "weight": 0.71 }]]),
        version,
    );
    schema["properties"]["predictions"] = json!({ "type": "array", "items": object(&signature.outputs) });
    answered["predictions"] = json!([examples(&signature.outputs)]);
    let summary = format!(
        "Predict with model {} and say what spoke for the answers (KServe)",
        version.name()
    );
    let content = json!({ "application/json": { "schema": request, "example": example } });
    operation(version, &summary, content, (schema, answered))
}

fn classify(version: &Version) -> Value {
    let pair = json!({
        "type": "array", "prefixItems": [{ "type": "string" }, { "type": "number" }], "minItems": 2, "maxItems": 2,
    });
    let result = json!({ "type": "array", "items": { "type": "array", "items": pair } });
    let summary = format!("Labels and scores of model {} (TensorFlow Serving)", version.name());
    let answer = answer("result", result, json!([[["refund", 0.93]]]), version);
    operation(version, &summary, of_examples(version, &["serving_default"]), answer)
}

fn regress(version: &Version, output: &ValueSpec) -> Value {
    let result = json!({ "type": "array", "items": schema(output) });
    let name = version.name();
    let summary = format!(
        "`{}` or another number of model {name} (TensorFlow Serving)",
        output.name
    );
    let answer = answer("result", result, json!([output.example]), version);
    operation(
        version,
        &summary,
        of_examples(version, &["serving_default", &output.name]),
        answer,
    )
}

/// The body of TensorFlow Serving's two verbs beside `:predict`.
fn of_examples(version: &Version, names: &[&str]) -> Value {
    let signature = version.signature();
    let request = json!({
        "type": "object",
        "required": ["examples"],
        "properties": {
            "examples": rows(signature),
            "context": { "type": "object", "description": "values that all examples share" },
            "signature_name": { "type": "string", "examples": names },
        },
    });
    let example = json!({ "examples": [examples(&signature.inputs)] });
    json!({ "application/json": { "schema": request, "example": example } })
}
