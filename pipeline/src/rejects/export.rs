//! Rejects as a table that a person mends: who they are and why in columns that start with `_`, then the fields of the
//! row under their own names. Of what never landed the fields are empty, for nobody knows them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::known::{Known, know};
use super::landed::Landed;
use super::{Outputs, Reject, Texts, Wanted, write_error};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::plan::Plan;
use crate::project::Project;
use crate::score::{Format, Place, RowsWriter};

/// Rejects written at once.
const BATCH_ROWS: usize = 1024;

/// The column with the name of a reject.
pub(super) const ID_COLUMN: &str = "_reject";
/// The column with its source.
pub(super) const SOURCE_COLUMN: &str = "_source";
/// All columns that are no fields, in order.
pub(super) const OWN_COLUMNS: [&str; 11] = [
    ID_COLUMN,
    SOURCE_COLUMN,
    "_file",
    "_line",
    "_offset",
    "_stage",
    "_rule",
    "_column",
    "_value",
    "_hint",
    "_raw",
];

/// What is exported, and where to.
pub struct Export<'a> {
    /// The project.
    pub project: &'a Project,
    /// Its work folder.
    pub catalog: &'a Catalog,
    /// Its plan.
    pub plan: &'a Plan,
    /// Which rejects.
    pub wanted: Wanted<'a>,
    /// Where to.
    pub place: Place,
    /// How it is written.
    pub format: Format,
}

/// Writes the wanted rejects and gives their number. A file appears when it is whole.
///
/// # Errors
/// When an output cannot be read, or the export not be written.
pub fn export(request: &Export<'_>) -> Result<u64> {
    let landed = Landed {
        catalog: request.catalog,
        plan: request.plan,
    };
    let columns = columns(request, landed)?;
    let schema = schema(&columns);
    let texts = Texts::of(request.project, request.catalog, request.plan);
    let mut writer = RowsWriter::create(&request.place, request.format, Arc::clone(&schema))?;
    let mut held: Vec<Reject> = Vec::new();
    let mut count = 0;
    let mut flush = |rejects: Vec<Reject>| -> Result<()> {
        count += rejects.len() as u64;
        let known = know(landed, rejects)?;
        writer.write(&batch(&known, &columns, &schema, &texts)?)
    };
    Outputs::of(request.plan).each(request.catalog, &request.wanted, |reject| {
        held.push(reject);
        if held.len() < BATCH_ROWS {
            return Ok(());
        }
        flush(std::mem::take(&mut held))
    })?;
    flush(held)?;
    writer.finish()?;
    Ok(count)
}

/// The columns of all sources that the rejects may be of.
fn columns(request: &Export<'_>, landed: Landed<'_>) -> Result<Vec<String>> {
    let project = request.project;
    let of_table = request.wanted.name.and_then(|name| project.table(name));
    let rows_of = of_table.and_then(|table| table.rows_of.as_deref());
    let is_wanted = |source: &str| match request.wanted.name {
        Some(name) => source == name || rows_of == Some(source),
        None => true,
    };
    let mut columns: Vec<String> = Vec::new();
    for source in project.sources.iter().filter(|source| is_wanted(&source.name)) {
        for name in landed.columns(&source.name)? {
            if !columns.contains(&name) {
                columns.push(name);
            }
        }
    }
    Ok(columns)
}

fn schema(columns: &[String]) -> SchemaRef {
    let own = OWN_COLUMNS.map(|name| match name {
        "_line" | "_offset" => Field::new(name, DataType::Int64, false),
        _ => Field::new(name, DataType::Utf8, true),
    });
    let fields = columns.iter().map(|name| Field::new(name, DataType::Utf8, true));
    Arc::new(Schema::new(own.into_iter().chain(fields).collect::<Vec<_>>()))
}

fn batch(known: &[Known], columns: &[String], schema: &SchemaRef, texts: &Texts) -> Result<RecordBatch> {
    let text = |get: &dyn Fn(&Known) -> Option<String>| -> ArrayRef {
        Arc::new(known.iter().map(get).collect::<StringArray>())
    };
    let number = |get: fn(&Reject) -> i64| -> ArrayRef {
        Arc::new(known.iter().map(|known| get(&known.reject)).collect::<Int64Array>())
    };
    let mut all: Vec<ArrayRef> = vec![
        text(&|known| Some(known.id())),
        text(&|known| Some(known.reject.source.clone())),
        text(&|known| Some(known.reject.file.clone())),
        number(|reject| reject.line),
        number(|reject| reject.offset),
        text(&|known| Some(known.reject.stage.clone())),
        text(&|known| Some(known.reject.rule.clone())),
        text(&|known| known.reject.column.clone()),
        text(&|known| known.reject.value.clone()),
        text(&|known| Some(known.reject.hint.clone())),
        text(&|known| Some(texts.raw(&known.reject))),
    ];
    all.extend(
        columns
            .iter()
            .map(|name| text(&|known| known.fields.get(name).cloned())),
    );
    RecordBatch::try_new(Arc::clone(schema), all).map_err(|e| write_error("the export".as_ref(), e))
}
