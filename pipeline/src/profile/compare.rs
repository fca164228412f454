//! Two profiles of a table, side by side. A change counts only if it is large enough to matter and too large for chance:
//! profiles rest on samples, and small tables are samples of what might have been.

use super::change::{ColumnChange, TableChange};
use super::distance::Pair;
use super::figures::{ColumnProfile, Profile, TextProfile, TopValues, share};

/// A column whose distance is less did not move, however many rows say so.
const DISTANCE_MOVED: f64 = 0.1;
/// The same for the share of rows without a value.
const NULLS_MOVED: f64 = 0.03;
/// New values named in the words.
const NAMED_MAX: usize = 3;

/// What changed from `before`, the profile of the run `since`.
pub fn compare(before: &Profile, now: &Profile, since: &str) -> TableChange {
    let missing = |these: &Profile, others: &Profile| {
        let names = these.columns.iter().map(|column| &column.name);
        names
            .filter(|name| others.column(name).is_none())
            .cloned()
            .collect::<Vec<String>>()
    };
    let both = now
        .columns
        .iter()
        .filter_map(|column| Some((before.column(&column.name)?, column)));
    TableChange {
        since: Some(since.to_owned()),
        unchanged: false,
        rows_before: before.rows,
        rows: now.rows,
        new_columns: missing(now, before),
        vanished_columns: missing(before, now),
        columns: both.map(|(before, now)| compare_column(before, now)).collect(),
    }
}

/// The change of a table that is the same one.
pub(crate) fn unchanged(profile: &Profile, since: &str) -> TableChange {
    let column = |column: &ColumnProfile| ColumnChange {
        column: column.name.clone(),
        distance: Some(0.0),
        nulls_before: column.null_share(),
        nulls: column.null_share(),
        ..ColumnChange::default()
    };
    TableChange {
        since: Some(since.to_owned()),
        unchanged: true,
        rows_before: profile.rows,
        rows: profile.rows,
        columns: profile.columns.iter().map(column).collect(),
        ..TableChange::default()
    }
}

fn compare_column(before: &ColumnProfile, now: &ColumnProfile) -> ColumnChange {
    let mut change = ColumnChange {
        column: now.name.clone(),
        nulls_before: before.null_share(),
        nulls: now.null_share(),
        ..ColumnChange::default()
    };
    if before.type_name != now.type_name {
        change
            .moved
            .push(format!("is {} and was {}", now.type_name, before.type_name));
        change.type_before = Some(before.type_name.clone());
        change.type_name = Some(now.type_name.clone());
    }
    if before.kind == now.kind {
        let farthest = pairs(before, now)
            .into_iter()
            .filter_map(|(what, pair)| Some((pair.distance()?, what, pair)));
        if let Some((distance, what, pair)) = farthest.max_by(|a, b| a.0.total_cmp(&b.0)) {
            change.distance = Some(distance);
            change.compared = Some(what.to_owned());
            if distance >= DISTANCE_MOVED && pair.is_beyond_chance() {
                let what = if what == "values" || what == "numbers" {
                    String::new()
                } else {
                    format!("{what} ")
                };
                change.moved.push(format!("{what}(JS {})", short(distance)));
            }
        }
    }
    let nulls = Pair::of_counts(&[(before.nulls, now.nulls), (before.count, now.count)]);
    if (change.nulls - change.nulls_before).abs() >= NULLS_MOVED && nulls.is_beyond_chance() {
        change.moved.push(format!(
            "nulls {:.0}% -> {:.0}%",
            change.nulls_before * 100.0,
            change.nulls * 100.0
        ));
    }
    if let (Some(before), Some(now)) = (&before.top, &now.top) {
        change.new_values = new_values(before, now);
    }
    if !change.new_values.is_empty() {
        let named = change.new_values.iter().take(NAMED_MAX);
        let named = named.map(|(value, share)| format!("`{value}` ({:.1}%)", share * 100.0));
        change
            .moved
            .push(format!("has new {}", named.collect::<Vec<String>>().join(", ")));
    }
    change
}

/// What there is to compare.
fn pairs(before: &ColumnProfile, now: &ColumnProfile) -> Vec<(&'static str, Pair)> {
    if let (Some(before), Some(now)) = (&before.top, &now.top)
        && (before.whole || now.whole)
        && before.counted > 0
        && now.counted > 0
    {
        return vec![("values", of_values(before, now))];
    }
    let sampled = (counted(before), counted(now));
    if let (Some(before), Some(now)) = (&before.numbers, &now.numbers) {
        return vec![(
            "numbers",
            Pair::of_percentiles(&before.percentiles, &now.percentiles, sampled),
        )];
    }
    let (Some(before), Some(now)) = (&before.text, &now.text) else {
        return Vec::new();
    };
    vec![
        ("lengths", of_lengths(before, now)),
        ("languages", of_languages(before, now)),
    ]
}

/// The values that were counted, of which percentiles were taken too.
fn counted(column: &ColumnProfile) -> u64 {
    column.top.as_ref().map_or(0, |top| top.counted)
}

fn of_values(before: &TopValues, now: &TopValues) -> Pair {
    let count = |top: &TopValues, value: &str| {
        top.values
            .iter()
            .find(|known| known.0 == value)
            .map_or(0, |known| known.1)
    };
    let mut counts: Vec<(u64, u64)> = before
        .values
        .iter()
        .map(|(value, times)| (*times, count(now, value)))
        .collect();
    let new = now.values.iter().filter(|(value, _)| count(before, value) == 0);
    counts.extend(new.map(|(_, times)| (0, *times)));
    let known = counts.iter().fold((0, 0), |sum, bin| (sum.0 + bin.0, sum.1 + bin.1));
    counts.push((
        before.counted.saturating_sub(known.0),
        now.counted.saturating_sub(known.1),
    ));
    Pair::of_counts(&counts)
}

fn of_lengths(before: &TextProfile, now: &TextProfile) -> Pair {
    let sampled = (before.sampled, now.sampled);
    Pair::of_percentiles(&before.lengths.percentiles, &now.lengths.percentiles, sampled)
}

fn of_languages(before: &TextProfile, now: &TextProfile) -> Pair {
    let as_values = |text: &TextProfile| TopValues {
        counted: text.examined,
        values: text.languages.clone(),
        whole: true,
    };
    of_values(&as_values(before), &as_values(now))
}

/// Values that a column of few values did not have, and has too often now for that to be chance.
fn new_values(before: &TopValues, now: &TopValues) -> Vec<(String, f64)> {
    if !before.whole {
        return Vec::new();
    }
    let is_new = |(value, count): &&(String, u64)| {
        let pair = Pair::of_counts(&[(0, *count), (before.counted, now.counted.saturating_sub(*count))]);
        before.values.iter().all(|known| known.0 != *value) && pair.is_beyond_chance()
    };
    let new = now.values.iter().filter(is_new);
    new.map(|(value, count)| (value.clone(), share(*count, now.counted)))
        .collect()
}

/// Two decimals, without the zero that all have.
fn short(distance: f64) -> String {
    let text = format!("{distance:.2}");
    text.strip_prefix('0').map_or(text.clone(), str::to_owned)
}
