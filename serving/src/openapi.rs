//! The OpenAPI 3.1 document of the models in memory: a path for each model and verb, with that model's own columns as
//! the request's and response's schema, and an example that can be sent as it is.

use deskmill_models::kind::{Signature, ValueSpec, ValueType};
use serde_json::{Map, Value, json};

use crate::loaded::{Shelf, Version};
use crate::problem;
use crate::protocols::datatype;

/// The document for these models, in the version that answers by default.
pub(crate) fn document(shelf: &Shelf) -> Value {
    let mut paths = Map::new();
    for model in shelf.models.values() {
        let newest = || model.versions.values().next_back();
        if let Some(version) = model.default_version().or_else(newest) {
            let name = &model.name;
            paths.insert(
                format!("/v1/models/{name}:predict"),
                json!({ "post": predict(version) }),
            );
            paths.insert(format!("/v1/models/{name}"), json!({ "get": describe(version) }));
            paths.insert(format!("/v2/models/{name}/infer"), json!({ "post": infer(version) }));
        }
    }
    for (path, summary) in GENERAL {
        let answer = json!({ "description": "the answer" });
        paths.insert(
            path.to_owned(),
            json!({ "get": { "summary": summary, "responses": { "200": answer } } }),
        );
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "deskmill",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
        },
        "paths": paths,
        "components": { "responses": problem_responses(), "schemas": { "Problem": problem_schema() } },
    })
}

const DESCRIPTION: &str = "Models of a customer-service desk. Each path below asks the version that `prod` names. \
    `/v1/models/{model}/versions/{version}:predict`, `/v1/models/{model}/labels/{alias}:predict` and \
    `/v2/models/{model}/versions/{version}/infer` ask another one. Every answer names its model and version.";

/// URLs that are the same whatever the models are.
const GENERAL: [(&str, &str); 8] = [
    ("/v1/models", "Names of the models"),
    ("/v2", "Name and version of this server (Open Inference Protocol)"),
    ("/v2/health/live", "Whether the server runs"),
    (
        "/v2/health/ready",
        "Whether every model with the alias `prod` is loaded",
    ),
    ("/livez", "Whether the server runs"),
    ("/readyz", "Whether every model with the alias `prod` is loaded"),
    ("/metrics", "Counters and histograms (OpenMetrics)"),
    ("/openapi.json", "This document"),
];

