//! A request as JSON: what the assignment asks of cases and agents, and beside it under `columns` what the model knows them by.

use arrow::array::RecordBatch;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::request::{AssignRequest, FreeAgent, SIDE_MAX, WaitingCase};
use crate::error::{Error, Result};
use crate::kind::Signature;
use crate::rows::{RowLimits, from_instances};

/// A request with the rows of its cases and agents, in its order.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub request: AssignRequest,
    /// The cases as the model knows them.
    pub cases: RecordBatch,
    /// The agents as the model knows them.
    pub agents: RecordBatch,
}

/// A body that a model takes, for documents and messages.
pub fn example(cases: &Signature, (agents, agent): (&Signature, &str)) -> Value {
    let columns = |signature: &Signature| -> Map<String, Value> {
        let inputs = signature.inputs.iter().filter(|input| input.name != agent);
        inputs
            .map(|input| (input.name.clone(), input.example.clone()))
            .collect()
    };
    let id = agents.inputs.iter().find(|input| input.name == agent);
    let id = id.map_or(Value::Null, |input| input.example.clone());
    let case = json!({
        "id": "case-1", "columns": columns(cases), "skills": [], "language": "en", "waited_s": 40.0, "service_level_s": 60.0,
    });
    let free = json!({
        "id": id, "columns": columns(agents), "skills": [], "languages": ["en"], "capacity": 1, "taken_today": 4,
    });
    json!({ "id": "2026-03-02T09:30:00Z", "cases": [case], "agents": [free] })
}

/// Reads a request. An agent whose `columns` do not name them is the one that `id` says.
///
/// # Errors
/// With the JSON path of the first thing that does not fit.
pub fn from_json(
    body: &Value,
    cases: &Signature,
    (agents, agent): (&Signature, &str),
    limits: RowLimits,
) -> Result<Asked> {
    let wrong = |path: &str, expected: &str, found: &Value| Error::Row {
        path: path.to_owned(),
        expected: expected.to_owned(),
        found: kind_of(found).to_owned(),
        example: example(cases, (agents, agent)).to_string(),
    };
    let object = body.as_object().ok_or_else(|| wrong("$", "an object", body))?;
    if let Some(key) = object
        .keys()
        .find(|key| !["id", "cases", "agents"].contains(&key.as_str()))
    {
        return Err(wrong(
            &format!("$.{}", shown(key)),
            "only the keys id, cases, agents",
            &object[key],
        ));
    }
    let id = object.get("id").unwrap_or(&Value::Null);
    let id = id
        .as_str()
        .ok_or_else(|| wrong("$.id", "a text that names the request", id))?;
    let side = |name: &str| -> Result<&Vec<Value>> {
        let all = object.get(name).unwrap_or(&Value::Null);
        let all = all
            .as_array()
            .ok_or_else(|| wrong(&format!("$.{name}"), "an array", all))?;
        match all.len() <= SIDE_MAX {
            true => Ok(all),
            false => Err(wrong(
                &format!("$.{name}"),
                &format!("at most {SIDE_MAX}"),
                &Value::Null,
            )),
        }
    };
    let limits = RowLimits {
        rows_max: SIDE_MAX,
        ..limits
    };
    let (waiting, case_rows) = read::<WaitingCase>(side("cases")?, "$.cases", (cases, None), limits)?;
    let (free, agent_rows) = read::<FreeAgent>(side("agents")?, "$.agents", (agents, Some(agent)), limits)?;
    Ok(Asked {
        request: AssignRequest {
            id: id.to_owned(),
            cases: waiting,
            agents: free,
        },
        cases: case_rows,
        agents: agent_rows,
    })
}

/// One side: what the assignment asks of each, and the rows of its columns; `named` is the column that `id` fills.
fn read<T: DeserializeOwned>(
    all: &[Value],
    path: &str,
    (signature, named): (&Signature, Option<&str>),
    limits: RowLimits,
) -> Result<(Vec<T>, RecordBatch)> {
    let mut asked = Vec::with_capacity(all.len());
    let mut rows = Vec::with_capacity(all.len());
    for (at, one) in all.iter().enumerate() {
        let mut one = one.clone();
        let columns = one.as_object_mut().and_then(|one| one.remove("columns"));
        let mut columns = columns.unwrap_or_else(|| json!({}));
        if let (Some(named), Some(columns)) = (named, columns.as_object_mut()) {
            columns.entry(named).or_insert_with(|| one["id"].clone());
        }
        rows.push(columns);
        asked.push(serde_json::from_value(one).map_err(|error| Error::Row {
            path: format!("{path}[{at}]"),
            expected: "what an assignment asks of it".to_owned(),
            found: error.to_string().chars().take(200).collect(),
            example: r#"{"id": "a1", "waited_s": 40, "service_level_s": 60} or {"id": "a1", "capacity": 1}"#.to_owned(),
        })?);
    }
    let rows = from_instances(signature, &Value::Array(rows), limits).map_err(|error| match error {
        Error::Row {
            path: within,
            expected,
            found,
            example,
        } => Error::Row {
            path: within.replacen("$.instances", path, 1).replacen("].", "].columns.", 1),
            expected,
            found,
            example,
        },
        other => other,
    })?;
    Ok((asked, rows))
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn shown(key: &str) -> String {
    key.chars().take(40).flat_map(char::escape_debug).collect()
}
