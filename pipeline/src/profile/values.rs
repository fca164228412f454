//! How often each value stands in a column.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::figures::TopValues;

/// Values of a profile: enough to see what a column holds, and to compare columns of few values whole.
const TOP_MAX: usize = 100;
/// Different numbers up to which a column of numbers is one of categories (ratings, priorities).
const NUMBER_CATEGORIES_MAX: usize = 20;
/// A value has this many rows on average where values are categories: fewer are names and ids.
const CATEGORY_ROWS_MIN: u64 = 4;
/// Different values of a column up to which all rows are counted by them.
pub(super) const CATEGORIES_MAX: u64 = 10_000;
/// Bytes kept of a value.
const KEPT_BYTES: usize = 512;
/// Characters shown of one.
const SHOWN_CHARS: usize = 80;

/// Counts by a hash of the value, so that memory depends on how many there are and not on how long they are. That two of
/// a million values share a hash of 64 bits has a chance of one in 40 million.
#[derive(Default)]
pub(super) struct Values {
    counts: HashMap<u64, (u64, Option<Box<str>>)>,
    counted: u64,
}

impl Values {
    /// Adds a value. What it is called is only asked for when it comes the second time.
    pub(super) fn add(&mut self, hash: u64, text: impl Fn() -> String) {
        self.counted += 1;
        let (count, name) = self.counts.entry(hash).or_default();
        *count += 1;
        if *count == 2 {
            let text = text();
            *name = Some(text[..text.floor_char_boundary(KEPT_BYTES)].into());
        }
    }

    /// Adds a text.
    pub(super) fn add_text(&mut self, text: &str) {
        self.add(hash_of(text), || {
            text[..text.floor_char_boundary(KEPT_BYTES)].to_owned()
        });
    }

    /// How many different ones.
    pub(super) fn distinct(&self) -> u64 {
        self.counts.len() as u64
    }
}

/// The hash that texts are counted by.
pub(super) fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Values with their counts, before they are masked.
pub(super) struct Counted {
    /// All values among which they were counted.
    pub(super) counted: u64,
    /// Those that stand there twice or more, the most frequent first.
    pub(super) repeated: Vec<(String, u64)>,
    /// Whether these and the single ones are few enough to be categories.
    pub(super) are_categories: bool,
}

impl Counted {
    /// The counts of a column.
    pub(super) fn of(values: Values, are_numbers: bool) -> Self {
        let distinct = values.counts.len();
        let most = if are_numbers { NUMBER_CATEGORIES_MAX } else { TOP_MAX };
        let counted = values.counted;
        let named = values.counts.into_values();
        let repeated = named
            .filter_map(|(count, name)| Some((name?.into_string(), count)))
            .collect();
        Self {
            counted,
            repeated,
            are_categories: distinct <= most && counted >= CATEGORY_ROWS_MIN * distinct as u64,
        }
    }

    /// Counts of all rows, by value.
    pub(super) fn of_all(counts: Vec<(String, u64)>, counted: u64) -> Self {
        let distinct = counts.len();
        let mut repeated = counts;
        repeated.retain(|(_, count)| *count > 1);
        repeated
            .iter_mut()
            .for_each(|(value, _)| value.truncate(value.floor_char_boundary(KEPT_BYTES)));
        Self {
            counted,
            repeated,
            are_categories: distinct <= TOP_MAX && counted >= CATEGORY_ROWS_MIN * distinct as u64,
        }
    }

    /// The most frequent ones as they may be shown. Values that look the same when masked are one.
    pub(super) fn masked(mut self, mask: &dyn Fn(&str) -> Option<String>) -> TopValues {
        sort(&mut self.repeated);
        self.repeated.truncate(TOP_MAX);
        let mut values: Vec<(String, u64)> = Vec::new();
        for (value, count) in self.repeated {
            let Some(shown) = mask(&value).map(|masked| cut(&masked)) else {
                continue;
            };
            match values.iter_mut().find(|(known, _)| *known == shown) {
                Some((_, known)) => *known += count,
                None => values.push((shown, count)),
            }
        }
        sort(&mut values);
        TopValues {
            counted: self.counted,
            values,
            whole: self.are_categories,
        }
    }
}

/// The most frequent first, equal ones by name.
fn sort(values: &mut [(String, u64)]) {
    values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
}

fn cut(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= SHOWN_CHARS {
        return line;
    }
    line.chars().take(SHOWN_CHARS - 1).chain(['…']).collect()
}
