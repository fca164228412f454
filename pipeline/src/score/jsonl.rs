//! JSON lines: one object a line, blank lines skipped. Fields that the model does not take pass through as written:
//! their values are never parsed, so that no number or key order changes on the way.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Seek;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use deskmill_models::kind::Signature;
use deskmill_models::rows::{RowLimits, from_instances};
use serde_json::{Map, Value};

use super::objects::{Member, NOT_JSON_HINT, Objects, as_text, reason};
use super::place::Place;
use super::read::{At, BATCH_MAX_BYTES, Chunk, LINE_MAX_BYTES, Lines, RowReader};
use super::{lacks, misfit};
use crate::error::{Error, Result};

/// More different fields than this are not made into columns.
const COLUMNS_MAX: usize = 2000;

/// A row is bounded by its line alone.
const LIMITS: RowLimits = RowLimits {
    rows_max: usize::MAX,
    text_max_bytes: LINE_MAX_BYTES,
};

/// Rows whose fields stay as they are: the output is jsonl too.
pub(super) struct JsonlObjects<'a> {
    objects: Objects,
    signature: &'a Signature,
    rows_max: usize,
}

/// Rows whose fields become columns: those the model takes in its types, the others as text.
pub(super) struct JsonlColumns<'a> {
    objects: Objects,
    signature: &'a Signature,
    rows_max: usize,
    schema: SchemaRef,
    /// Column -> its place in the schema.
    index: HashMap<String, usize>,
}

impl<'a> JsonlObjects<'a> {
    pub(super) fn new(lines: Lines, signature: &'a Signature, rows_max: usize) -> Self {
        Self {
            objects: Objects::new(lines),
            signature,
            rows_max,
        }
    }
}

impl RowReader for JsonlObjects<'_> {
    fn schema(&self) -> SchemaRef {
        self.signature.input_schema()
    }

    fn next(&mut self) -> Result<Option<Chunk>> {
        let mut taken = Taken::default();
        let mut kept = Vec::new();
        while taken.lines.len() < self.rows_max && taken.bytes < BATCH_MAX_BYTES && self.objects.next()? {
            let members = self.objects.members()?;
            taken.add(&members, self.signature, &self.objects.lines)?;
            kept.push(self.objects.keep(members, self.signature)?);
        }
        taken.into_chunk(self.signature, &self.objects.lines, |inputs| Ok((inputs, Some(kept))))
    }
}

impl<'a> JsonlColumns<'a> {
    /// Reads all lines once for the names of the columns, in the order in which they first stand there.
    pub(super) fn open(place: &Place, signature: &'a Signature, rows_max: usize) -> Result<Self> {
        let name = place.name();
        let mut file = place.seekable()?;
        let failed = || Error::file(Path::new(&name));
        let first_reading: File = file.try_clone().map_err(failed())?;
        let mut objects = Objects::new(Lines::new(name.clone(), Box::new(first_reading)));
        let mut names: Vec<String> = Vec::new();
        let mut seen = HashSet::new();
        let mut is_empty = true;
        while objects.next()? {
            is_empty = false;
            for (member, _) in objects.members()? {
                if seen.insert(member.clone()) {
                    names.push(member);
                }
            }
            if names.len() > COLUMNS_MAX {
                let message = format!("up to here there are more than {COLUMNS_MAX} different fields");
                return Err(objects
                    .lines
                    .wrong(message, "write jsonl, which keeps the fields of each row as they are"));
            }
        }
        if is_empty {
            names = signature.inputs.iter().map(|spec| spec.name.clone()).collect();
        }
        file.rewind().map_err(failed())?;
        let inputs = signature.input_schema();
        let field = |column: &String| match inputs.field_with_name(column) {
            Ok(input) => input.clone(),
            Err(_) => Field::new(column, DataType::Utf8, true),
        };
        let mut fields: Vec<Field> = names.iter().map(field).collect();
        // A field that no line has is missing in the first one, and is reported there.
        fields.extend(
            inputs
                .fields()
                .iter()
                .filter(|input| !names.contains(input.name()))
                .map(|f| f.as_ref().clone()),
        );
        let index = fields
            .iter()
            .enumerate()
            .map(|(at, field)| (field.name().clone(), at))
            .collect();
        let objects = Objects::new(Lines::new(name, Box::new(file)));
        Ok(Self {
            objects,
            signature,
            rows_max,
            schema: Arc::new(Schema::new(fields)),
            index,
        })
    }
}

