//! Mends laid over the rows of a file while it lands. A row is mended if its number is the mend's and it says what it
//! said when the mend was made, whether it would be kept or rejected by itself. So the number of rows does not change,
//! and each mend takes part once or not at all.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::RAW_MAX_BYTES;
use super::mends::{FileMends, OWN_PREFIX};
use crate::keys::{digest, digest_of};

/// The mends of one file and what became of them.
pub struct Overlay<'a> {
    mends: &'a FileMends,
    /// Numbers of the rows that were mended, from the reader's last try on.
    applied: RefCell<Vec<u64>>,
}

impl<'a> Overlay<'a> {
    /// Nothing was mended yet.
    pub fn new(mends: &'a FileMends) -> Self {
        Self {
            mends,
            applied: RefCell::default(),
        }
    }

    /// The numbers of the rows that were mended.
    pub fn applied(&self) -> Vec<u64> {
        self.applied.borrow().clone()
    }
}

/// An overlay at work: one try of a reader to land the file.
pub(crate) struct Laying<'a> {
    overlay: &'a Overlay<'a>,
    /// The columns of the landing: those of the file, then those that only mends have.
    names: Vec<String>,
    applied: Vec<u64>,
}

impl<'a> Laying<'a> {
    /// A try with these columns of the file. An output that is shared with other files takes no more columns.
    pub(crate) fn new(overlay: &'a Overlay<'a>, columns: &[String], is_shared: bool) -> Self {
        let mut names = columns.to_vec();
        let mended = overlay.mends.values().flat_map(|mend| mend.fields.keys());
        for name in mended.filter(|_| !is_shared) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        Self {
            overlay,
            names,
            applied: Vec::new(),
        }
    }

    /// All columns of the landing.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether there is a mend for the row of this number.
    pub(crate) fn has(&self, number: u64) -> bool {
        self.overlay.mends.contains_key(&number)
    }

    /// The values that land in place of a row, for all columns; none if the mend was made for another row.
    pub(crate) fn over_row(&mut self, number: u64, values: &[Option<&str>]) -> Option<Vec<Option<String>>> {
        let fields = self.names.iter().map(String::as_str).zip(values.iter().copied());
        let was = was_of_fields(fields);
        self.over(number, &was, values)
    }

    /// The values that land in place of a reject.
    pub(crate) fn over_reject(&mut self, number: u64, raw: &[u8]) -> Option<Vec<Option<String>>> {
        self.over(number, &was_of_raw(raw), &[])
    }

    fn over(&mut self, number: u64, was: &str, values: &[Option<&str>]) -> Option<Vec<Option<String>>> {
        let mend = self.overlay.mends.get(&number).filter(|mend| mend.was == was)?;
        let mut mended: Vec<Option<String>> = values.iter().map(|value| value.map(str::to_owned)).collect();
        mended.resize(self.names.len(), None);
        for (name, value) in &mend.fields {
            let at = self.names.iter().position(|known| known == name)?;
            mended[at].clone_from(value);
        }
        self.applied.push(number);
        Some(mended)
    }

    /// The file is landed: what was mended is said. A try that is given up says nothing.
    pub(crate) fn done(self) {
        self.overlay.applied.replace(self.applied);
    }
}

/// What a reject at ingest said: the SHA-256 of its bytes, as far as they are kept.
pub fn was_of_raw(raw: &[u8]) -> String {
    digest(&raw[..raw.len().min(RAW_MAX_BYTES)])
}

/// What a landed row said: the SHA-256 of its fields as a JSON object, sorted by name, without nulls (a column that
/// another row brings changes nothing) and without names that start with `_`.
pub fn was_of_fields<'t>(fields: impl Iterator<Item = (&'t str, Option<&'t str>)>) -> String {
    let filled: BTreeMap<&str, &str> = fields
        .filter(|(name, _)| !name.starts_with(OWN_PREFIX))
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    digest_of(&filled)
}
