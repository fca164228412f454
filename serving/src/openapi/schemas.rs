//! Columns, rows and tensors of a signature as JSON schemas and examples.

use deskmill_models::kind::{ValueSpec, ValueType};
use serde_json::{Map, Value, json};

use crate::protocols::datatype;

pub(super) fn examples(specs: &[ValueSpec]) -> Map<String, Value> {
    specs
        .iter()
        .map(|spec| (spec.name.clone(), spec.example.clone()))
        .collect()
}

/// One row.
pub(super) fn object(specs: &[ValueSpec]) -> Value {
    let properties: Map<String, Value> = specs.iter().map(|spec| (spec.name.clone(), schema(spec))).collect();
    let required = specs.iter().filter(|spec| !spec.optional);
    let required: Vec<&str> = required.map(|spec| spec.name.as_str()).collect();
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

/// Rows as columns.
pub(super) fn columns_of(specs: &[ValueSpec]) -> Value {
    let column = |spec: &ValueSpec| (spec.name.clone(), json!({ "type": "array", "items": schema(spec) }));
    let properties: Map<String, Value> = specs.iter().map(column).collect();
    let required = specs.iter().filter(|spec| !spec.optional);
    let required: Vec<&str> = required.map(|spec| spec.name.as_str()).collect();
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

pub(super) fn schema(spec: &ValueSpec) -> Value {
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

pub(super) fn tensor_schema(spec: &ValueSpec) -> Value {
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

pub(super) fn tensor_example(spec: &ValueSpec) -> Value {
    let (shape, data) = match &spec.example {
        Value::Array(items) => (json!([1, items.len()]), json!(items)),
        value => (json!([1]), json!([value])),
    };
    json!({ "name": spec.name, "shape": shape, "datatype": datatype(spec.value_type), "data": data })
}