fn predict(version: &Version) -> Value {
    let signature = version.signature();
    let row: Map<String, Value> = examples(&signature.inputs);
    let columns: Map<String, Value> = row.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
    let mut rows = vec![object(&signature.inputs)];
    if let [only] = signature.inputs.as_slice() {
        rows.push(schema(only));
    }
    let request = json!({
        "oneOf": [
            {
                "type": "object", "required": ["instances"],
                "properties": { "instances": { "type": "array", "items": { "anyOf": rows } } },
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
        json!({ "schema": request, "examples": examples }),
        (answer, answered),
    )
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
        json!({ "schema": request, "example": example }),
        (answer, answered),
    )
}

fn describe(version: &Version) -> Value {
    json!({
        "tags": [**version.name()],
        "summary": format!("Signature, aliases and versions of model {}", version.name()),
        "responses": { "200": { "description": "the model" } },
    })
}

fn operation(version: &Version, summary: &str, body: Value, (answer, answered): (Value, Value)) -> Value {
    let header = |about: &str| json!({ "description": about, "schema": { "type": "string" } });
    let mut responses = Map::new();
    responses.insert(
        "200".into(),
        json!({
            "description": "the predictions, in the order of the rows",
            "headers": { "deskmill-model": header("the model"), "deskmill-version": header("its version") },
            "content": { "application/json": { "schema": answer, "example": answered } },
        }),
    );
    for (status, _) in PROBLEMS {
        let shared = format!("#/components/responses/{status}");
        responses.insert(status.to_owned(), json!({ "$ref": shared }));
    }
    json!({
        "tags": [**version.name()],
        "summary": summary,
        "requestBody": { "required": true, "content": { "application/json": body } },
        "responses": responses,
    })
}

/// What can go wrong with a request, by status.
const PROBLEMS: [(&str, &str); 8] = [
    ("400", "a value or the body does not fit"),
    ("404", "no such model, version or alias"),
    ("408", "the body came too slowly"),
    ("413", "the body is too large"),
    ("415", "the body is not plain JSON"),
    ("500", "the server failed; its log says why"),
    ("503", "too much is in progress, or the model is being loaded"),
    ("504", "no answer in time"),
];

/// The Open Inference Protocol's clients get problems as plain JSON.
fn problem_responses() -> Value {
    let schema = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
    let response = |(status, about): (&str, &str)| {
        let content = json!({ problem::MEDIA_TYPE: schema, "application/json": schema });
        (status.to_owned(), json!({ "description": about, "content": content }))
    };
    Value::Object(PROBLEMS.into_iter().map(response).collect())
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "Problem details (RFC 9457)",
        "required": ["type", "title", "status", "detail", "error"],
        "properties": {
            "type": { "type": "string", "format": "uri" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "error": { "type": "string", "description": "the same as `detail`" },
            "path": { "type": "string", "description": "JSON path of the value that does not fit" },
            "expected": { "type": "string" },
            "found": { "type": "string" },
            "example": { "description": "a value that fits" },
            "hint": { "type": "string" },
        },
    })
}

fn examples(specs: &[ValueSpec]) -> Map<String, Value> {
    specs
        .iter()
        .map(|spec| (spec.name.clone(), spec.example.clone()))
        .collect()
}

/// One row.
fn object(specs: &[ValueSpec]) -> Value {
    let properties: Map<String, Value> = specs.iter().map(|spec| (spec.name.clone(), schema(spec))).collect();
    let required = specs.iter().filter(|spec| !spec.optional);
    let required: Vec<&str> = required.map(|spec| spec.name.as_str()).collect();
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

/// Rows as columns.
fn columns_of(specs: &[ValueSpec]) -> Value {
    let column = |spec: &ValueSpec| (spec.name.clone(), json!({ "type": "array", "items": schema(spec) }));
    let properties: Map<String, Value> = specs.iter().map(column).collect();
    let required = specs.iter().filter(|spec| !spec.optional);
    let required: Vec<&str> = required.map(|spec| spec.name.as_str()).collect();
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

fn schema(spec: &ValueSpec) -> Value {
    let (name, detail) = match spec.value_type {
        ValueType::Text => ("string", None),
        ValueType::Integer => ("integer", Some(("format", json!("int64")))),
        ValueType::Number => ("number", Some(("format", json!("double")))),
        ValueType::Boolean => ("boolean", None),
        ValueType::Time => ("string", Some(("format", json!("date-time")))),
        ValueType::TextList => ("array", Some(("items", json!({ "type": "string" })))),
        ValueType::NumberList => (
            "array",
            Some(("items", json!({ "type": "number", "format": "double" }))),
        ),
    };
    let kind = if spec.nullable {
        json!([name, "null"])
    } else {
        json!(name)
    };
    let mut schema = Map::from_iter([("type".to_owned(), kind)]);
    schema.extend(detail.map(|(key, value)| (key.to_owned(), value)));
    schema.insert("description".to_owned(), json!(spec.about));
    schema.insert("examples".to_owned(), json!([spec.example]));
    Value::Object(schema)
}

fn tensor_schema(spec: &ValueSpec) -> Value {
    json!({
        "type": "object",
        "description": spec.about,
        "required": ["name", "shape", "datatype", "data"],
        "properties": {
            "name": { "const": spec.name },
            "shape": { "type": "array", "items": { "type": "integer", "minimum": 0 } },
            "datatype": { "const": datatype(spec.value_type) },
            "data": { "type": "array" },
        },
    })
}

fn tensor_example(spec: &ValueSpec) -> Value {
    let (shape, data) = match &spec.example {
        Value::Array(items) => (json!([1, items.len()]), json!(items)),
        value => (json!([1]), json!([value])),
    };
    json!({ "name": spec.name, "shape": shape, "datatype": datatype(spec.value_type), "data": data })
}
