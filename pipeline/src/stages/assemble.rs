//! Assemble: the examples of a model, cut into train, calibrate and test. Rows of one entity, and rows whose texts are
//! the same, never stand on two sides of a cut; nor do near-duplicates, where the cut is not by time.

use std::collections::HashMap;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt64Array};
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::{DataType, Int64Type, SchemaRef, TimeUnit};
use arrow::util::display::array_value_to_string;
use deskmill_models::encode::map_chunks;
use deskmill_models::findings::{Cut, Part, Texts, Union};
use deskmill_models::kind::Rows;
use deskmill_models::rows::ParquetRows;
use deskmill_models::text;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::catalog::{Catalog, write_json};
use crate::engine::{Engine, sql_error, table_writer};
use crate::error::{Error, Result};
use crate::keys::{Parts, digest, digest_of};
use crate::lineage::Output;
use crate::project::{ModelSpec, Split, SplitBy};
use crate::rejects::write_error;

/// Changes when the same query would give other examples.
const FORMAT: &str = "4";

/// The folder of examples under the work folder.
pub const STAGE: &str = "examples";

/// The files of the parts: to learn from, to calibrate on, to measure with.
pub const FILES: [&str; 3] = ["train.parquet", "calibrate.parquet", "test.parquet"];

/// What was found of texts that are the same or nearly, in the folder of the examples.
pub const DUPLICATES_FILE: &str = "duplicates.json";

/// Signatures of texts may take this part of the engine's memory: one in so many.
const NEAR_MEMORY_SHARE: usize = 4;

/// How many examples each part has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssembleFacts {
    /// Rows to learn from.
    pub train: u64,
    /// Rows for calibration.
    pub calibrate: u64,
    /// Rows for the report and the gate.
    pub test: u64,
    /// Rows of the query without a label: nothing can be learned from them.
    pub unlabelled: u64,
}

/// What decides how examples come out, but for what the query reads.
pub fn parts(model: &ModelSpec, seed: u64) -> Parts {
    Parts::from([
        ("sql".into(), digest(model.examples_sql.as_bytes())),
        ("sql_path".into(), model.examples_path.written.clone()),
        ("split".into(), digest_of(&model.split)),
        ("seed".into(), seed.to_string()),
        ("format".into(), FORMAT.into()),
    ])
}

/// Makes the examples of one model, `made` as it was begun.
///
/// # Errors
/// When the query fails, columns are missing, or a part comes out empty.
pub async fn assemble(
    engine: &Engine,
    model: &ModelSpec,
    seed: u64,
    catalog: &Catalog,
    made: Output,
) -> Result<AssembleFacts> {
    let place = format!("model `{}` ({})", model.name, model.examples_path.written);
    let frame = engine.query(&place, &model.examples_sql).await?;
    let ordered = engine.in_order(&place, frame)?;
    let out = catalog.begin(STAGE, &model.name, &made.key)?;
    let key = made.key.clone();
    let written = match engine.stream(&place, ordered).await {
        Ok(stream) => {
            let seen = Seen {
                seed,
                union: Union::default(),
                texts: Texts::new(engine.threads(), engine.memory_max_bytes() / NEAR_MEMORY_SHARE),
            };
            write(model, seen, stream, &out).await
        }
        Err(error) => Err(error),
    };
    let written = written.and_then(|facts| {
        let counts = [
            ("train", facts.train),
            ("calibrate", facts.calibrate),
            ("test", facts.test),
            ("unlabelled", facts.unlabelled),
        ];
        made.counted(&counts).write(&out)?;
        catalog.complete(STAGE, &model.name, &key, &facts)?;
        Ok(facts)
    });
    catalog.tidied(STAGE, &model.name, &key, written)
}

/// Writes the parts of the examples.
async fn write(
    model: &ModelSpec,
    mut seen: Seen,
    stream: datafusion::execution::SendableRecordBatchStream,
    out: &Path,
) -> Result<AssembleFacts> {
    let all = out.join("all.parquet");
    let mut groups = spool(model, &mut seen, stream, &all).await?;
    let rows = ParquetRows::open(&all)?;
    let near = seen.texts.groups();
    let how = groups.how(model);
    let left_apart = if how == Cut::Together {
        seen.texts.join(&near, &groups.roots, &mut seen.union)
    } else {
        0
    };
    groups
        .roots
        .iter_mut()
        .for_each(|group| *group = seen.union.root(*group));
    let parts = groups.decide(model, seen.seed)?;
    let mut facts = cut(model, &rows, &parts, out)?;
    facts.unlabelled = groups.unlabelled;
    let duplicates = seen.texts.found(&near, &parts, &rows, (how, left_apart))?;
    write_json(&out.join(DUPLICATES_FILE), &duplicates)?;
    std::fs::remove_file(&all).map_err(Error::file(&all))?;
    let missing = [
        (facts.train, "train"),
        (facts.calibrate, "calibrate"),
        (facts.test, "test"),
    ];
    if let Some((_, part)) = missing.iter().find(|(rows, _)| *rows == 0) {
        let total = facts.train + facts.calibrate + facts.test;
        let message = format!("the part `{part}` is empty; the query gives {total} labelled rows");
        return Err(problem(
            model,
            message,
            "look at the examples query, or change [models.X.split]",
        ));
    }
    Ok(facts)
}

