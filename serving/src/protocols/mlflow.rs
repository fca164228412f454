//! MLflow's scoring protocol: rows as pandas writes them (`dataframe_split`, `dataframe_records`), TensorFlow Serving's
//! `inputs` and `instances`, or CSV. Pandas turns whole numbers beside a gap into floats and writes gaps as null; both are
//! taken for what they were.

use deskmill_models::kind::{Signature, ValueSpec, ValueType};
use deskmill_models::rows::{RowLimits, from_columns, from_instances};
use serde_json::{Map, Value, json};

use super::{Decoded, Reply, check_keys, csv, misfit, renamed};
use crate::json::found;
use crate::loaded::Version;
use crate::problem::Problem;

const FORMS: [&str; 4] = ["dataframe_split", "dataframe_records", "instances", "inputs"];

pub(super) fn decode(body: &Map<String, Value>, version: &Version, limits: RowLimits) -> Result<Decoded, Problem> {
    check_keys(body, "$", &[&FORMS[..], &["params"]].concat())?;
    match body.get("params") {
        None | Some(Value::Null) => {}
        Some(Value::Object(params)) if params.is_empty() => {}
        Some(other) => {
            return Err(misfit(
                "$.params",
                "no parameters: this model takes none",
                found(other),
                json!({}),
            ));
        }
    }
    let mut given = FORMS.iter().filter_map(|form| Some((*form, body.get(*form)?)));
    let (Some((form, value)), None) = (given.next(), given.next()) else {
        let expected = format!("one of {}", FORMS.join(", "));
        let example = json!({ "dataframe_split": { "columns": ["text"], "data": [["Where is my order?"]] } });
        return Err(misfit("$", expected, "none or several", example));
    };
    let signature = version.signature();
    let rows = match form {
        "dataframe_split" => from_instances(signature, &split(value, signature, limits)?, limits)
            .map_err(|error| renamed(error, "$.instances", "$.dataframe_split.data")),
        "dataframe_records" => from_instances(signature, &records(value, signature), limits)
            .map_err(|error| renamed(error, "$.instances", "$.dataframe_records")),
        "instances" => from_instances(signature, value, limits),
        _ => from_columns(signature, value, limits),
    };
    Ok(Decoded {
        rows: rows.map_err(|error| Problem::from_models(version.name(), error))?,
        reply: Reply::Rows,
    })
}

/// Columns and rows of values to rows of objects.
fn split(value: &Value, signature: &Signature, limits: RowLimits) -> Result<Value, Problem> {
    let path = "$.dataframe_split";
    let example = json!({ "columns": ["text"], "data": [["Where is my order?"]] });
    let Some(frame) = value.as_object() else {
        return Err(misfit(path, "an object", found(value), example));
    };
    check_keys(frame, path, &["columns", "data", "index"])?;
    let array = |name: &str| {
        let value = frame.get(name);
        let array = value.and_then(Value::as_array);
        array.ok_or_else(|| {
            let found = value.map_or("nothing", found);
            misfit(format!("{path}.{name}"), "an array", found, example[name].clone())
        })
    };
    let (columns, data) = (array("columns")?, array("data")?);
    let names: Option<Vec<&str>> = columns.iter().map(Value::as_str).collect();
    let unique = |names: &Vec<&str>| (1..names.len()).all(|at| !names[..at].contains(&names[at]));
    // The bound on columns keeps the next check from being long, and more could not be of use.
    let few = columns.len() <= signature.inputs.len() + 1;
    let Some(names) = names.filter(|names| few && unique(names)) else {
        let known: Vec<&str> = signature.inputs.iter().map(|input| input.name.as_str()).collect();
        let expected = format!("each once, of {}", known.join(", "));
        return Err(misfit(
            format!("{path}.columns"),
            expected,
            "other columns",
            json!(known),
        ));
    };
    if data.len() > limits.rows_max {
        let expected = format!("at most {} rows in one request", limits.rows_max);
        let found = format!("{} rows", data.len());
        return Err(misfit(format!("{path}.data"), expected, found, json!([])));
    }
    let row = |(at, row): (usize, &Value)| {
        let values = row.as_array().filter(|values| values.len() == names.len());
        let values = values.ok_or_else(|| {
            let expected = format!("an array of {} values, one for each column", names.len());
            misfit(
                format!("{path}.data[{at}]"),
                expected,
                found(row),
                example["data"][0].clone(),
            )
        })?;
        let pairs = names.iter().zip(values);
        let pairs = pairs.map(|(name, value)| ((*name).to_owned(), unpandas(signature, name, value)));
        Ok(Value::Object(pairs.collect()))
    };
    data.iter().enumerate().map(row).collect()
}

fn records(value: &Value, signature: &Signature) -> Value {
    let row = |row: &Value| match row {
        Value::Object(row) => Value::Object(
            row.iter()
                .map(|(name, value)| (name.clone(), unpandas(signature, name, value)))
                .collect(),
        ),
        other => other.clone(),
    };
    match value {
        Value::Array(rows) => rows.iter().map(row).collect(),
        other => other.clone(),
    }
}

/// A whole number that pandas had to write with a fraction, as the whole number.
fn unpandas(signature: &Signature, name: &str, value: &Value) -> Value {
    const EXACT_MAX: f64 = (1u64 << 53) as f64;
    let spec = signature.inputs.iter().find(|input| input.name == name);
    let whole = spec.is_some_and(|spec: &ValueSpec| spec.value_type == ValueType::Integer);
    match value.as_f64().filter(|_| whole && value.is_f64()) {
        Some(number) if number.fract() == 0.0 && number.abs() <= EXACT_MAX => (number as i64).into(),
        _ => value.clone(),
    }
}

pub(super) fn decode_csv(body: &[u8], version: &Version, limits: RowLimits) -> Result<Decoded, Problem> {
    let rows = csv::read(body, version.signature(), limits)?;
    let rows = from_instances(version.signature(), &rows, limits)
        .map_err(|error| Problem::from_models(version.name(), renamed(error, "$.instances", "$.csv")))?;
    Ok(Decoded {
        rows,
        reply: Reply::Rows,
    })
}
