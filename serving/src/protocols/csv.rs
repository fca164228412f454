//! A CSV body (RFC 4180, with a line of names) as rows of JSON values, typed by the signature. A field that is empty is a
//! gap, as it is for pandas, except where the model takes no gaps in a text.

use ::csv::ReaderBuilder;
use deskmill_models::kind::{Signature, ValueSpec, ValueType};
use deskmill_models::rows::RowLimits;
use serde_json::{Map, Value};

use super::misfit;
use crate::problem::{Problem, shown};

pub(super) fn read(body: &[u8], signature: &Signature, limits: RowLimits) -> Result<Value, Problem> {
    let mut reader = ReaderBuilder::new().from_reader(body);
    let broken = |error: ::csv::Error| {
        // The library's own message may hold the field.
        let line = error.position().map_or(0, ::csv::Position::line);
        Problem::body(format!("the body is not CSV that can be read, at line {line}"))
            .hint("the first line names the columns, every line has as many fields, the text is UTF-8")
    };
    let names = reader.headers().map_err(broken)?.clone();
    let specs: Vec<Option<&ValueSpec>> = names
        .iter()
        .map(|name| signature.inputs.iter().find(|input| input.name == name))
        .collect();
    for (at, (name, spec)) in names.iter().zip(&specs).enumerate() {
        if spec.is_none() || names.iter().take(at).any(|before| before == name) {
            let known: Vec<&str> = signature.inputs.iter().map(|input| input.name.as_str()).collect();
            let expected = format!("each once, of {}", known.join(", "));
            return Err(misfit(
                format!("$.csv.{}", shown(name)),
                expected,
                "another column",
                known.join(",").into(),
            ));
        }
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        if rows.len() == limits.rows_max {
            let expected = format!("at most {} rows in one request", limits.rows_max);
            return Err(misfit("$.csv", expected, "more rows", Value::Null));
        }
        let cells = record.iter().zip(specs.iter().flatten());
        let row: Map<String, Value> = cells
            .map(|(field, spec)| (spec.name.clone(), value(spec, field)))
            .collect();
        rows.push(Value::Object(row));
    }
    Ok(Value::Array(rows))
}

/// What a field says. What is not of the column's type stays text, which the validator then refuses with its path.
fn value(spec: &ValueSpec, field: &str) -> Value {
    if field.is_empty() && (spec.nullable || spec.value_type != ValueType::Text) {
        return Value::Null;
    }
    let parsed = match spec.value_type {
        ValueType::Text | ValueType::Time => None,
        ValueType::Integer => field.trim().parse::<i64>().ok().map(Value::from),
        ValueType::Number => field
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|n| n.is_finite())
            .map(Value::from),
        ValueType::Boolean => match field.trim() {
            "true" | "True" | "TRUE" => Some(Value::Bool(true)),
            "false" | "False" | "FALSE" => Some(Value::Bool(false)),
            _ => None,
        },
        ValueType::TextList | ValueType::NumberList => crate::json::parse(field.as_bytes()).ok(),
    };
    parsed.unwrap_or_else(|| field.into())
}
