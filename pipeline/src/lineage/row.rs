//! The way of one row back: what became of it, the file, line and byte where it began, its fields as they were read, and
//! its bytes while the file is still the same.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use arrow::array::RecordBatch;
use encoding_rs::Encoding;
use serde::Serialize;
use serde_json::{Map, Value};

use super::gather::Lineage;
use super::now::{Now, Since};
use super::output::{FileOrigin, Output, SOURCE};
use super::rows::{fields, number, numbered, text};
use super::target::Target;
use crate::catalog::Catalog;
use crate::engine::RAW;
use crate::error::{Error, Result};
use crate::plan::folder_of;
use crate::project::{Project, Read, Source, SourceFile};
use crate::rejects::RAW_MAX_BYTES;
use crate::sources::{self, LINE_COLUMN, LandRequest, OFFSET_COLUMN, REJECTS_FILE, ROW_BITS, ROW_COLUMN, ROWS_FILE};

/// The number of a row in a file of rejects.
const REJECT_ROW: &str = "row";

/// Where a row came from, and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct RowOrigin {
    /// Its number.
    pub row: i64,
    /// The source.
    pub source: String,
    /// The table that was asked about; none for a source.
    pub table: Option<String>,
    /// `kept`, `duplicate` or `rejected`; `landed` for a row of a source. (`lost` would be a bug.)
    pub outcome: &'static str,
    /// Why, if it was not kept.
    pub rejected: Option<RejectedBy>,
    /// The file it was read from, as it was then.
    pub file: FileOrigin,
    /// The file as it is now.
    pub file_now: Since,
    /// Line of its first byte, from 1; row number where the file has no lines.
    pub line: i64,
    /// Offset of its first byte within the unpacked file; -1 where it has none.
    pub offset: i64,
    /// Its fields as they were read; empty if it could not be read.
    pub fields: Map<String, Value>,
    /// Its columns in the table, if it was kept there.
    pub table_fields: Option<Map<String, Value>>,
    /// Its bytes.
    pub raw: Option<RawBytes>,
    /// Why there are none.
    pub raw_missing: Option<String>,
}

/// Why a row was not kept.
#[derive(Debug, Clone, Serialize)]
pub struct RejectedBy {
    /// `ingest` or the table.
    pub stage: String,
    /// The rule.
    pub rule: String,
    /// The column to blame.
    pub column: Option<String>,
    /// The value there.
    pub value: Option<String>,
    /// The way out.
    pub hint: String,
}

/// The bytes of a row as they stand in the file, up to the next row, at most [`RAW_MAX_BYTES`].
#[derive(Debug, Clone, Serialize)]
pub struct RawBytes {
    /// How many are shown.
    pub bytes: u64,
    /// Whether these are all.
    pub is_whole: bool,
    /// What they were read as.
    pub encoding: String,
    /// The text.
    pub text: String,
    /// The bytes in hexadecimal, where the text does not say them exactly.
    pub hex: Option<String>,
}

/// What a row is looked for with.
pub struct RowsAsked<'a> {
    /// The project.
    pub project: &'a Project,
    /// The work folder.
    pub catalog: &'a Catalog,
    /// The table or source.
    pub target: &'a Target,
    /// Its lineage.
    pub lineage: &'a Lineage,
    /// What has changed since.
    pub now: &'a Now,
}

/// Follows rows of a table with `rows_of`, or of a source.
///
/// # Errors
/// When the table has no `rows_of`, there is no such row, or a file of the work folder is gone.
pub fn follow(asked: &RowsAsked<'_>, rows: &[i64]) -> Result<Vec<RowOrigin>> {
    let trail = Trail::of(asked)?;
    rows.iter().map(|row| trail.follow(*row)).collect()
}

/// The files behind a table or source.
struct Trail<'a> {
    asked: &'a RowsAsked<'a>,
    /// The table, if one was asked about.
    table: Option<&'a Output>,
    source: &'a str,
    files: HashMap<u32, (&'a Output, &'a FileOrigin)>,
    on_disk: HashMap<&'a str, (&'a Source, &'a Read, &'a SourceFile)>,
}

/// A row as the parts of its origin have it.
struct Landed {
    row: Option<RecordBatch>,
    reject: Option<RecordBatch>,
    /// Where the next row of the file begins.
    next_offset: Option<i64>,
}

fn wrong(place: String, message: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::Lineage {
        place,
        message: message.into(),
        hint: hint.into(),
    }
}

