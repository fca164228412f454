//! A column in a few words, for the terminal and for the first table of the page.

use super::figures::{ColumnKind, ColumnProfile, Spread, TextProfile, TopValues, share, time_text};
use super::texts::NO_LANGUAGE;
use crate::report::numbers::count;

/// Values and languages named at most.
const NAMED_MAX: usize = 4;
/// A column whose most frequent values have less than this share of its rows is not described by them.
const COMMON_SHARE_MIN: f64 = 0.5;
/// A text of so many characters is looked at as text, one of fewer as a word.
const TEXT_CHARS_MIN: f64 = 12.0;

/// What a column holds, in a few words.
pub fn glance(column: &ColumnProfile) -> String {
    let mut words = match (column.kind, &column.text) {
        _ if column.count == 0 => "no value at all".to_owned(),
        (ColumnKind::Number, _) if column.numbers.is_none() && column.personal.is_empty() => {
            "no finite number".to_owned()
        }
        (ColumnKind::Number, _) => column
            .numbers
            .as_ref()
            .map_or_else(|| "not shown: reads as personal data".to_owned(), numbers),
        (ColumnKind::Time, _) => column.times.as_ref().map_or_else(String::new, times),
        (ColumnKind::Boolean, _) => column.top.as_ref().map_or_else(String::new, values),
        (ColumnKind::Text, Some(text)) => texts(column, text),
        (ColumnKind::Text | ColumnKind::Other, _) => String::new(),
    };
    if !column.personal.is_empty() {
        let each = column.personal.iter();
        let each =
            each.map(|(kind, cells)| format!("{} {}", kind.replace('_', " "), percent_text(*cells, column.searched)));
        words.push_str(&format!(
            "; personal data: {}",
            each.collect::<Vec<String>>().join(", ")
        ));
    }
    words.trim_start_matches("; ").to_owned()
}

fn numbers(spread: &Spread) -> String {
    let [min, p50, max, mean] = [spread.min, spread.p50, spread.max, spread.mean].map(number_text);
    if min == max {
        return format!("always {min}");
    }
    format!("{min} to {max}, median {p50}, mean {mean}")
}

fn times(spread: &Spread) -> String {
    let day = |seconds: f64| time_text(seconds).chars().take(10).collect::<String>();
    format!("{} to {}, median {}", day(spread.min), day(spread.max), day(spread.p50))
}

fn texts(column: &ColumnProfile, text: &TextProfile) -> String {
    if let Some(top) = column.top.as_ref().filter(|top| is_described(top, column, text)) {
        return values(top);
    }
    let [min, p50, max] = [text.lengths.min, text.lengths.p50, text.lengths.max].map(number_text);
    let lengths = if min == max {
        format!("{min} characters")
    } else {
        format!("{min} to {max} characters, median {p50}")
    };
    let mut parts = vec![lengths];
    if column
        .distinct
        .is_some_and(|distinct| distinct.exact && distinct.count == column.count && column.count > 1)
    {
        parts.push("every value once".to_owned());
    }
    for (cells, what) in [(text.read_as_number, "numbers"), (text.read_as_time, "times")] {
        if cells > 0 {
            parts.push(format!("{} read as {what}", percent_text(cells, text.sampled)));
        }
    }
    if is_prose(text) {
        parts.push(several(&text.languages, text.examined));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}

/// Whether texts are long enough to have a language and to be near-duplicates.
pub(super) fn is_prose(text: &TextProfile) -> bool {
    let of_none = text
        .languages
        .iter()
        .find(|known| known.0 == NO_LANGUAGE)
        .map_or(0, |known| known.1);
    of_none * 2 < text.examined
        && text.lengths.p50 >= TEXT_CHARS_MIN
        && (text.read_as_number + text.read_as_time) * 2 < text.sampled
}

/// Whether the most frequent values say what is in the column.
fn is_described(top: &TopValues, column: &ColumnProfile, text: &TextProfile) -> bool {
    let named: u64 = top.values.iter().take(NAMED_MAX).map(|(_, times)| times).sum();
    let is_few = top.whole || share(named, top.counted) >= COMMON_SHARE_MIN;
    is_few && !top.values.is_empty() && (text.lengths.p50 < TEXT_CHARS_MIN * 4.0) && column.count > 0
}

fn values(top: &TopValues) -> String {
    several(&top.values, top.counted)
}

fn several(named: &[(String, u64)], all: u64) -> String {
    let each = named.iter().take(NAMED_MAX);
    let each = each.map(|(name, times)| format!("{name} {}", percent_text(*times, all)));
    let mut words: Vec<String> = each.collect();
    if named.len() > NAMED_MAX {
        words.push(format!("{} more", count((named.len() - NAMED_MAX) as u64)));
    }
    words.join(", ")
}

/// A part of a whole as a percentage: `<0.1%` for what is there but rounds to nothing.
pub fn percent_text(part: u64, whole: u64) -> String {
    let percent = share(part, whole) * 100.0;
    match percent {
        _ if part == 0 => "0%".to_owned(),
        _ if part == whole => "100%".to_owned(),
        small if small < 0.1 => "<0.1%".to_owned(),
        small if small < 10.0 => format!("{small:.1}%"),
        large if large > 99.9 => ">99.9%".to_owned(),
        large => format!("{large:.0}%"),
    }
}

/// A number for people: as many decimals as its size needs.
pub fn number_text(value: f64) -> String {
    let size = value.abs();
    let sign = if value < 0.0 { "−" } else { "" };
    if value.fract() == 0.0 && size < 1e15 {
        return format!("{sign}{}", count(size as u64));
    }
    match size {
        huge if huge >= 1e15 => format!("{value:.3e}"),
        large if large >= 1000.0 => format!("{sign}{}", count(large.round() as u64)),
        tiny if tiny < 0.001 => format!("{value:.2e}"),
        middle => {
            let decimals = if middle >= 10.0 { 1 } else { 3 };
            let text = format!("{middle:.decimals$}");
            format!("{sign}{}", text.trim_end_matches('0').trim_end_matches('.'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_decimals_they_need() {
        let shown = [0.0, 12.0, -1234.0, 1234.56, 123.456, 0.12345, -2.5, 0.000_012, 1e18].map(number_text);
        assert_eq!(
            shown,
            [
                "0", "12", "−1,234", "1,235", "123.5", "0.123", "−2.5", "1.20e-5", "1.000e18"
            ]
        );
    }

    #[test]
    fn a_little_is_not_nothing() {
        let shown = [(0, 9), (9, 9), (1, 9), (1, 90_000), (89_999, 90_000), (1, 20), (0, 0)];
        let shown = shown.map(|(part, whole)| percent_text(part, whole));
        assert_eq!(shown, ["0%", "100%", "11%", "<0.1%", ">99.9%", "5.0%", "0%"]);
    }
}
