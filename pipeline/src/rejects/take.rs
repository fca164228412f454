//! From an edited export to mends: what was edited is found out by comparing it with the rejects as they stand. All
//! problems are told at once, and nothing is taken if there is one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use super::edited::{Edited, EditedRow};
use super::export::OWN_COLUMNS;
use super::known::{Known, id_of, know};
use super::landed::{Fields, Landed};
use super::mends::{Mend, Mends, OWN_PREFIX};
use super::{Outputs, Wanted};
use crate::error::{Error, Result};
use crate::project::Project;
use crate::score::Format;

/// The most problems that are told.
const PROBLEMS_MAX: usize = 50;

/// What was taken of an edited export.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Rows of the file.
    pub rows: u64,
    /// Mends of rows that had none.
    pub new: u64,
    /// Mends that now say something else.
    pub changed: u64,
}

/// Who mends, and when.
pub(super) struct By<'a> {
    pub(super) who: &'a str,
    pub(super) when: String,
}

/// A row as it stands, before the edits of the file.
struct Standing {
    mend: Mend,
    /// Its filled fields.
    fields: Fields,
}

/// Everything that edits are held against.
struct Desk<'a> {
    project: &'a Project,
    landed: Landed<'a>,
    mends: BTreeMap<&'a str, Mends>,
    columns: BTreeMap<&'a str, Vec<String>>,
    standing: BTreeMap<(String, String), Standing>,
}

/// Takes the edits of a file into the project's mends. The caller holds the lock of the project's runs.
///
/// # Errors
/// [`Error::Mends`] with all problems of the file; [`Error::File`] when it cannot be read or the mends not be written.
pub(super) fn take(project: &Project, landed: Landed<'_>, file: (&Path, Format), by: &By<'_>) -> Result<Taken> {
    let (path, format) = file;
    let edited = Edited::read(path, format)?;
    let mut desk = Desk::new(project, landed)?;
    desk.find_standing(&edited.rows, by)?;
    let mut problems = edited.problems;
    let mut taken = Taken {
        rows: edited.rows.len() as u64,
        ..Taken::default()
    };
    let mut made: BTreeMap<(String, String, u64), (u64, Mend)> = BTreeMap::new();
    for row in &edited.rows {
        match desk.mend(row, edited.is_csv) {
            Err(messages) => problems.extend(messages.into_iter().map(|message| (row.line, message))),
            Ok(None) => {}
            Ok(Some(mend)) => {
                let place = (row.source.clone(), mend.file.clone(), mend.number());
                match made.get(&place) {
                    Some((line, other)) if other.fields != mend.fields => problems.push((
                        row.line,
                        format!("the row is mended otherwise in line {line}; leave one of the two as it was"),
                    )),
                    _ => drop(made.insert(place, (row.line, mend))),
                }
            }
        }
    }
    if !problems.is_empty() {
        return Err(refused(path, problems));
    }
    let mut touched = BTreeSet::new();
    for ((source, ..), (_, mend)) in made {
        let Some(mends) = desk.mends.get_mut(source.as_str()) else {
            continue;
        };
        match mends.get(&mend.file, mend.number()) {
            None => taken.new += 1,
            Some(_) => taken.changed += 1,
        }
        mends.put(mend);
        touched.insert(source);
    }
    for source in &touched {
        if let Some(mends) = desk.mends.get(source.as_str()) {
            mends.write(project, source)?;
        }
    }
    Ok(taken)
}

fn refused(path: &Path, mut problems: Vec<(u64, String)>) -> Error {
    problems.sort_by_key(|(line, _)| *line);
    let told = problems
        .into_iter()
        .map(|(line, message)| format!("line {line}: {message}"));
    let mut problems: Vec<String> = told.collect();
    let more = problems.len().saturating_sub(PROBLEMS_MAX);
    problems.truncate(PROBLEMS_MAX);
    if more > 0 {
        problems.push(format!("and {more} more"));
    }
    Error::Mends {
        path: path.to_owned(),
        problems,
    }
}

impl<'a> Desk<'a> {
    fn new(project: &'a Project, landed: Landed<'a>) -> Result<Self> {
        let mut desk = Self {
            project,
            landed,
            mends: BTreeMap::new(),
            columns: BTreeMap::new(),
            standing: BTreeMap::new(),
        };
        for source in &project.sources {
            desk.mends.insert(&source.name, Mends::read(project, &source.name)?);
            desk.columns.insert(&source.name, landed.columns(&source.name)?);
        }
        Ok(desk)
    }

    /// Finds the rows that the file names: rejects as they stand, and rows that were mended before under that name.
    fn find_standing(&mut self, rows: &[EditedRow], by: &By<'_>) -> Result<()> {
        let named: BTreeSet<(&str, &str)> = rows.iter().map(|row| (row.source.as_str(), row.id.as_str())).collect();
        let wanted_rows: BTreeSet<i64> = rows.iter().filter_map(|row| row_of(&row.id)).collect();
        let mut rejects = Vec::new();
        let outputs = Outputs::of(self.landed.plan);
        outputs.each(self.landed.catalog, &Wanted::default(), |reject| {
            if wanted_rows.contains(&reject.row) {
                rejects.push(reject);
            }
            Ok(())
        })?;
        let mended: BTreeMap<&str, BTreeMap<String, BTreeSet<u64>>> = self
            .mends
            .keys()
            .map(|source| (*source, self.landed.mended(source)))
            .collect();
        let is_applied = |source: &str, mend: &Mend| {
            let of_file = mended.get(source).and_then(|files| files.get(&mend.file));
            of_file.is_some_and(|rows| rows.contains(&mend.number()))
        };
        for known in know(self.landed, rejects)? {
            let id = known.id();
            let source = known.reject.source.clone();
            if !named.contains(&(source.as_str(), id.as_str())) {
                continue;
            }
            let number = crate::sources::number_in_file(known.reject.row);
            let mends = self.mends.get(source.as_str());
            // A row that was mended and rejected again: its mend goes on from the row as it is in the file.
            let earlier = mends
                .and_then(|mends| mends.get(&known.reject.file, number))
                .filter(|mend| is_applied(&source, mend));
            let standing = standing_of(known, earlier, by);
            self.standing.insert((source, id), standing);
        }
        self.find_mended(rows, is_applied, by)
    }