fn problem(model: &ModelSpec, message: String, hint: &str) -> Error {
    Error::Examples {
        model: model.name.clone(),
        message,
        hint: hint.replace('X', &model.name),
    }
}

/// What the rows that came so far have in common.
struct Seen {
    seed: u64,
    union: Union,
    texts: Texts,
}

/// What the cut needs to know of each labelled row, in order.
#[derive(Default)]
struct Groups {
    /// The group of each row: its entity joined with all rows of the same text, and of near-duplicates.
    roots: Vec<u64>,
    /// Microseconds, for a split by time; 0 for rows that say their part.
    times: Vec<i64>,
    /// What the column `split` says of each row, if the query has one; a null is cut like all others.
    given: Vec<Option<Part>>,
    unlabelled: u64,
}

/// Writes the labelled rows as they come and takes note of their groups.
async fn spool(
    model: &ModelSpec,
    seen: &mut Seen,
    mut stream: datafusion::execution::SendableRecordBatchStream,
    path: &Path,
) -> Result<Groups> {
    let schema: SchemaRef = stream.schema();
    check_columns(model, &schema)?;
    let mut writer = table_writer(path, schema)?;
    let mut groups = Groups::default();
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(|e| sql_error(&format!("model `{}`", model.name), &e))?;
        let labels = batch
            .column_by_name("label")
            .map(|column| arrow::compute::is_not_null(column));
        let labelled = labels.transpose().ok().flatten();
        let kept = match labelled {
            Some(mask) => arrow::compute::filter_record_batch(&batch, &mask).map_err(|e| write_error(path, e))?,
            None => batch.clone(),
        };
        groups.unlabelled += (batch.num_rows() - kept.num_rows()) as u64;
        groups.note(model, &kept, seen)?;
        writer.write(&kept).map_err(|e| write_error(path, e))?;
    }
    writer.close().map_err(|e| write_error(path, e))?;
    Ok(groups)
}

fn check_columns(model: &ModelSpec, schema: &SchemaRef) -> Result<()> {
    let has = |name: &str| schema.column_with_name(name).is_some();
    let needed: &[&str] = match model.split.by {
        SplitBy::Time if !has("split") => &["label", "time"],
        _ => &["label"],
    };
    match needed.iter().find(|name| !has(name)) {
        None => Ok(()),
        Some(name) => {
            let message = format!("the query gives no column `{name}`");
            let hint = format!("select it in {}", model.examples_path.written);
            Err(problem(model, message, &hint))
        }
    }
}

fn uncastable(model: &ModelSpec, name: &str, error: &arrow::error::ArrowError) -> Error {
    problem(
        model,
        format!("column `{name}`: {error}"),
        "cast it in the examples query",
    )
}

/// A column of the query in a type; none if there is no such column, or nothing in it.
fn column_as(model: &ModelSpec, batch: &RecordBatch, name: &str, wanted: &DataType) -> Result<Option<ArrayRef>> {
    let column = batch
        .column_by_name(name)
        .filter(|column| column.data_type() != &DataType::Null);
    column
        .map(|column| cast(column, wanted))
        .transpose()
        .map_err(|e| uncastable(model, name, &e))
}

