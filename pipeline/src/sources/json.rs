//! JSON documents, read element by element in bounded memory. The rows are the objects of an array: the document itself,
//! the array that `items` names, or the one array of objects in it (its first element that is not null tells). An object that has none is one row. What holds no
//! objects lands in one column, `value`: the elements of an array of scalars, a scalar, and an object whose names cannot
//! be columns. Objects may also follow each other, each starting on a line of its own.
//!
//! What stands around the rows is checked and left out. A document that breaks keeps the rows before; the rest is one
//! reject.

mod content;
mod elements;
mod walker;

use content::Content;
use elements::Elements;
use walker::{Step, Walker};

use super::LandRequest;
use super::objects::land_objects;
use crate::error::{Error, Result};

/// Reads a JSON document; gives the numbers of rows and rejects.
pub(super) fn land(request: &LandRequest<'_>, progress: &dyn Fn(u64)) -> Result<(u64, u64)> {
    let told = std::cell::Cell::new(0);
    // What is read twice is not told twice.
    let forward = |read_bytes: u64| {
        if read_bytes > told.replace(told.get().max(read_bytes)) {
            progress(read_bytes);
        }
    };
    let shape = find_rows(request)?;
    land_objects(request, || Elements::open(request, &shape, &forward))
}

/// Where the rows of a document are.
#[derive(Debug, Default)]
struct Shape {
    /// The names that lead to the array or object; none for the document itself.
    path: Vec<String>,
    /// Whether that array holds no objects, by its first element that is not null.
    is_of_values: bool,
}

/// An array that no other is around.
struct Array {
    path: Vec<String>,
    /// Whether its first element that is not null is an object; unknown while there is none.
    is_of_objects: Option<bool>,
}

/// Looks through the document, no further than is needed to tell where its rows are.
fn find_rows(request: &LandRequest<'_>) -> Result<Shape> {
    let items: Option<Vec<String>> = request
        .read
        .items
        .as_ref()
        .map(|items| items.split('.').map(str::to_owned).collect());
    let mut walker = Walker::new(Content::open(request, &|_| {})?);
    let mut arrays: Vec<Array> = Vec::new();
    let mut is_found = false;
    let is_whole = loop {
        match walker.next()? {
            Step::Nothing => return Err(request.empty()),
            Step::Behind { .. } => break true,
            Step::Broken(_) => break false,
            Step::Value(first) => {
                let path = walker.path();
                let is_target = items.as_deref() == Some(path);
                is_found |= is_target;
                if walker.is_in_array() {
                    let Some(array) = arrays.last_mut() else { break false };
                    if first != b'n' {
                        let is_enough = items.is_some() || array.path.is_empty();
                        if is_enough && array.is_of_objects.is_none() {
                            array.is_of_objects = Some(first == b'{');
                            break true;
                        }
                        array.is_of_objects.get_or_insert(first == b'{');
                    }
                    walker.skip()?;
                } else if !walker.may_enter() {
                    walker.skip()?;
                } else if first == b'[' && (items.is_none() || is_target) {
                    arrays.push(Array {
                        path: path.to_vec(),
                        is_of_objects: None,
                    });
                    walker.enter();
                } else if first == b'{' && !is_target && items.as_deref().is_none_or(|items| items.starts_with(path)) {
                    walker.enter();
                } else {
                    walker.skip()?;
                }
            }
        }
    };
    match items {
        Some(path) if !is_found && is_whole => Err(no_items(request, &path)),
        Some(path) => Ok(Shape {
            is_of_values: arrays.iter().all(|array| array.is_of_objects != Some(true)),
            path,
        }),
        None => the_one(request, arrays),
    }
}

/// The array of objects that the fewest names lead to, if it is one.
fn the_one(request: &LandRequest<'_>, arrays: Vec<Array>) -> Result<Shape> {
    if let Some(whole) = arrays.iter().find(|array| array.path.is_empty()) {
        return Ok(Shape {
            path: Vec::new(),
            is_of_values: whole.is_of_objects != Some(true),
        });
    }
    let mut paths: Vec<Vec<String>> = arrays
        .into_iter()
        .filter_map(|array| (array.is_of_objects == Some(true)).then_some(array.path))
        .collect();
    let nearest = paths.iter().map(Vec::len).min().unwrap_or_default();
    paths.retain(|path| path.len() == nearest);
    paths.dedup();
    match paths.as_slice() {
        [] => Ok(Shape::default()),
        [path] => Ok(Shape {
            path: path.clone(),
            is_of_values: false,
        }),
        [first, ..] => {
            let names: Vec<String> = paths
                .iter()
                .take(5)
                .map(|path| format!("`{}`", path.join(".")))
                .collect();
            let message = format!("{} arrays in it hold objects: {}", paths.len(), names.join(", "));
            let hint = format!("say which holds the rows: `items = \"{}\"`", first.join("."));
            Err(request.wrong(None, message, hint))
        }
    }
}

fn no_items(request: &LandRequest<'_>, path: &[String]) -> Error {
    let message = format!("there is no `{}` in it", path.join("."));
    let hint = "`items` names the way to the rows from the top of the document, with dots between the names";
    request.wrong(None, message, hint)
}