impl<'a> Trail<'a> {
    fn of(asked: &'a RowsAsked<'a>) -> Result<Self> {
        let (lineage, project) = (asked.lineage, asked.project);
        let (table, source) = match asked.target {
            Target::Table(name) => {
                let table = lineage.output(&lineage.of.stage, name, &lineage.of.content);
                (table, source_of(project, table, name)?)
            }
            Target::Source(_) => (None, lineage.of.of()),
            Target::Version(name) => {
                let hint = "ask for a row of the table it was made from: `deskmill lineage TABLE --row N`";
                return Err(wrong(format!("`{name}`"), "a model has no rows of a source", hint));
            }
        };
        let content = match table {
            Some(table) => table
                .inputs
                .iter()
                .find(|input| input.stage == SOURCE && input.of() == source),
            None => Some(&lineage.of),
        };
        let landed = content.and_then(|content| lineage.source(source, &content.content));
        let landings: HashSet<&str> = landed
            .into_iter()
            .flat_map(|source| &source.landings)
            .map(String::as_str)
            .collect();
        let mut files = HashMap::new();
        let is_landing = |output: &&Output| output.stage == "ingest" && landings.contains(output.key.as_str());
        for output in lineage.outputs.iter().filter(is_landing) {
            let listed = output.files.iter().flat_map(|files| &files.listed);
            files.extend(listed.map(|file| (file.file_id, (output, file))));
        }
        let mut on_disk = HashMap::new();
        if let Some(of_project) = project.source(source) {
            for read in &of_project.reads {
                on_disk.extend(
                    read.files
                        .iter()
                        .map(|file| (file.relative.as_str(), (of_project, read, file))),
                );
            }
        }
        Ok(Self {
            asked,
            table,
            source,
            files,
            on_disk,
        })
    }

    fn follow(&self, row: i64) -> Result<RowOrigin> {
        let file_id = u32::try_from(row >> ROW_BITS).ok();
        let Some((landing, file)) = file_id.and_then(|id| self.files.get(&id)).copied() else {
            return Err(self.no_row(row, "no file of the source has rows of this number"));
        };
        let landed = self.landed(landing, row)?;
        let Some(found) = landed.row.as_ref().or(landed.reject.as_ref()) else {
            let message = format!("{} has {} rows", file.path, file.rows + file.rejects);
            return Err(self.no_row(row, &message));
        };
        let place = |column: &str, of_reject: &str| number(found, column).or_else(|| number(found, of_reject));
        let (kept, refused) = match self.table {
            Some(table) if landed.row.is_some() => self.in_table(table, row)?,
            _ => (None, None),
        };
        let rejected = landed.reject.as_ref().or(refused.as_ref()).map(rejected_by);
        let mut origin = RowOrigin {
            row,
            source: self.source.to_owned(),
            table: self.table.map(|table| table.name.clone()),
            outcome: outcome(self.table.is_some(), kept.is_some(), rejected.as_ref()),
            rejected,
            file: file.clone(),
            file_now: self.asked.now.files.get(&file.path).copied().unwrap_or(Since::Gone),
            line: place(LINE_COLUMN, "line").unwrap_or(-1),
            offset: place(OFFSET_COLUMN, "offset").unwrap_or(-1),
            fields: landed.row.as_ref().map(fields).unwrap_or_default(),
            table_fields: kept.as_ref().map(fields),
            raw: None,
            raw_missing: None,
        };
        match self.raw(&origin, landing, &landed) {
            Ok(raw) => origin.raw = Some(raw),
            Err(why) => origin.raw_missing = Some(why),
        }
        Ok(origin)
    }

    fn no_row(&self, row: i64, why: &str) -> Error {
        let name = self
            .table
            .map_or_else(|| format!("{RAW}.{}", self.source), |table| table.name.clone());
        let hint = format!("this shows numbers of rows: deskmill sql \"select _row from {name} limit 5\"");
        wrong(
            format!("row {row} of `{name}`"),
            format!("there is no such row: {why}"),
            hint,
        )
    }

    /// The row where it landed, and the place of the next one of its file.
    fn landed(&self, landing: &Output, row: i64) -> Result<Landed> {
        let folder = self
            .asked
            .catalog
            .folder(folder_of("ingest"), self.source, &landing.key);
        let wanted = [row, row + 1];
        let kept = numbered(&self.there(folder.join(ROWS_FILE))?, ROW_COLUMN, &wanted)?;
        let rejects = numbered(&self.there(folder.join(REJECTS_FILE))?, REJECT_ROW, &wanted)?;
        let is_next = |number: i64| number == row + 1 && number >> ROW_BITS == row >> ROW_BITS;
        let next = |rows: &[(i64, RecordBatch)], column: &str| {
            let next = rows.iter().find(|(number, _)| is_next(*number));
            next.and_then(|(_, next)| number(next, column))
        };
        Ok(Landed {
            next_offset: next(&kept, OFFSET_COLUMN).or_else(|| next(&rejects, "offset")),
            row: only(kept, row),
            reject: only(rejects, row),
        })
    }

