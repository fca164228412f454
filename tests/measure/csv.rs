//! How well delimited files are read when nothing is said of them but that they are csv. What is scored is what SQL
//! sees: the Parquet that ingest writes.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;

use arrow::array::{Array as _, AsArray as _};
use deskmill_pipeline::project::Format;
use deskmill_pipeline::sources::ROWS_FILE;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::Figure;
use crate::landed::{land_file, sorted};

/// Columns that ingest adds behind those of the file.
const OWN_COLUMNS: usize = 4;

/// `data` is the folder that has `pollock_csv` and `csv_spectrum` in it.
pub fn measure(data: &Path) -> Vec<Figure> {
    vec![
        pollock(&data.join("pollock_csv/polluted_files")),
        spectrum(&data.join("csv_spectrum")),
    ]
}

/// A file as it landed: names, then rows; null and empty are both empty, as in a csv file.
struct Loaded {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn load(path: &Path) -> Option<Loaded> {
    let (out, _) = land_file(path, Format::Csv, 1 << 20)?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(out.path().join(ROWS_FILE)).ok()?).ok()?;
    let mut names: Vec<String> = reader
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    names.truncate(names.len() - OWN_COLUMNS);
    let mut rows = Vec::new();
    for batch in reader.build().ok()? {
        let batch = batch.ok()?;
        let columns: Vec<_> = (0..names.len())
            .map(|column| batch.column(column).as_string::<i32>())
            .collect();
        let value = |row: usize, column: &&arrow::array::StringArray| match column.is_valid(row) {
            true => column.value(row).to_owned(),
            false => String::new(),
        };
        rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|column| value(row, column)).collect()));
    }
    Some(Loaded { names, rows })
}

/// The simple score of Vitagliano et al., "Pollock: A Data Loading Benchmark" (VLDB 2023), 0 to 10: the mean over the
/// files of success + precision, recall and F1 of the header, of the records, and of the cells, all as multisets; as in
/// the `metrics.py` of its repository, where an empty clean file is right if loading it does not fail, a header that is
/// not there is not asked for, and precision is the share of the expected and recall that of the loaded.
fn pollock(folder: &Path) -> Figure {
    let mut losses = Vec::new();
    let (mut sum, mut count) = (0.0, 0.0);
    for path in sorted(&folder.join("csv")) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let clean = read_clean(&folder.join("clean").join(&name));
        let score = load(&path).map_or(0.0, |loaded| score(&clean, &loaded));
        sum += score;
        count += 1.0;
        losses.push((10.0 - score, name));
    }
    losses.sort_by(|a, b| b.0.total_cmp(&a.0));
    let worst = losses.iter().take(40).map(|(loss, name)| format!("{name} -{loss:.3}"));
    Figure {
        name: "Pollock simple score, nothing declared".into(),
        value: sum / f64::max(count, 1.0),
        target: Some(9.96),
        note: format!("{count} files; most lost: {}", worst.collect::<Vec<_>>().join(", ")),
    }
}

fn score(clean: &[Vec<String>], loaded: &Loaded) -> f64 {
    let Some((header, rows)) = clean.split_first() else {
        return 10.0;
    };
    // A file without a header: its clean form has none either, and its first row is taken as one there. Names that we
    // made up are not written, so that the rows stand in the same places.
    let is_unnamed = loaded
        .names
        .iter()
        .enumerate()
        .all(|(at, name)| *name == format!("column_{}", at + 1));
    let mut table: Vec<&Vec<String>> = Vec::new();
    if !is_unnamed {
        table.push(&loaded.names);
    }
    table.extend(&loaded.rows);
    let Some((names, records)) = table.split_first() else {
        return 1.0;
    };
    let joined = |rows: &mut dyn Iterator<Item = &Vec<String>>| rows.map(|row| row.concat()).collect::<Vec<_>>();
    let cells = |rows: &mut dyn Iterator<Item = &Vec<String>>| rows.flatten().cloned().collect::<Vec<_>>();
    1.0 + agreement(header, names)
        + agreement(&joined(&mut rows.iter()), &joined(&mut records.iter().copied()))
        + agreement(&cells(&mut clean.iter()), &cells(&mut table.iter().copied()))
}

/// Precision + recall + F1 of two multisets.
fn agreement(expected: &[String], found: &[String]) -> f64 {
    if expected.is_empty() {
        return 3.0;
    }
    let mut counts: HashMap<String, i64> = HashMap::new();
    for text in expected {
        *counts.entry(normal(text)).or_default() += 1;
    }
    let mut common = 0.0;
    for text in found {
        if let Some(count) = counts.get_mut(&normal(text)).filter(|count| **count > 0) {
            *count -= 1;
            common += 1.0;
        }
    }
    if common == 0.0 {
        return 0.0;
    }
    let (precision, recall) = (common / expected.len() as f64, common / found.len() as f64);
    precision + recall + 2.0 * precision * recall / (precision + recall)
}

/// Space around a text does not count, nor whether it is null.
fn normal(text: &str) -> String {
    text.trim().to_owned()
}

/// The clean form: always quoted, with commas.
fn read_clean(path: &Path) -> Vec<Vec<String>> {
    let Ok(mut reader) = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_path(path)
    else {
        return Vec::new();
    };
    let row = |record: ::csv::StringRecord| record.iter().map(str::to_owned).collect();
    reader.records().flatten().map(row).collect()
}

/// Files whose rows are the objects of a JSON file beside them. One of them has a telephone number in its JSON that is
/// not in its csv: a text of digits may be another one. Line ends within values are taken as alike, for a checkout may
/// have changed those of the csv and not those that JSON escapes.
fn spectrum(folder: &Path) -> Figure {
    let mut wrong = Vec::new();
    let paths = sorted(&folder.join("csvs"));
    for path in &paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let json = fs::read(folder.join("json").join(format!("{name}.json"))).unwrap_or_default();
        let expected: serde_json::Value = serde_json::from_slice(&json).unwrap_or_default();
        let expected = match expected {
            serde_json::Value::Array(rows) => rows,
            row => vec![row],
        };
        if !load(path).is_some_and(|loaded| is_same(&expected, &loaded)) {
            wrong.push(name);
        }
    }
    Figure {
        name: "csv-spectrum files right, nothing declared".into(),
        value: (paths.len() - wrong.len()) as f64,
        target: Some(12.0),
        note: format!("of {}; wrong: {}", paths.len(), wrong.join(", ")),
    }
}

fn is_same(expected: &[serde_json::Value], loaded: &Loaded) -> bool {
    let is_value = |row: &serde_json::Value, name: &String, value: &String| {
        let wanted = row.get(name).and_then(serde_json::Value::as_str).unwrap_or("\0");
        let is_phone = |text: &str| text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit());
        wanted.replace("\r\n", "\n") == value.replace("\r\n", "\n") || (is_phone(wanted) && is_phone(value))
    };
    let is_row = |(row, values): (&serde_json::Value, &Vec<String>)| {
        row.as_object().is_some_and(|object| object.len() == values.len())
            && loaded
                .names
                .iter()
                .zip(values)
                .all(|(name, value)| is_value(row, name, value))
    };
    expected.len() == loaded.rows.len() && expected.iter().zip(&loaded.rows).all(is_row)
}
