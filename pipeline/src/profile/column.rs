//! One column, measured on sampled rows: what it holds decides how.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use deskmill_models::text::pii::{PiiRules, PiiType};

use super::figures::{ColumnKind, ColumnProfile, Estimate, share};
use super::files::{Files, Sample};
use super::spread::{histogram, spread};
use super::texts::Texts;
use super::values::{Counted, Values, hash_of};
use crate::error::Result;
use crate::rejects::write_error;

/// From this share of cells on that read as personal data, numbers are such data and are not shown.
const PERSONAL_SHARE_MIN: f64 = 0.01;

/// From this share of cells on a column is one of personal data, and a value that does not read so may be one that the
/// rules do not know: a name, most of all.
const PERSONAL_COLUMN_SHARE_MIN: f64 = 0.1;

/// Different texts whose findings are remembered: columns of few values are searched once a value.
const REMEMBERED_MAX: usize = 10_000;

/// What a column of this type holds.
pub(super) fn kind_of(data_type: &DataType) -> ColumnKind {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ColumnKind::Text,
        DataType::Boolean => ColumnKind::Boolean,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => ColumnKind::Time,
        other if other.is_numeric() => ColumnKind::Number,
        _ => ColumnKind::Other,
    }
}

/// Measures the column in this place.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn measure(files: &Files, at: usize, sample: &Sample, rules: &PiiRules) -> Result<ColumnProfile> {
    let field = &files.fields[at];
    let nulls = files.nulls(field)?;
    let mut profile = ColumnProfile {
        name: field.name().clone(),
        type_name: field.data_type().to_string(),
        kind: kind_of(field.data_type()),
        count: files.rows - nulls,
        nulls,
        ..ColumnProfile::default()
    };
    let mut taken = Taken::new(field.name(), rules);
    if profile.kind != ColumnKind::Other && profile.count > 0 {
        let every = sample.text_every;
        files.read(field, sample, &mut |first, array| {
            let failed = |e| write_error(files.paths().next().unwrap_or_else(|| "".as_ref()), e);
            let examined = |row: usize| (first + row as u64).is_multiple_of(every);
            taken.take(profile.kind, array, &examined).map_err(failed)
        })?;
    }
    let is_whole = sample.rows() == files.rows;
    taken.finish(&mut profile, is_whole);
    Ok(profile)
}

/// What was taken of a column so far.
struct Taken<'a> {
    personal: Personal<'a>,
    numbers: Vec<f64>,
    values: Values,
    texts: Texts,
}

impl<'a> Taken<'a> {
    fn new(column: &str, rules: &'a PiiRules) -> Self {
        Self {
            personal: Personal::new(column, rules),
            numbers: Vec::new(),
            values: Values::default(),
            texts: Texts::default(),
        }
    }

    fn take(
        &mut self,
        kind: ColumnKind,
        array: &ArrayRef,
        examined: &dyn Fn(usize) -> bool,
    ) -> std::result::Result<(), arrow::error::ArrowError> {
        let rows = (0..array.len()).filter(|row| array.is_valid(*row));
        match kind {
            ColumnKind::Number => {
                // Whole numbers keep all their digits where they are written out.
                let exact = array
                    .data_type()
                    .is_integer()
                    .then(|| cast(array, &DataType::Int64))
                    .transpose()?;
                let numbers = cast(array, &DataType::Float64)?;
                let numbers = numbers.as_primitive::<Float64Type>();
                for row in rows.filter(|row| numbers.is_valid(*row) && numbers.value(*row).is_finite()) {
                    let number = numbers.value(row);
                    let text = || match exact.as_ref().map(|exact| exact.as_primitive::<Int64Type>()) {
                        Some(exact) if exact.is_valid(row) => exact.value(row).to_string(),
                        _ => number.to_string(),
                    };
                    self.numbers.push(number);
                    self.values.add(number.to_bits(), text);
                    if examined(row) {
                        self.personal.search(&text());
                    }
                }
            }
            ColumnKind::Time => {
                let times = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
                let times = times.as_primitive::<TimestampMicrosecondType>();
                // A time beyond the microseconds of 64 bits has become null.
                for row in rows.filter(|row| times.is_valid(*row)) {
                    self.numbers.push(times.value(row) as f64 / 1e6);
                    self.values.add(times.value(row).cast_unsigned(), String::new);
                }
            }
            ColumnKind::Boolean => {
                let values = array.as_boolean();
                for row in rows {
                    let value = values.value(row);
                    self.values.add(u64::from(value), || value.to_string());
                }
            }
            ColumnKind::Text => {
                let texts = cast(array, &DataType::Utf8)?;
                let texts = texts.as_string::<i32>();
                for row in rows {
                    let text = texts.value(row);
                    self.values.add_text(text);
                    self.texts.add(text);
                    if examined(row) {
                        self.texts.examine(text);
                        self.personal.search(text);
                    }
                }
            }
            ColumnKind::Other => {}
        }
        Ok(())
    }