    /// The row in the table, or the reject that stands for it there.
    fn in_table(&self, table: &Output, row: i64) -> Result<(Option<RecordBatch>, Option<RecordBatch>)> {
        let folder = self.asked.catalog.folder(folder_of("clean"), &table.name, &table.key);
        let kept = numbered(&self.there(folder.join(ROWS_FILE))?, ROW_COLUMN, &[row])?;
        let refused = numbered(&self.there(folder.join(REJECTS_FILE))?, REJECT_ROW, &[row])?;
        Ok((only(kept, row), only(refused, row)))
    }

    fn there(&self, path: PathBuf) -> Result<PathBuf> {
        if path.is_file() {
            return Ok(path);
        }
        let hint = "make it again: `deskmill run`";
        Err(wrong(
            path.display().to_string(),
            "this output is not in the work folder any more",
            hint,
        ))
    }

    /// The bytes of the row, or why they are not to be had.
    fn raw(&self, origin: &RowOrigin, landing: &Output, landed: &Landed) -> std::result::Result<RawBytes, String> {
        let Ok(offset) = u64::try_from(origin.offset) else {
            return Err("files of this format have no bytes of a row".to_owned());
        };
        let on_disk = self.on_disk.get(origin.file.path.as_str());
        let (Since::Same, Some((source, read, file))) = (origin.file_now, on_disk) else {
            return match origin.file_now {
                Since::Changed => Err("the file has changed since".to_owned()),
                Since::Unread => Err("the project does not read the file any more".to_owned()),
                _ => Err("the file is not here".to_owned()),
            };
        };
        let request = LandRequest {
            source: self.source,
            format: source.format,
            read,
            file,
            file_id: origin.file.file_id,
            limits: &self.asked.project.limits,
            out: &self.asked.project.folder,
            shared: None,
            content: None,
            overlay: None,
        };
        let to_next = landed
            .next_offset
            .map(|next| usize::try_from(next - origin.offset).unwrap_or(0));
        let wanted = to_next.map_or(RAW_MAX_BYTES + 1, |bytes| bytes.min(RAW_MAX_BYTES + 1));
        let mut bytes = sources::bytes_at(&request, offset, wanted).map_err(|error| error.to_string())?;
        let is_whole = bytes.len() <= RAW_MAX_BYTES;
        bytes.truncate(RAW_MAX_BYTES);
        let told = landing
            .dialect
            .as_ref()
            .and_then(|dialect| dialect.get("encoding")?.as_str());
        let encoding = told.or(read.encoding.as_deref()).unwrap_or("UTF-8");
        Ok(RawBytes::of(&bytes, is_whole, encoding))
    }
}

impl RawBytes {
    fn of(bytes: &[u8], is_whole: bool, encoding: &str) -> Self {
        let encoding = Encoding::for_label(encoding.as_bytes()).unwrap_or(encoding_rs::UTF_8);
        let (text, is_damaged) = encoding.decode_without_bom_handling(bytes);
        let is_exact = !is_damaged && encoding.encode(&text).0 == bytes;
        Self {
            bytes: bytes.len() as u64,
            is_whole,
            encoding: encoding.name().to_owned(),
            text: text.trim_end_matches(['\r', '\n']).to_owned(),
            hex: (!is_exact).then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        }
    }
}

/// The source that a table keeps the rows of.
fn source_of<'a>(project: &'a Project, table: Option<&Output>, name: &str) -> Result<&'a str> {
    if let Some(source) = project.table(name).and_then(|table| table.rows_of.as_deref()) {
        return Ok(source);
    }
    let reads: Vec<&str> = table
        .into_iter()
        .flat_map(|table| &table.inputs)
        .map(|input| input.name.as_str())
        .collect();
    let reads = reads.join(", ");
    let message = format!("its rows are not those of a source: it has no `rows_of`; it reads {reads}");
    let hint = format!("follow a row of what it reads, or the table as a whole: `deskmill lineage {name}`");
    Err(wrong(format!("table `{name}`"), message, hint))
}

fn only(rows: Vec<(i64, RecordBatch)>, row: i64) -> Option<RecordBatch> {
    rows.into_iter().find(|(number, _)| *number == row).map(|(_, row)| row)
}

fn rejected_by(reject: &RecordBatch) -> RejectedBy {
    let all = |column: &str| text(reject, column).unwrap_or_default();
    RejectedBy {
        stage: all("stage"),
        rule: all("rule"),
        column: text(reject, "column"),
        value: text(reject, "value"),
        hint: all("hint"),
    }
}

fn outcome(is_table: bool, is_kept: bool, rejected: Option<&RejectedBy>) -> &'static str {
    match rejected {
        Some(by) if by.rule == "duplicate" => "duplicate",
        Some(_) => "rejected",
        None if !is_table => "landed",
        None if is_kept => "kept",
        None => "lost",
    }
}
