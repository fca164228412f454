//! The earlier turns of a conversation as an input: the column `context` of examples and requests.

use arrow::array::{Array, ArrayRef, AsArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{Error, Result};
use crate::kind::{ValueSpec, ValueType};
use crate::text::Preparation;

/// The column's name.
pub(super) const COLUMN: &str = "context";

/// What was said longest ago is left out beyond this many characters of a prepared context.
const KEPT_MAX_CHARS: usize = 2_000;

/// Prepared at all are this many characters: enough to see what a mask has to see before the kept ones.
const READ_MAX_CHARS: usize = 2 * KEPT_MAX_CHARS;

/// A word that is cut into is left out whole if it ends within this many characters.
const WORD_MAX_CHARS: usize = 60;

/// How a model takes its context.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct ContextSettings {
    /// Length of the context's block of features; that of the text's words is 1.
    pub weight: f32,
    /// Whether it comes as a list of turns, not as one text.
    pub list: bool,
}

impl ContextSettings {
    /// As the columns of examples have it; none without such a column.
    pub(super) fn of(schema: &Schema, weight: f32) -> Option<Self> {
        let list = is_list(schema.field_with_name(COLUMN).ok()?.data_type());
        Some(Self { weight, list })
    }

    /// The input of a signature.
    pub(super) fn spec(self) -> ValueSpec {
        let (value_type, example) = if self.list {
            (ValueType::TextList, json!(["My order 123456 is late.", "Let me look."]))
        } else {
            (ValueType::Text, json!("My order 123456 is late.\nLet me look."))
        };
        ValueSpec {
            name: COLUMN.into(),
            value_type,
            nullable: true,
            optional: true,
            about: "What was said before, newest last; null if nothing was.".into(),
            example,
        }
    }
}

/// Whether a column holds lists.
pub(super) fn is_list(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)
    )
}

/// The contexts of a column of texts or lists of texts, turns on lines of their own; empty for null.
///
/// # Errors
/// When the column holds neither.
pub(super) fn read(column: &ArrayRef) -> Result<Vec<String>> {
    let as_type = |wanted: ValueType| {
        cast(column, &wanted.data_type()).map_err(|e| Error::table(format!("column `{COLUMN}`"), e))
    };
    if !is_list(column.data_type()) {
        let texts = as_type(ValueType::Text)?;
        let texts = texts.as_string::<i32>().iter();
        return Ok(texts.map(|text| text.unwrap_or_default().to_owned()).collect());
    }
    let lists = as_type(ValueType::TextList)?;
    let joined = |turns: Option<ArrayRef>| {
        let turns = turns.unwrap_or_else(|| new_null_array(&DataType::Utf8, 0));
        let turns: Vec<&str> = turns.as_string::<i32>().iter().flatten().collect();
        turns.join("\n")
    };
    Ok(lists.as_list::<i32>().iter().map(joined).collect())
}

/// A context as a model sees it: prepared like a text, the newest part of it.
pub(super) fn prepare(context: &str, preparation: Preparation) -> String {
    if context.is_empty() {
        return String::new();
    }
    let prepared = preparation.apply(newest(context, READ_MAX_CHARS));
    newest(&prepared, KEPT_MAX_CHARS).to_owned()
}

/// The last characters of a text, from the start of a word.
fn newest(text: &str, chars_max: usize) -> &str {
    match text.char_indices().rev().nth(chars_max - 1) {
        None | Some((0, _)) => text,
        Some((start, _)) => {
            let rest = &text[start..];
            // A text without spaces, as Chinese has none, is cut anywhere.
            let mut near = rest.char_indices().take(WORD_MAX_CHARS);
            near.find(|(_, c)| c.is_whitespace())
                .map_or(rest, |(space, _)| &rest[space..])
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_newest_part_is_kept_and_words_stay_whole() {
        assert_eq!(newest("one two three", 7), " three");
        assert_eq!(newest("one two three", 100), "one two three");
        assert_eq!(newest("退款什么时候到账", 3), "候到账");
        let long = format!("refund {} 退款", "word ".repeat(5000));
        let kept = prepare(&long, Preparation::NOW);
        assert!(kept.chars().count() <= KEPT_MAX_CHARS && kept.ends_with("退款") && !kept.contains("refund"));
    }

    #[test]
    fn personal_data_do_not_pass_where_a_context_is_cut() {
        for fill in 1900..2100 {
            let address = "jane.miller@example.com ";
            let context = format!("{address}{}{address}{}", "a ".repeat(fill), "b ".repeat(980));
            let kept = prepare(&context, Preparation::NOW);
            assert!(!kept.contains("miller") && !kept.contains("example"), "{fill}");
        }
    }
}
