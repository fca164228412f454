//! The answers of requests that are refused.

use serde_json::{Value, json};

use crate::problem;

/// What can go wrong with a request, by status.
pub(super) const PROBLEMS: [(&str, &str); 11] = [
    ("400", "a value or the body does not fit"),
    ("401", "no key, or one that is not known here"),
    ("403", "the key lacks the scope"),
    ("404", "no such model, version or alias"),
    ("408", "the body came too slowly"),
    ("413", "the body is too large"),
    ("415", "the body is of a type or coding that this URL does not take"),
    ("429", "the key asked too often"),
    ("500", "the server failed; its log says why"),
    ("503", "too much is in progress, or the model is being loaded"),
    ("504", "no answer in time"),
];

/// The Open Inference Protocol's clients get problems as plain JSON.
pub(super) fn problem_responses() -> Value {
    let schema = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
    let response = |(status, about): (&str, &str)| {
        let content = json!({ problem::MEDIA_TYPE: schema, "application/json": schema });
        (status.to_owned(), json!({ "description": about, "content": content }))
    };
    Value::Object(PROBLEMS.into_iter().map(response).collect())
}

pub(super) fn problem_schema() -> Value {
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