impl Groups {
    fn note(&mut self, model: &ModelSpec, batch: &RecordBatch, seen: &mut Seen) -> Result<()> {
        let failed = |name: &str, e: arrow::error::ArrowError| uncastable(model, name, &e);
        let column = |name: &str, wanted: DataType| column_as(model, batch, name, &wanted);
        let entities = column("entity", DataType::Utf8)?;
        let values = |array: &Option<ArrayRef>| -> Vec<Option<String>> {
            let value = |value: Option<&str>| value.map(str::to_owned);
            let all = array
                .as_ref()
                .map(|array| array.as_string::<i32>().iter().map(value).collect());
            all.unwrap_or_else(|| vec![None; batch.num_rows()])
        };
        let seed = seen.seed;
        let Some(texts) = column("text", DataType::Utf8)? else {
            // Without a text, rows have in common what the query says.
            let first = self.roots.len();
            for (row, entity) in values(&entities).into_iter().enumerate() {
                let (what, value) = entity.map_or(("row", (first + row).to_string()), |entity| ("entity", entity));
                self.roots.push(hash(seed, what, &value));
            }
            return self.note_cut(model, batch);
        };
        let first = self.roots.len();
        let numbered: Vec<(usize, Option<String>)> = (first..).zip(values(&Some(texts))).collect();
        let prepare = |part: &[(usize, Option<String>)]| -> Vec<(String, u64)> {
            let one = |(row, text): &(usize, Option<String>)| match text {
                Some(text) => {
                    let text = text::prepare(text);
                    let hash = hash(seed, "text", &text);
                    (text, hash)
                }
                None => {
                    let hash = hash(seed, "row", &row.to_string());
                    (like_no_other(hash), hash)
                }
            };
            part.iter().map(one).collect()
        };
        let prepared = map_chunks(&numbered, seen.texts.threads(), prepare).concat();
        let (mut whole, mut hashes): (Vec<String>, Vec<u64>) = prepared.into_iter().unzip();
        for (&group, entity) in hashes.iter().zip(values(&entities)) {
            let joined = entity.map(|entity| seen.union.join(group, hash(seed, "entity", &entity)));
            self.roots.push(joined.unwrap_or(group));
        }
        if let Some(said_before) = batch.column_by_name("context") {
            // The same text after other words is not the same, and may well have another label.
            for (row, (text, group)) in whole.iter_mut().zip(&mut hashes).enumerate() {
                let said = array_value_to_string(said_before, row).map_err(|e| failed("context", e))?;
                *text = format!("{said}\n{text}");
                let own = hash(seed, "text in context", text);
                seen.union.join(*group, own);
                *group = own;
            }
        }
        seen.texts
            .add(&whole, &hashes, &labels(batch).map_err(|e| failed("label", e))?);
        self.note_cut(model, batch)
    }

    /// Takes note of what the rows say of the cut themselves: their part, or their time.
    fn note_cut(&mut self, model: &ModelSpec, batch: &RecordBatch) -> Result<()> {
        if let Some(given) = column_as(model, batch, "split", &DataType::Utf8)? {
            for written in given.as_string::<i32>() {
                self.given
                    .push(written.map(|written| given_part(model, written)).transpose()?);
            }
        } else {
            self.given.resize(self.given.len() + batch.num_rows(), None);
        }
        let first = self.times.len();
        if model.split.by == SplitBy::Time {
            let times = column_as(model, batch, "time", &DataType::Timestamp(TimeUnit::Microsecond, None))?;
            let times = times.map(|times| cast(&times, &DataType::Int64)).transpose();
            let times = times.map_err(|e| uncastable(model, "time", &e))?;
            for row in 0..batch.num_rows() {
                let known = times.as_ref().filter(|times| !times.is_null(row));
                let time = known.map(|times| times.as_primitive::<Int64Type>().value(row));
                if time.is_none() && self.given[first + row].is_none() {
                    return Err(problem(
                        model,
                        "column `time` holds nulls".into(),
                        "a split by time needs a time in every row that does not say its part",
                    ));
                }
                self.times.push(time.unwrap_or_default());
            }
        }
        Ok(())
    }

    /// How the rows are cut.
    fn how(&self, model: &ModelSpec) -> Cut {
        match model.split.by {
            _ if self.given.iter().all(Option::is_some) => Cut::Given,
            SplitBy::Time => Cut::ByTime,
            SplitBy::Entity => Cut::Together,
        }
    }

    /// The part of every row: what it says itself; else what a row of its group says; else as the project cuts.
    fn decide(&self, model: &ModelSpec, seed: u64) -> Result<Vec<Part>> {
        if let Some(given) = self.given.iter().copied().collect::<Option<Vec<Part>>>() {
            return Ok(given);
        }
        let mut of_groups = HashMap::<u64, Part>::new();
        for (group, given) in self.roots.iter().zip(&self.given) {
            if let Some(given) = given {
                of_groups.entry(*group).or_insert(*given);
            }
        }
        let own = |row: usize| self.given[row].or_else(|| of_groups.get(&self.roots[row]).copied());
        let rest: Vec<usize> = (0..self.roots.len()).filter(|row| own(*row).is_none()).collect();
        let mut cut = self.cut_rows(&rest, model, seed).into_iter();
        let part = |row| own(row).or_else(|| cut.next());
        Ok((0..self.roots.len()).filter_map(part).collect())
    }

