//! Tells the dialect of a delimited file from its start. Every candidate is read and scored: records that agree on their
//! number of fields, times cells that look like values (van den Burg, Nazabal and Sutton, "Wrangling messy CSV files by
//! detecting row and type patterns", 2019), times quotes that stand where quotes stand. Nothing is random: one text, one
//! dialect. Where the evidence is thin it stays with RFC 4180.

use super::dialect::{Dialect, Inner};
use super::kinds::{ColumnKind, Kind};
use super::sample::{Cell, Record, Sample};

/// Characters that delimit fields in most files, and how readily each is believed.
const USUAL: [(u8, f64); 4] = [(b',', 1.0), (b'\t', 1.0), (b';', 1.0), (b'|', 1.0)];
/// Characters that also stand in values: much has to speak for them.
const DOUBTFUL: [(u8, f64); 2] = [(b' ', 0.8), (b':', 0.7)];
/// Characters that delimit fields in few files.
const RARE: &[u8] = b"^~#&!*@$+\x01\x02\x1c\x1d\x1e\x1f";
/// Records that are scored cell by cell.
const SCORED_RECORDS_MAX: usize = 200;

/// The dialect that makes most sense of a sample; [`Dialect::PLAIN`] if none clearly does.
pub(super) fn tell(sample: &Sample<'_>, delimiter: Option<u8>) -> Dialect {
    let mut best = (0.0, Dialect::PLAIN);
    if delimiter.is_none() && is_one_column(sample) {
        return Dialect::PLAIN;
    }
    let signs = Signs::of(sample);
    for (byte, belief) in delimiters(sample, delimiter) {
        for dialect in signs.dialects(byte) {
            let Some(records) = sample.records(dialect, 0) else {
                continue;
            };
            let Some(score) = score(&records, dialect, sample) else {
                continue;
            };
            // A later candidate has to be better, not as good: the plainest come first.
            let score = score * belief * readiness(dialect);
            if score > best.0 + 1e-9 {
                best = (score, dialect);
            }
        }
    }
    best.1
}

/// How readily odd quotes are believed: one stray quote in a file is a slip in a row, not another dialect.
fn readiness(dialect: Dialect) -> f64 {
    match (dialect.quote, dialect.inner) {
        (None, _) => 0.9,
        (_, Inner::Bare) => 0.97,
        _ => 1.0,
    }
}

/// Whether the lines are values as they are.
fn is_one_column(sample: &Sample<'_>) -> bool {
    let lines = || {
        sample
            .lines
            .iter()
            .map(|(line, _)| line.trim())
            .filter(|line| !line.is_empty())
    };
    let known = lines().skip(1).filter(|line| Kind::of(line).is_some()).count();
    let all = lines().skip(1).count();
    all > 0 && known * 10 >= all * 9
}

/// Characters that may delimit the fields, and how readily each is believed.
fn delimiters(sample: &Sample<'_>, declared: Option<u8>) -> Vec<(u8, f64)> {
    if let Some(declared) = declared {
        return vec![(declared, 1.0)];
    }
    let lines: Vec<&[u8]> = sample
        .lines
        .iter()
        .map(|(line, _)| line.as_bytes())
        .filter(|line| !line.is_empty())
        .collect();
    let lines_with = |byte: u8| lines.iter().take(500).filter(|line| line.contains(&byte)).count();
    let most = lines.len().min(500);
    let usual = USUAL.into_iter().filter(|(byte, _)| lines_with(*byte) > 0);
    let doubtful = DOUBTFUL.into_iter().filter(|(byte, _)| lines_with(*byte) * 2 >= most);
    let rare = RARE
        .iter()
        .filter(|&&byte| most >= 5 && lines_with(byte) * 10 >= most * 9);
    usual.chain(doubtful).chain(rare.map(|&byte| (byte, 0.7))).collect()
}

/// Which quotes and escapes the sample has at all.
struct Signs {
    has_apostrophes: bool,
    has_backslashes: bool,
    has_quotes: bool,
    text: String,
}