impl RowReader for JsonlColumns<'_> {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn next(&mut self) -> Result<Option<Chunk>> {
        let mut taken = Taken::default();
        let mut texts: Vec<StringBuilder> = self.schema.fields().iter().map(|_| StringBuilder::new()).collect();
        while taken.lines.len() < self.rows_max && taken.bytes < BATCH_MAX_BYTES && self.objects.next()? {
            let members = self.objects.members()?;
            taken.add(&members, self.signature, &self.objects.lines)?;
            let mut values = vec![None; texts.len()];
            for (member, raw) in &members {
                let Some(value) = self.index.get(member).and_then(|at| values.get_mut(*at)) else {
                    let message = format!("field `{member}` was not there when the lines were read before");
                    return Err(self
                        .objects
                        .lines
                        .wrong(message, "let nothing write to the file while it is scored"));
                };
                *value = as_text(raw).map_err(|message| self.objects.lines.wrong(message, NOT_JSON_HINT))?;
            }
            texts
                .iter_mut()
                .zip(values)
                .for_each(|(column, value)| column.append_option(value));
        }
        let rows = taken.lines.len();
        let schema = &self.schema;
        taken.into_chunk(self.signature, &self.objects.lines, |inputs| {
            let columns = schema.fields().iter().zip(&mut texts).map(|(field, text)| -> ArrayRef {
                let input = inputs.column_by_name(field.name());
                input.cloned().unwrap_or_else(|| Arc::new(text.finish()))
            });
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            Ok((
                RecordBatch::try_new_with_options(schema.clone(), columns.collect(), &options)?,
                None,
            ))
        })
    }
}

/// What the model takes of the rows of one batch.
#[derive(Default)]
struct Taken {
    instances: Vec<Value>,
    lines: Vec<u64>,
    bytes: usize,
}

/// The rows of a chunk and its objects.
type Parts = (RecordBatch, Option<Vec<Vec<(String, String)>>>);

impl Taken {
    fn add(&mut self, members: &[Member<'_>], signature: &Signature, lines: &Lines) -> Result<()> {
        let mut instance = Map::new();
        for spec in &signature.inputs {
            let Some((name, raw)) = members.iter().find(|(name, _)| *name == spec.name) else {
                return Err(lacks(&lines.name, format!("line {}", lines.line), spec, signature));
            };
            let value = serde_json::from_str(raw)
                .map_err(|error| lines.wrong(format!("field `{name}`: {}", reason(&error)), NOT_JSON_HINT))?;
            instance.insert(name.clone(), value);
        }
        self.instances.push(Value::Object(instance));
        self.lines.push(lines.line);
        self.bytes += members.iter().map(|(name, raw)| name.len() + raw.len()).sum::<usize>();
        Ok(())
    }

    fn into_chunk(
        self,
        signature: &Signature,
        lines: &Lines,
        finish: impl FnOnce(RecordBatch) -> std::result::Result<Parts, arrow::error::ArrowError>,
    ) -> Result<Option<Chunk>> {
        if self.lines.is_empty() {
            return Ok(None);
        }
        let instances = Value::Array(self.instances);
        let inputs = from_instances(signature, &instances, LIMITS)
            .map_err(|error| locate(signature, instances, &self.lines, &lines.name).unwrap_or(error.into()))?;
        let (rows, objects) = finish(inputs).map_err(|error| {
            lines.wrong(
                format!("the rows up to here make no columns: {error}"),
                "write jsonl instead",
            )
        })?;
        Ok(Some(Chunk {
            rows,
            objects,
            at: At::Lines(self.lines),
        }))
    }
}

/// The error for the first row that does not fit by itself.
fn locate(signature: &Signature, instances: Value, lines: &[u64], name: &str) -> Option<Error> {
    let Value::Array(instances) = instances else {
        return None;
    };
    instances.into_iter().zip(lines).find_map(|(instance, line)| {
        let error = from_instances(signature, &Value::Array(vec![instance]), LIMITS).err()?;
        let error = match error {
            deskmill_models::Error::Row {
                path,
                expected,
                found,
                example,
            } => {
                let path = path
                    .strip_prefix("$.instances[0].")
                    .map_or(path.clone(), |field| format!("field `{field}`"));
                deskmill_models::Error::Row {
                    path,
                    expected,
                    found,
                    example,
                }
            }
            other => other,
        };
        Some(misfit(name, &format!("line {line}"), error, "value"))
    })
}
