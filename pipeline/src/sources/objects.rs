//! Lands rows that are objects. The columns are all names of the file in the order of their first appearance, which only
//! a whole pass over it can tell. Mostly its first rows have them all: they are held back until their names are known,
//! and the rest follows in the same pass. Where a later row brings a new name, the rest is read for names only and the
//! file is read once more: two passes at most, in bounded memory.

use std::collections::HashMap;
use std::ops::Range;

use super::LandRequest;
use super::columns::{COLUMNS_MAX, check_not_reserved, too_many};
use super::json_line::JsonLine;
use super::landing::{Fault, Landing};
use super::lines::Place;
use crate::error::Result;

/// Rows held back.
const HELD_ROWS: usize = 64 * 1024;
/// Text held back, give or take a row.
const HELD_BYTES: usize = 8 << 20;

/// One row of a file; its fields are in [`Objects::json`] until the next.
pub(super) struct Object {
    /// Where it starts.
    pub place: Place,
    /// Why it is rejected, with its raw bytes, cut.
    pub fault: Option<(Fault, Vec<u8>)>,
}

/// The rows of a file, one after the other.
pub(super) trait Objects {
    /// The next row; none at the end of the file.
    fn next(&mut self) -> Result<Option<Object>>;

    /// The fields of the last row, if it had no fault.
    fn json(&self) -> &JsonLine;
}

/// Lands all rows; `open` starts the file from its beginning. Gives the numbers of rows and rejects.
pub(super) fn land_objects<O: Objects>(request: &LandRequest<'_>, open: impl Fn() -> Result<O>) -> Result<(u64, u64)> {
    let mut columns = Columns::default();
    let mut objects = open()?;
    let mut held = Held::default();
    while !held.is_full()
        && let Some(object) = objects.next()?
    {
        columns.add_names(request, &object, objects.json())?;
        held.push(object, objects.json(), &columns);
    }
    let mut landing = Landing::create(request, &columns.names)?;
    held.land(&mut landing, columns.names.len())?;
    let Some(surprise) = land_rest(&mut landing, &mut objects, &columns)? else {
        return landing.close();
    };
    drop(landing);
    columns.add_names(request, &surprise, objects.json())?;
    while let Some(object) = objects.next()? {
        columns.add_names(request, &object, objects.json())?;
    }
    let mut landing = Landing::create(request, &columns.names)?;
    match land_rest(&mut landing, &mut open()?, &columns)? {
        None => landing.close(),
        // All names were known, so the file is another one by now.
        Some(_) => Err(request.changed()),
    }
}

/// Lands rows up to the end, or up to one with a new name, which it gives.
fn land_rest(landing: &mut Landing<'_>, objects: &mut impl Objects, columns: &Columns) -> Result<Option<Object>> {
    let mut values: Vec<Option<Range<usize>>> = vec![None; columns.names.len()];
    while let Some(object) = objects.next()? {
        if let Some((fault, raw)) = object.fault {
            landing.reject(object.place, raw, fault)?;
            continue;
        }
        let json = objects.json();
        values.fill(None);
        let mut guess = 0;
        for (name, value) in json.fields() {
            let Some(index) = columns.find(name, guess) else {
                return Ok(Some(object));
            };
            values[index] = value;
            guess = index + 1;
        }
        let texts = values.iter().map(|value| value.clone().map(|range| json.value(range)));
        landing.keep(object.place, texts)?;
    }
    Ok(None)
}

/// Names and their places.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    index: HashMap<String, usize>,
}

impl Columns {
    /// The place of a name. Rows mostly have their names in one order, so the one behind the last found is a good guess.
    fn find(&self, name: &str, guess: usize) -> Option<usize> {
        match self.names.get(guess) {
            Some(guessed) if guessed == name => Some(guess),
            _ => self.index.get(name).copied(),
        }
    }

    /// Takes in the names of a row that will be kept.
    fn add_names(&mut self, request: &LandRequest<'_>, object: &Object, json: &JsonLine) -> Result<()> {
        if object.fault.is_some() {
            return Ok(());
        }
        let mut guess = 0;
        for (name, _) in json.fields() {
            guess = 1 + match self.find(name, guess) {
                Some(index) => index,
                None => {
                    let line = Some(object.place.line);
                    check_not_reserved(request, name, line)?;
                    if self.names.len() == COLUMNS_MAX {
                        return Err(too_many(request, COLUMNS_MAX + 1, line));
                    }
                    self.names.push(name.to_owned());
                    self.index.insert(name.to_owned(), self.names.len() - 1);
                    self.names.len() - 1
                }
            };
        }
        Ok(())
    }
}

/// Rows that wait for the names of those behind them.
#[derive(Default)]
struct Held {
    rows: Vec<HeldRow>,
    /// The values of all rows: a column, and where in `text` its value is.
    values: Vec<(usize, Option<Range<usize>>)>,
    text: String,
    raw_bytes: usize,
}

struct HeldRow {
    object: Object,
    /// Its part of [`Held::values`].
    values: Range<usize>,
}

impl Held {
    fn is_full(&self) -> bool {
        let value_bytes = self.values.len() * size_of::<(usize, Option<Range<usize>>)>();
        self.rows.len() >= HELD_ROWS || self.text.len() + self.raw_bytes + value_bytes / 4 >= HELD_BYTES
    }

    /// Takes a row whose names the columns have.
    fn push(&mut self, object: Object, json: &JsonLine, columns: &Columns) {
        let from = self.values.len();
        if let Some((_, raw)) = &object.fault {
            self.raw_bytes += raw.len();
        } else {
            let mut guess = 0;
            for (name, value) in json.fields() {
                let index = columns.find(name, guess).unwrap_or_default();
                guess = index + 1;
                let value = value.map(|range| {
                    let from = self.text.len();
                    self.text.push_str(json.value(range));
                    from..self.text.len()
                });
                self.values.push((index, value));
            }
        }
        self.rows.push(HeldRow {
            object,
            values: from..self.values.len(),
        });
    }

    fn land(self, landing: &mut Landing<'_>, columns: usize) -> Result<()> {
        let mut texts: Vec<Option<&str>> = vec![None; columns];
        for row in self.rows {
            if let Some((fault, raw)) = row.object.fault {
                landing.reject(row.object.place, raw, fault)?;
                continue;
            }
            texts.fill(None);
            for (index, value) in &self.values[row.values] {
                texts[*index] = value.clone().map(|range| &self.text[range]);
            }
            landing.keep(row.object.place, texts.iter().copied())?;
        }
        Ok(())
    }
}