impl Signs {
    fn of(sample: &Sample<'_>) -> Self {
        let text: String = sample.lines.iter().flat_map(|(line, end)| [*line, *end]).collect();
        Self {
            has_apostrophes: text.contains('\''),
            has_backslashes: text.contains("\\\"") || text.contains("\\'"),
            has_quotes: text.contains('"'),
            text,
        }
    }

    /// The dialects with a delimiter that are worth a look, the plainest first.
    fn dialects(&self, delimiter: u8) -> Vec<Dialect> {
        let mut all = Vec::new();
        let marks = [
            (Some(b'"'), true),
            (Some(b'\''), self.has_apostrophes),
            (None, self.has_quotes),
        ];
        for (quote, _) in marks.into_iter().filter(|(_, is_there)| *is_there) {
            let mut inners = vec![Inner::Doubled];
            if let Some(mark) = quote {
                if self.has_backslashes && self.text.contains(&format!("\\{}", char::from(mark))) {
                    inners.push(Inner::Escaped(b'\\'));
                }
                if self.may_be_bare(mark, delimiter) {
                    inners.push(Inner::Bare);
                }
            }
            for inner in inners {
                all.push(Dialect {
                    delimiter,
                    quote,
                    inner,
                    is_padded: false,
                });
            }
        }
        if self.is_padded(delimiter) {
            all.extend(all.clone().into_iter().map(|dialect| Dialect {
                is_padded: true,
                ..dialect
            }));
        }
        all
    }

    /// Whether quotes stand within text and none is doubled there.
    fn may_be_bare(&self, mark: u8, delimiter: u8) -> bool {
        let bytes = self.text.as_bytes();
        let is_edge = |byte: Option<&u8>| byte.is_none_or(|&byte| byte == delimiter || matches!(byte, b'\n' | b'\r'));
        let at = |place: usize| bytes.get(place);
        let mut is_within = false;
        for (place, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == mark) {
            let before = place.checked_sub(1).and_then(at);
            let behind = at(place + 1);
            // `""` with text on both sides.
            let is_doubled = behind == Some(&mark)
                && before.is_some_and(|&byte| byte != mark)
                && !is_edge(before)
                && !is_edge(at(place + 2))
                && at(place + 2) != Some(&mark);
            if is_doubled {
                return false;
            }
            is_within |= !is_edge(before) && !is_edge(behind);
        }
        is_within
    }

    /// Whether a space stands behind nearly every delimiter (for a space: whether there are many in a row).
    fn is_padded(&self, delimiter: u8) -> bool {
        let bytes = self.text.as_bytes();
        let pairs = bytes
            .windows(2)
            .filter(|pair| pair[0] == delimiter && !matches!(pair[1], b'\n' | b'\r'));
        let all = pairs.clone().count();
        let padded = pairs.filter(|pair| pair[1] == b' ').count();
        let share = if delimiter == b' ' { 3 } else { 9 };
        all > 0 && padded * 10 >= all * share
    }
}

/// How much sense a dialect makes of the records; none if it is not to be believed at all.
fn score(records: &[Record], dialect: Dialect, sample: &Sample<'_>) -> Option<f64> {
    let width = width(records)?;
    let rows: Vec<&Record> = records
        .iter()
        .filter(|record| is_row(record, width))
        .take(SCORED_RECORDS_MAX)
        .collect();
    let count = records.iter().filter(|record| is_row(record, width)).count();
    let consistency = count as f64 / records.len() as f64;
    let quotes = Quotes::of(&rows, dialect);
    if width < 2 {
        return None;
    }
    let cells = rows.iter().flat_map(|row| &row.cells);
    let all = rows.len() * width;
    let quality = cells.map(|cell| quality(cell, dialect)).sum::<f64>() / all as f64;
    let fit = quotes.fit(sample);
    if !is_believable(dialect, &rows, records.len(), consistency, &quotes) {
        return None;
    }
    let width = width as f64;
    Some(consistency * quality * fit * width / (width + 1.0))
}

fn is_row(record: &Record, width: usize) -> bool {
    !record.is_broken && record.cells.len() == width
}

