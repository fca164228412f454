//! What a profile is: plain data, kept as JSON in the catalog and printed by the verb. No value of a row stands in it but
//! top values, and these are masked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a table looks like.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The table, or `raw.SOURCE`.
    pub table: String,
    /// All rows.
    pub rows: u64,
    /// Rows that equal an earlier one in every column of their own; none if nobody looked.
    pub duplicates: Option<Estimate>,
    /// The rows on which quantiles, histograms, lengths and most top values rest, spread evenly over the table.
    pub sampled_rows: u64,
    /// Of these, the rows on which languages, personal data and near-duplicates rest.
    pub text_rows: u64,
    /// Its columns, in order; deskmill's own (`_row`, `_file`, `_line`, `_offset`) are left out.
    pub columns: Vec<ColumnProfile>,
}

/// A number of things, counted or estimated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// How many.
    pub count: u64,
    /// Whether they were counted one by one.
    pub exact: bool,
}

/// What a column holds, as far as a profile minds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Whole or decimal numbers.
    Number,
    /// Dates and timestamps.
    Time,
    /// True or false.
    Boolean,
    /// Texts of any length.
    #[default]
    Text,
    /// Lists, structs, bytes: only counted.
    Other,
}

/// What one column looks like. `count + nulls` is the number of rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Its name.
    pub name: String,
    /// Its type, in Arrow's words.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What that means here.
    pub kind: ColumnKind,
    /// Rows with a value.
    pub count: u64,
    /// Rows without.
    pub nulls: u64,
    /// Different values; none where nobody could tell.
    pub distinct: Option<Estimate>,
    /// For numbers. Withheld if they read as personal data.
    pub numbers: Option<Spread>,
    /// For times, in seconds since 1970 UTC; written as RFC 3339.
    #[serde(with = "as_times")]
    pub times: Option<Spread>,
    /// For numbers and times (seconds), as far as their spread is shown.
    pub histogram: Option<Histogram>,
    /// The most frequent values, masked; those that stand there once are left out.
    pub top: Option<TopValues>,
    /// For texts.
    pub text: Option<TextProfile>,
    /// Cells with personal data by its type, of [`Self::searched`] ones.
    pub personal: BTreeMap<String, u64>,
    /// Cells that were searched for personal data.
    pub searched: u64,
}

/// How numbers are spread. Least, greatest and mean rest on all rows where the whole table was read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// A twentieth is not above this.
    pub p5: f64,
    /// A quarter.
    pub p25: f64,
    /// The median.
    pub p50: f64,
    /// Three quarters.
    pub p75: f64,
    /// All but a twentieth.
    pub p95: f64,
    /// The greatest.
    pub max: f64,
    /// The arithmetic mean.
    pub mean: f64,
    /// The percentiles from 0 to 100, by which profiles are compared; empty if there was nothing to take them from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub percentiles: Vec<f64>,
}

/// Counts of sampled values between edges that are round numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// The first edge.
    pub from: f64,
    /// From one edge to the next.
    pub step: f64,
    /// The values from each edge to the next.
    pub counts: Vec<u64>,
    /// Values before the first edge, left out where a few would squeeze all others into one bar.
    pub below: u64,
    /// Values behind the last edge, likewise.
    pub above: u64,
}

/// The most frequent values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TopValues {
    /// The values among which they were counted.
    pub counted: u64,
    /// Value, masked and cut, and how often it stands there; the most frequent first.
    pub values: Vec<(String, u64)>,
    /// Whether the column has so few values, each so often, that they are categories by which profiles are compared.
    pub whole: bool,
}

/// What the texts of a column look like.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TextProfile {
    /// Their lengths, in characters.
    pub lengths: Spread,
    /// How they are spread.
    pub length_histogram: Option<Histogram>,
    /// Sampled texts that are empty or only white space.
    pub blank: u64,
    /// Sampled texts that read as a number.
    pub read_as_number: u64,
    /// Sampled texts that read as a date or a timestamp.
    pub read_as_time: u64,
    /// Sampled texts, of which the three above are some.
    pub sampled: u64,
    /// Texts by language (ISO 639), the most frequent first; `none` where nothing speaks for one.
    pub languages: Vec<(String, u64)>,
    /// Texts whose words another one before them has too, numbers and signs aside.
    pub near_duplicates: u64,
    /// The texts on which languages and near-duplicates rest.
    pub examined: u64,
}

impl Profile {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&ColumnProfile> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether the sample is the whole table.
    pub fn is_whole(&self) -> bool {
        self.sampled_rows == self.rows
    }
}

impl ColumnProfile {
    /// The share of rows without a value, 0 to 1.
    pub fn null_share(&self) -> f64 {
        share(self.nulls, self.nulls + self.count)
    }
}

impl Histogram {
    /// The edges of a bar.
    pub fn edges(&self, bar: usize) -> (f64, f64) {
        let edge = |at: usize| self.from + self.step * at as f64;
        (edge(bar), edge(bar + 1))
    }
}

/// A part of a whole, 0 to 1; 0 of nothing.
pub fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Seconds since 1970 as RFC 3339, to the microsecond; empty outside the years that it can write.
pub fn time_text(seconds: f64) -> String {
    let micros = (seconds * 1e6).round();
    if micros.abs() > 9e18 {
        return String::new();
    }
    jiff::Timestamp::from_microsecond(micros as i64).map_or_else(|_| String::new(), |time| time.to_string())
}

/// Spreads of times as texts.
mod as_times {
    use std::collections::BTreeMap;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::{Spread, time_text};

    pub(super) fn serialize<S: Serializer>(spread: &Option<Spread>, to: S) -> Result<S::Ok, S::Error> {
        let texts = spread.as_ref().map(|spread| {
            let points = [
                spread.min,
                spread.p5,
                spread.p25,
                spread.p50,
                spread.p75,
                spread.p95,
                spread.max,
                spread.mean,
            ];
            NAMES.into_iter().zip(points.map(time_text)).collect::<BTreeMap<_, _>>()
        });
        texts.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Spread>, D::Error> {
        let texts = Option::<BTreeMap<String, String>>::deserialize(from)?;
        Ok(texts.map(|texts| {
            let point = |name: &str| {
                let time = texts.get(name).and_then(|text| text.parse::<jiff::Timestamp>().ok());
                time.map_or(0.0, |time| time.as_microsecond() as f64 / 1e6)
            };
            let [min, p5, p25, p50, p75, p95, max, mean] = NAMES.map(point);
            Spread {
                min,
                p5,
                p25,
                p50,
                p75,
                p95,
                max,
                mean,
                percentiles: Vec::new(),
            }
        }))
    }

    const NAMES: [&str; 8] = ["min", "p5", "p25", "p50", "p75", "p95", "max", "mean"];
}
