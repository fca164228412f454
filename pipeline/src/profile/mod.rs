//! Profiles: what a table looks like, and how that changed since the last good run. A run keeps a cheap profile of every
//! table ([`Depth::RUN`]); `deskmill profile` looks closer ([`Depth::VERB`]) and writes a [`page`].
//!
//! [`measure`] takes row and null counts from the footers, the costly figures from sampled rows chosen by their numbers
//! alone, and, where asked, the figures of all rows with Polars. [`compare`] sets two profiles side by side.

mod change;
mod column;
mod compare;
mod distance;
mod drawings;
mod figures;
mod files;
mod page;
mod repeated;
mod spread;
#[cfg(test)]
mod tests;
mod texts;
mod values;
mod whole;
mod words;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use deskmill_models::text::pii::PiiRules;

use crate::error::{Error, Result};
use crate::keys::{Parts, key};

pub use change::{Baseline, ColumnChange, DISTANCE_MAX, TableChange};
pub use compare::compare;
pub(crate) use compare::unchanged;
pub use figures::{
    ColumnKind, ColumnProfile, Estimate, Histogram, Profile, Spread, TextProfile, TopValues, share, time_text,
};
pub use page::page;
pub use words::{glance, number_text, percent_text};

/// Changes when the same table would have another profile.
const FORMAT: &str = "1";

/// The folder of profiles under the work folder.
pub const STAGE: &str = "profiles";

/// How closely a table is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Rows on which quantiles, histograms, lengths and counts of values rest. At 200,000 the rank of a quantile is off by
    /// 0.1% (one standard error at most).
    pub rows: u64,
    /// Of these, rows on which languages, personal data and near-duplicates rest: they cost about 40 microseconds a text.
    pub text_rows: u64,
    /// Whether least, greatest, mean, distinct and duplicates rest on all rows.
    pub whole: bool,
}

impl Depth {
    /// In every run: enough to see that a table changed, in a second or so whatever its size.
    pub const RUN: Self = Self {
        rows: 50_000,
        text_rows: 5_000,
        whole: false,
    };
    /// When somebody asks.
    pub const VERB: Self = Self {
        rows: 200_000,
        text_rows: 20_000,
        whole: true,
    };
}

/// What is measured, and with what.
#[derive(Debug, Clone, Copy)]
pub struct ProfileRequest<'a> {
    /// The table, or `raw.SOURCE`.
    pub table: &'a str,
    /// Its Parquet files, in order of their rows.
    pub files: &'a [PathBuf],
    /// How closely.
    pub depth: Depth,
    /// Threads to use.
    pub threads: usize,
    /// Memory to use, in bytes.
    pub memory_max_bytes: u64,
}

/// The key of the profile that a run keeps of a table with this content.
pub fn key_of(content: &str) -> String {
    let sizes = format!("{FORMAT} {:?}", Depth::RUN);
    key(&Parts::from([
        ("table".into(), content.into()),
        ("format".into(), sizes),
    ]))
}

/// Measures a table.
///
/// # Errors
/// When a file cannot be read.
pub fn measure(request: &ProfileRequest<'_>) -> Result<Profile> {
    let files = files::Files::open(request.files)?;
    let depth = request.depth;
    let sample = files::Sample::of(files.rows, depth.rows, depth.text_rows);
    let rules = PiiRules::default();
    let mut columns = columns(&files, &sample, &rules, request.threads)?;
    let mut duplicates = None;
    if depth.whole {
        if whole::reads(&files) {
            whole::measure(&files, &mut columns, sample.rows() == files.rows, &rules)?;
        }
        // Half of it: what else is at work needs some too.
        duplicates = repeated::repeated(&files, request.memory_max_bytes / 2, request.threads)?;
    }
    Ok(Profile {
        table: request.table.to_owned(),
        rows: files.rows,
        duplicates,
        sampled_rows: sample.rows(),
        text_rows: sample.text_rows(),
        columns,
    })
}

/// All columns; a thread takes the next that nobody has taken.
fn columns(
    files: &files::Files,
    sample: &files::Sample,
    rules: &PiiRules,
    threads: usize,
) -> Result<Vec<ColumnProfile>> {
    let count = files.fields.len();
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<ColumnProfile>)>> = Mutex::new(Vec::with_capacity(count));
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return;
            }
            let measured = column::measure(files, at, sample, rules);
            done.lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .push((at, measured));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(count) {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter()
        .map(|(_, measured)| measured)
        .collect::<std::result::Result<_, Error>>()
}