/// The number of fields that most records have; of two, the greater.
pub(super) fn width(records: &[Record]) -> Option<usize> {
    let mut counts = std::collections::BTreeMap::new();
    for record in records.iter().filter(|record| !record.is_broken) {
        *counts.entry(record.cells.len()).or_insert(0_usize) += 1;
    }
    counts
        .into_iter()
        .max_by_key(|&(width, count)| (count, width))
        .map(|(width, _)| width)
}

/// How much a cell looks like a value that was written as one: 0 to 1.
fn quality(cell: &Cell, dialect: Dialect) -> f64 {
    let text = cell.text.as_str();
    if cell.is_quoted {
        return 0.95;
    }
    let inner = text.trim();
    if inner.is_empty() {
        return 0.8;
    }
    if text.contains('\t') || text.contains(|sign: char| sign.is_control()) {
        return 0.1;
    }
    if inner.contains('"') {
        // Inches, or a quoted cell that was cut.
        return if inner.starts_with('"') || inner.ends_with('"') {
            0.1
        } else {
            0.4
        };
    }
    if inner.len() > 1 && inner.starts_with('\'') && inner.ends_with('\'') {
        return 0.3;
    }
    if inner.len() < text.len() {
        return 0.6;
    }
    if Kind::of(text).is_some() {
        return 1.0;
    }
    let has_other = |sign: &u8| *sign != dialect.delimiter && text.as_bytes().contains(sign);
    if b",;|".iter().any(has_other) { 0.5 } else { 0.8 }
}

/// Quotes of the rows, and which of them stand around a field.
struct Quotes {
    /// Fields within quotes.
    fields: usize,
    mark: Option<u8>,
}

impl Quotes {
    fn of(rows: &[&Record], dialect: Dialect) -> Self {
        let fields = rows
            .iter()
            .flat_map(|row| &row.cells)
            .filter(|cell| cell.is_quoted)
            .count();
        Self {
            fields,
            mark: dialect.quote,
        }
    }

    /// The share of the sample's double quotes that look like quotes and are taken as such.
    fn fit(&self, sample: &Sample<'_>) -> f64 {
        if self.mark == Some(b'"') && self.fields > 0 {
            return 1.0;
        }
        // Lines that start or end a field with a quote, seen with any delimiter.
        let opens = |line: &str| {
            let bytes = line.as_bytes();
            bytes
                .windows(2)
                .filter(|two| two[0] == b'"' && two[1].is_ascii_punctuation() && two[1] != b'.')
                .count()
        };
        let seen: usize = sample
            .lines
            .iter()
            .take(SCORED_RECORDS_MAX)
            .map(|(line, _)| opens(line))
            .sum();
        let lines = sample.lines.len().min(SCORED_RECORDS_MAX);
        if seen * 2 > lines && self.mark == Some(b'"') {
            0.5
        } else {
            1.0
        }
    }
}

/// Whether there is enough to speak for a dialect that is not the plain one.
fn is_believable(dialect: Dialect, rows: &[&Record], records: usize, consistency: f64, quotes: &Quotes) -> bool {
    let width = rows.first().map_or(0, |row| row.cells.len());
    if USUAL.iter().any(|(byte, _)| *byte == dialect.delimiter) {
        return rows.len() >= 2 || dialect.delimiter == b',';
    }
    let typed = (0..width).filter(|&column| {
        let values = rows
            .iter()
            .skip(1)
            .filter_map(|row| row.cells.get(column))
            .map(|cell| cell.text.as_str());
        ColumnKind::of(values).kind.is_some()
    });
    let typed = typed.count();
    let has_quotes = quotes.fields >= 10 && quotes.fields >= rows.len();
    let is_even = consistency >= 0.95;
    if DOUBTFUL.iter().any(|(byte, _)| *byte == dialect.delimiter) {
        return width >= 3 && rows.len() >= 3 && typed >= 1 && (is_even || (has_quotes && typed >= 2));
    }
    width >= 3 && records >= 5 && is_even
}
