//! JSON to rows. Strict: an unknown or wrongly typed field, or a missing one that may not be left out, is an error with its
//! JSON path and an example.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, ListBuilder, RecordBatch, RecordBatchOptions,
    StringBuilder, TimestampMicrosecondBuilder, new_null_array,
};
use serde_json::Value;

use super::RowLimits;
use crate::error::{Error, Result};
use crate::kind::{Signature, ValueSpec, ValueType};

/// Rows from a JSON array of objects (`instances`). Where the signature has one input, bare values are accepted too.
///
/// # Errors
/// [`Error::Row`] with the path of the first value that does not fit, or when there are too many rows.
pub fn from_instances(signature: &Signature, instances: &Value, limits: RowLimits) -> Result<RecordBatch> {
    let example = || Value::Array(vec![example_row(signature)]);
    let rows = instances
        .as_array()
        .ok_or_else(|| wrong("$.instances", "an array of rows", instances, example()))?;
    check_count("$.instances", rows.len(), limits)?;
    for (at, row) in rows.iter().enumerate() {
        check_keys(signature, &format!("$.instances[{at}]"), row)?;
    }
    let columns = signature.inputs.iter().map(|spec| {
        let mut column = Column::new(spec, rows.len(), limits);
        for (at, row) in rows.iter().enumerate() {
            let path = || format!("$.instances[{at}].{}", spec.name);
            let value = row.as_object().map_or(Some(row), |object| object.get(&spec.name));
            let value = value.or(spec.optional.then_some(&Value::Null));
            column.push(value.ok_or_else(|| missing(spec, path()))?, &path)?;
        }
        Ok(column.finish())
    });
    assemble(signature, columns.collect::<Result<_>>()?, rows.len())
}

/// Rows from a JSON object of arrays (`inputs`). Where the signature has one input, a bare array is accepted too.
///
/// # Errors
/// As [`from_instances`]; also when the arrays differ in length.
pub fn from_columns(signature: &Signature, inputs: &Value, limits: RowLimits) -> Result<RecordBatch> {
    if !inputs.is_array() {
        check_keys(signature, "$.inputs", inputs)?;
    }
    let mut count = None;
    let mut columns = Vec::with_capacity(signature.inputs.len());
    let mut left_out = Vec::new();
    for spec in &signature.inputs {
        let place = format!("$.inputs.{}", spec.name);
        let values = inputs.as_object().map_or(Some(inputs), |object| object.get(&spec.name));
        let Some(values) = values else {
            if !spec.optional {
                return Err(missing(spec, place));
            }
            left_out.push(columns.len());
            columns.push(new_null_array(&spec.value_type.data_type(), 0));
            continue;
        };
        let example = || Value::Array(vec![spec.example.clone()]);
        let values = values
            .as_array()
            .ok_or_else(|| wrong(&place, "an array of values", values, example()))?;
        check_count(&place, values.len(), limits)?;
        if *count.get_or_insert(values.len()) != values.len() {
            let expected = format!("{} values, as many as the columns before", count.unwrap_or_default());
            return Err(Error::Row {
                path: place,
                expected,
                found: format!("{} values", values.len()),
                example: example().to_string(),
            });
        }
        let mut column = Column::new(spec, values.len(), limits);
        for (at, value) in values.iter().enumerate() {
            column.push(value, &|| format!("{place}[{at}]"))?;
        }
        columns.push(column.finish());
    }
    let count = count.unwrap_or(0);
    for at in left_out {
        columns[at] = new_null_array(&signature.inputs[at].value_type.data_type(), count);
    }
    assemble(signature, columns, count)
}

fn assemble(signature: &Signature, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(signature.input_schema(), columns, &options).map_err(|e| Error::table("rows", e))
}

fn check_count(path: &str, rows: usize, limits: RowLimits) -> Result<()> {
    if rows <= limits.rows_max {
        return Ok(());
    }
    Err(Error::Row {
        path: path.into(),
        expected: format!("at most {} rows in one request", limits.rows_max),
        found: format!("{rows} rows"),
        example: "several requests".into(),
    })
}

/// A row must be an object with the signature's keys only, or a bare value where there is one input.
fn check_keys(signature: &Signature, path: &str, row: &Value) -> Result<()> {
    let Some(object) = row.as_object() else {
        if signature.inputs.len() == 1 {
            return Ok(());
        }
        return Err(wrong(path, "an object", row, example_row(signature)));
    };
    let unknown = object
        .keys()
        .find(|key| signature.inputs.iter().all(|spec| spec.name != **key));
    let Some(key) = unknown else { return Ok(()) };
    let names: Vec<&str> = signature.inputs.iter().map(|spec| spec.name.as_str()).collect();
    let shown: String = key.chars().take(40).collect();
    Err(Error::Row {
        path: format!("{path}.{shown}"),
        expected: format!("only the fields {}", names.join(", ")),
        found: "a field the model does not take".into(),
        example: example_row(signature).to_string(),
    })
}

fn example_row(signature: &Signature) -> Value {
    signature
        .inputs
        .iter()
        .map(|spec| (spec.name.clone(), spec.example.clone()))
        .collect()
}