    /// The parts of some rows that say nothing of it.
    fn cut_rows(&self, rows: &[usize], model: &ModelSpec, seed: u64) -> Vec<Part> {
        let Split { test, calibrate, .. } = model.split;
        let draw = |group: u64, what: &str| hash(seed, what, &group.to_string()) as f64 / u64::MAX as f64;
        let rest = |group: u64| {
            if draw(group, "calibrate") < calibrate {
                Part::Calibrate
            } else {
                Part::Train
            }
        };
        let groups = || rows.iter().map(|row| self.roots[*row]);
        if model.split.by == SplitBy::Entity {
            let part = |group: u64| {
                if draw(group, "test") < test {
                    Part::Test
                } else {
                    rest(group)
                }
            };
            return groups().map(part).collect();
        }
        // The latest share is the test; a group belongs where its first row is, so that nothing learned comes back.
        let mut first = HashMap::<u64, i64>::new();
        for (row, group) in rows.iter().zip(groups()) {
            let time = self.times[*row];
            first.entry(group).and_modify(|t| *t = (*t).min(time)).or_insert(time);
        }
        let mut starts: Vec<i64> = groups().map(|group| first[&group]).collect();
        let at = ((1.0 - test) * starts.len() as f64) as usize;
        if at >= starts.len() {
            return groups().map(rest).collect();
        }
        let parts_of = starts.clone();
        let (_, cutoff, _) = starts.select_nth_unstable(at);
        let cutoff = *cutoff;
        let part = |(start, group): (i64, u64)| if start >= cutoff { Part::Test } else { rest(group) };
        parts_of.into_iter().zip(groups()).map(part).collect()
    }
}

/// What stands for the text of a row that has none: rows without texts are not duplicates of each other.
fn like_no_other(hash: u64) -> String {
    let letter = |digit: char| (b'a' + digit.to_digit(16).unwrap_or_default() as u8) as char;
    format!("{hash:016x}").chars().map(letter).collect()
}

/// The labels as texts, whatever their type.
fn labels(batch: &RecordBatch) -> std::result::Result<Vec<String>, arrow::error::ArrowError> {
    let Some(column) = batch.column_by_name("label") else {
        return Ok(vec![String::new(); batch.num_rows()]);
    };
    if let Ok(column) = cast(column, &DataType::Utf8) {
        let value = |value: Option<&str>| value.unwrap_or_default().to_owned();
        return Ok(column.as_string::<i32>().iter().map(value).collect());
    }
    (0..batch.num_rows())
        .map(|row| array_value_to_string(column, row))
        .collect()
}

fn given_part(model: &ModelSpec, written: &str) -> Result<Part> {
    match written {
        "train" => Ok(Part::Train),
        "calibrate" => Ok(Part::Calibrate),
        "test" => Ok(Part::Test),
        _ => {
            let shown: String = written.chars().take(20).collect();
            Err(problem(
                model,
                format!("column `split` holds `{shown}`"),
                "use 'train', 'calibrate' and 'test'",
            ))
        }
    }
}

/// A number for a text that depends on the project's seed and on nothing else.
fn hash(seed: u64, what: &str, text: &str) -> u64 {
    let hash = Sha256::new()
        .chain_update(seed.to_le_bytes())
        .chain_update(what)
        .chain_update([0])
        .chain_update(text);
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    u64::from_le_bytes(first)
}

/// Sends every row to its part's file.
fn cut(model: &ModelSpec, rows: &ParquetRows, parts: &[Part], out: &Path) -> Result<AssembleFacts> {
    let mut counts = [0u64; 3];
    for (file, wanted) in FILES.iter().zip([Part::Train, Part::Calibrate, Part::Test]) {
        let path = out.join(file);
        let mut writer = table_writer(&path, rows.schema())?;
        let mut start = 0;
        for batch in rows.batches()? {
            let batch = batch?;
            let part = parts.get(start..start + batch.num_rows());
            let part = part.ok_or_else(|| problem(model, "rows changed while they were cut".into(), "run again"))?;
            start += batch.num_rows();
            let taken = (0u64..)
                .zip(part)
                .filter(|(_, part)| **part == wanted)
                .map(|(row, _)| row);
            let taken = UInt64Array::from_iter_values(taken);
            let batch = take_record_batch(&batch, &taken).map_err(|e| write_error(&path, e))?;
            counts[wanted as usize] += batch.num_rows() as u64;
            writer.write(&batch).map_err(|e| write_error(&path, e))?;
        }
        writer.close().map_err(|e| write_error(&path, e))?;
    }
    Ok(AssembleFacts {
        train: counts[0],
        calibrate: counts[1],
        test: counts[2],
        unlabelled: 0,
    })
}