    /// Rows that were mended under the name that the file has for them: the file is replayed once more.
    fn find_mended(&mut self, rows: &[EditedRow], is_applied: impl Fn(&str, &Mend) -> bool, by: &By<'_>) -> Result<()> {
        let mut names: BTreeMap<&str, BTreeMap<String, &Mend>> = BTreeMap::new();
        for (source, mends) in &self.mends {
            let of_source = mends.all().filter(|mend| is_applied(source, mend));
            names.insert(
                source,
                of_source.map(|mend| (id_of(mend.row, &mend.was), mend)).collect(),
            );
        }
        let mut found: Vec<((String, String), Mend)> = Vec::new();
        for row in rows {
            let place = (row.source.clone(), row.id.clone());
            let mend = names.get(row.source.as_str()).and_then(|names| names.get(&row.id));
            if let Some(mend) = mend.filter(|_| !self.standing.contains_key(&place)) {
                found.push((place, (*mend).clone()));
            }
        }
        let mut landed: BTreeMap<String, BTreeMap<i64, Fields>> = BTreeMap::new();
        for source in &self.project.sources {
            let of_source = found.iter().filter(|((name, _), _)| *name == source.name);
            let rows: BTreeSet<i64> = of_source.map(|(_, mend)| mend.row).collect();
            if !rows.is_empty() {
                landed.insert(source.name.clone(), self.landed.fields(&source.name, &rows)?);
            }
        }
        for (place, mut mend) in found {
            let fields = landed.get_mut(&place.0).and_then(|rows| rows.get(&mend.row)).cloned();
            mend.who = by.who.to_owned();
            mend.when.clone_from(&by.when);
            let fields = fields.unwrap_or_default();
            self.standing.insert(place, Standing { mend, fields });
        }
        Ok(())
    }

    /// The mend that a row of the file makes; none if nothing of it was edited. Or all that is wrong with it.
    fn mend(&self, row: &EditedRow, is_csv: bool) -> std::result::Result<Option<Mend>, Vec<String>> {
        let Some(columns) = self.columns.get(row.source.as_str()) else {
            return Err(vec![format!("there is no source `{}`", row.source)]);
        };
        let Some(standing) = self.standing.get(&(row.source.clone(), row.id.clone())) else {
            let message = "is no reject as the project stands: its row was changed or mended since, or is gone";
            return Err(vec![format!("`{}` {message}; export again", row.id)]);
        };
        let mut problems = Vec::new();
        let mut mend = standing.mend.clone();
        let mut is_edited = false;
        let mut bytes = 0;
        for (name, value) in row
            .fields
            .iter()
            .filter(|(name, _)| !OWN_COLUMNS.contains(&name.as_str()))
        {
            bytes += value.as_ref().map_or(0, String::len);
            if is_same(standing.fields.get(name), value.as_ref(), is_csv) {
                continue;
            }
            if name.starts_with(OWN_PREFIX) || !columns.contains(name) {
                problems.push(format!("source `{}` has no column `{name}`", row.source));
                continue;
            }
            if value.as_ref().is_some_and(|value| value.contains('\0')) {
                problems.push(format!("a NUL is in `{name}`"));
            }
            is_edited = true;
            mend.fields.insert(name.clone(), value.clone());
        }
        let row_max_bytes = self.project.limits.row_max_bytes;
        if is_edited && bytes > row_max_bytes {
            problems.push(format!(
                "the row has more than {row_max_bytes} bytes (`limits.row_max_bytes`)"
            ));
        }
        match problems.is_empty() {
            true => Ok(is_edited.then_some(mend)),
            false => Err(problems),
        }
    }
}

/// Whether a value is as it was. What a spreadsheet changes by itself is no edit: it cannot tell an empty text from none,
/// and may write other line ends.
fn is_same(before: Option<&String>, now: Option<&String>, is_csv: bool) -> bool {
    if !is_csv {
        return before == now;
    }
    let tidy = |value: Option<&String>| value.map_or_else(String::new, |value| value.replace("\r\n", "\n"));
    before == now || tidy(before) == tidy(now)
}

/// A reject without an edit yet.
fn standing_of(known: Known, earlier: Option<&Mend>, by: &By<'_>) -> Standing {
    let reject = &known.reject;
    let mend = Mend {
        row: reject.row,
        file: reject.file.clone(),
        line: reject.line,
        was: earlier.map_or_else(|| known.was.clone(), |mend| mend.was.clone()),
        fields: earlier.map(|mend| mend.fields.clone()).unwrap_or_default(),
        who: by.who.to_owned(),
        when: by.when.clone(),
    };
    Standing {
        mend,
        fields: known.fields,
    }
}

/// The `_row` in a reject's name.
fn row_of(id: &str) -> Option<i64> {
    i64::from_str_radix(id.split('-').next()?, 16).ok()
}