fn missing(spec: &ValueSpec, path: String) -> Error {
    Error::Row {
        path,
        expected: words(spec.value_type).into(),
        found: "nothing".into(),
        example: spec.example.to_string(),
    }
}

fn wrong(path: &str, expected: &str, found: &Value, example: Value) -> Error {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(n) if n.is_f64() => "a number with a fraction or exponent",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Error::Row {
        path: path.into(),
        expected: expected.into(),
        found: found.into(),
        example: example.to_string(),
    }
}

fn words(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Text => "a string",
        ValueType::Integer => "a whole number within 64 bits",
        ValueType::Number => "a number",
        ValueType::Boolean => "true or false",
        ValueType::Time => "a time in RFC 3339 with its offset",
        ValueType::TextList => "an array of strings",
        ValueType::NumberList => "an array of numbers",
    }
}

enum Builder {
    Text(StringBuilder),
    Integer(Int64Builder),
    Number(Float64Builder),
    Boolean(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
    TextList(ListBuilder<StringBuilder>),
    NumberList(ListBuilder<Float64Builder>),
}

struct Column<'a> {
    spec: &'a ValueSpec,
    text_max_bytes: usize,
    builder: Builder,
}

impl<'a> Column<'a> {
    fn new(spec: &'a ValueSpec, rows: usize, limits: RowLimits) -> Self {
        let builder = match spec.value_type {
            ValueType::Text => Builder::Text(StringBuilder::with_capacity(rows, rows * 64)),
            ValueType::Integer => Builder::Integer(Int64Builder::with_capacity(rows)),
            ValueType::Number => Builder::Number(Float64Builder::with_capacity(rows)),
            ValueType::Boolean => Builder::Boolean(BooleanBuilder::with_capacity(rows)),
            ValueType::Time => Builder::Time(TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC")),
            ValueType::TextList => Builder::TextList(ListBuilder::new(StringBuilder::new())),
            ValueType::NumberList => Builder::NumberList(ListBuilder::new(Float64Builder::new())),
        };
        Self {
            spec,
            text_max_bytes: limits.text_max_bytes,
            builder,
        }
    }

    fn push(&mut self, value: &Value, path: &dyn Fn() -> String) -> Result<()> {
        if value.is_null() {
            return self.push_null(path);
        }
        let expected = words(self.spec.value_type);
        let misfit = || wrong(&path(), expected, value, self.spec.example.clone());
        match &mut self.builder {
            Builder::Text(b) => {
                let text = value.as_str().ok_or_else(misfit)?;
                check_text(text, self.text_max_bytes, path)?;
                b.append_value(text);
            }
            Builder::Integer(b) => b.append_value(value.as_i64().ok_or_else(misfit)?),
            Builder::Number(b) => b.append_value(value.as_f64().ok_or_else(misfit)?),
            Builder::Boolean(b) => b.append_value(value.as_bool().ok_or_else(misfit)?),
            Builder::Time(b) => {
                let time = value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
                b.append_value(time.ok_or_else(misfit)?.as_microsecond());
            }
            Builder::TextList(b) => {
                for item in value.as_array().ok_or_else(misfit)? {
                    let text = item.as_str().ok_or_else(misfit)?;
                    check_text(text, self.text_max_bytes, path)?;
                    b.values().append_value(text);
                }
                b.append(true);
            }
            Builder::NumberList(b) => {
                for item in value.as_array().ok_or_else(misfit)? {
                    b.values().append_value(item.as_f64().ok_or_else(misfit)?);
                }
                b.append(true);
            }
        }
        Ok(())
    }

    fn push_null(&mut self, path: &dyn Fn() -> String) -> Result<()> {
        if !self.spec.nullable {
            return Err(wrong(
                &path(),
                words(self.spec.value_type),
                &Value::Null,
                self.spec.example.clone(),
            ));
        }
        match &mut self.builder {
            Builder::Text(b) => b.append_null(),
            Builder::Integer(b) => b.append_null(),
            Builder::Number(b) => b.append_null(),
            Builder::Boolean(b) => b.append_null(),
            Builder::Time(b) => b.append_null(),
            Builder::TextList(b) => b.append_null(),
            Builder::NumberList(b) => b.append_null(),
        }
        Ok(())
    }

    fn finish(self) -> ArrayRef {
        match self.builder {
            Builder::Text(mut b) => Arc::new(b.finish()),
            Builder::Integer(mut b) => Arc::new(b.finish()),
            Builder::Number(mut b) => Arc::new(b.finish()),
            Builder::Boolean(mut b) => Arc::new(b.finish()),
            Builder::Time(mut b) => Arc::new(b.finish()),
            Builder::TextList(mut b) => Arc::new(b.finish()),
            Builder::NumberList(mut b) => Arc::new(b.finish()),
        }
    }
}

fn check_text(text: &str, max_bytes: usize, path: &dyn Fn() -> String) -> Result<()> {
    if text.len() <= max_bytes {
        return Ok(());
    }
    Err(Error::Row {
        path: path(),
        expected: format!("a text of at most {max_bytes} bytes"),
        found: format!("{} bytes", text.len()),
        example: "a shorter text".into(),
    })
}