    fn finish(mut self, profile: &mut ColumnProfile, is_whole: bool) {
        profile.searched = self.personal.searched;
        if profile.kind == ColumnKind::Other {
            return;
        }
        profile.distinct = is_whole.then(|| Estimate {
            count: self.values.distinct(),
            exact: true,
        });
        let is_time = profile.kind == ColumnKind::Time;
        let figures = spread(&mut self.numbers);
        if is_time {
            profile.times = figures;
            profile.histogram = histogram(&self.numbers, true);
        } else if let Some(figures) = figures.filter(|figures| !self.personal.are_numbers(&shown(figures))) {
            profile.numbers = Some(figures);
            profile.histogram = histogram(&self.numbers, false);
        }
        if !is_time {
            let counted = Counted::of(self.values, profile.kind == ColumnKind::Number);
            profile.top = Some(counted.masked(&|value| self.personal.masked(value)));
        }
        if profile.kind == ColumnKind::Text {
            profile.text = self.texts.finish();
        }
        profile.personal = self.personal.cells;
    }
}

/// The numbers of a spread that are values of rows.
pub(super) fn shown(spread: &super::figures::Spread) -> Vec<f64> {
    let mut all = spread.percentiles.clone();
    all.extend([spread.min, spread.max]);
    all
}

/// What a search for personal data found. The name of the column stands before each value, as a word that says what it is.
pub(super) struct Personal<'a> {
    rules: &'a PiiRules,
    before: String,
    cells: BTreeMap<String, u64>,
    searched: u64,
    found: u64,
    remembered: HashMap<u64, Vec<PiiType>>,
}

/// Bytes of a cell that are searched: personal data stand anywhere, but a cell of megabytes is a dump.
const SEARCHED_BYTES_MAX: usize = 64 * 1024;

impl<'a> Personal<'a> {
    pub(super) fn new(column: &str, rules: &'a PiiRules) -> Self {
        Self {
            rules,
            before: format!("{}: ", column.replace('_', " ")),
            cells: BTreeMap::new(),
            searched: 0,
            found: 0,
            remembered: HashMap::new(),
        }
    }

    fn in_context(&self, text: &str) -> String {
        format!(
            "{}{}",
            self.before,
            &text[..text.floor_char_boundary(SEARCHED_BYTES_MAX)]
        )
    }

    fn search(&mut self, text: &str) {
        self.searched += 1;
        let hash = hash_of(text);
        let kinds = self.remembered.get(&hash).cloned().unwrap_or_else(|| {
            let spans = self.rules.find(&self.in_context(text));
            let kinds: BTreeSet<PiiType> = spans.iter().map(|span| span.kind).collect();
            kinds.into_iter().collect()
        });
        self.found += u64::from(!kinds.is_empty());
        for kind in &kinds {
            *self.cells.entry(kind.name().to_owned()).or_default() += 1;
        }
        if self.remembered.len() < REMEMBERED_MAX {
            self.remembered.insert(hash, kinds);
        }
    }

    /// Whether numbers of this column are personal data: enough cells read so, or one that would be shown does.
    fn are_numbers(&self, shown: &[f64]) -> bool {
        share(self.found, self.searched) >= PERSONAL_SHARE_MIN || self.reads_one(shown)
    }

    /// Whether one of these numbers reads as personal data.
    pub(super) fn reads_one(&self, shown: &[f64]) -> bool {
        shown
            .iter()
            .any(|number| !self.rules.find(&self.in_context(&number.to_string())).is_empty())
    }

    /// A value as it may be shown; none if it may not, though it does not read as personal data itself.
    pub(super) fn masked(&self, value: &str) -> Option<String> {
        let text = self.in_context(value);
        let masked = self.rules.mask(&text);
        // What is before it may itself be part of something personal, though no name of a column should be.
        let shown = masked
            .strip_prefix(&self.before)
            .map_or_else(|| self.rules.mask(value).into_owned(), str::to_owned);
        let is_personal_column = share(self.found, self.searched) >= PERSONAL_COLUMN_SHARE_MIN;
        (!is_personal_column || shown != value).then_some(shown)
    }
}
