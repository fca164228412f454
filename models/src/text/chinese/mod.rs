//! Traditional to simplified Chinese, character by character with phrases as exceptions. Not a translator of the words of
//! Taiwan or Hong Kong. The tables are OpenCC's (Apache-2.0, named in their heads).

use std::collections::HashMap;
use std::sync::LazyLock;

const CHARACTERS: &str = include_str!("ts_characters.txt");
const PHRASES: &str = include_str!("ts_phrases.txt");

/// The first character that the tables may change.
const FIRST: char = '\u{3400}';
/// Places of the characters from [`FIRST`] to U+9FFF, which nearly all text is of.
const DENSE: usize = 0xa000 - FIRST as usize;

struct Tables {
    /// The simplified form, and whether a phrase begins with the character.
    dense: Vec<(char, bool)>,
    /// The same for the characters outside.
    sparse: HashMap<char, (char, bool)>,
    /// Phrases by their first character, the longest first.
    phrases: HashMap<char, Vec<(&'static str, &'static str)>>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::read);

impl Tables {
    fn read() -> Self {
        let dense = (FIRST..).take(DENSE).map(|c| (c, false)).collect();
        let mut tables = Self {
            dense,
            sparse: HashMap::new(),
            phrases: HashMap::new(),
        };
        for line in rows(CHARACTERS) {
            let mut chars = line.chars();
            if let (Some(from), Some(to)) = (chars.next(), chars.next()) {
                tables.entry(from).0 = to;
            }
        }
        for line in rows(PHRASES) {
            if let Some((from, to)) = line.split_once(' ') {
                tables.add_phrase(from, to);
                // A form that keeps a traditional character is its own, so that a second pass changes nothing.
                if to.chars().any(|c| tables.get(c).0 != c) {
                    tables.add_phrase(to, to);
                }
            }
        }
        for same_start in tables.phrases.values_mut() {
            same_start.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
        }
        tables
    }

    fn add_phrase(&mut self, from: &'static str, to: &'static str) {
        if let Some(first) = from.chars().next() {
            self.entry(first).1 = true;
            self.phrases.entry(first).or_default().push((from, to));
        }
    }

    fn entry(&mut self, c: char) -> &mut (char, bool) {
        match (c as usize).checked_sub(FIRST as usize) {
            Some(at) if at < DENSE => &mut self.dense[at],
            _ => self.sparse.entry(c).or_insert((c, false)),
        }
    }

    fn get(&self, c: char) -> (char, bool) {
        match (c as usize).checked_sub(FIRST as usize) {
            Some(at) if at < DENSE => self.dense[at],
            Some(_) => self.sparse.get(&c).copied().unwrap_or((c, false)),
            None => (c, false),
        }
    }

    /// The phrase that `text` begins with, the longest one, and what it becomes.
    fn phrase(&self, first: char, text: &str) -> Option<(&'static str, &'static str)> {
        self.phrases
            .get(&first)?
            .iter()
            .copied()
            .find(|(from, _)| text.starts_with(from))
    }
}

fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.starts_with('#'))
}

/// `text` in simplified Chinese; all that is not traditional Chinese stays as it is. Total, linear and idempotent. Where
/// a character has several simplified forms and no phrase decides, it takes the commonest.
pub fn to_simplified(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let tables = &*TABLES;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c < FIRST {
            let plain = rest.find(|c| c >= FIRST).unwrap_or(rest.len());
            out.push_str(&rest[..plain]);
            rest = &rest[plain..];
            continue;
        }
        let (simplified, begins_phrase) = tables.get(c);
        let phrase = if begins_phrase { tables.phrase(c, rest) } else { None };
        let taken = match phrase {
            Some((from, to)) => {
                out.push_str(to);
                from.len()
            }
            None => {
                out.push(simplified);
                c.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn characters_and_phrases() {
        assert_eq!(
            to_simplified("請問我的訂單什麼時候發貨？謝謝！"),
            "请问我的订单什么时候发货？谢谢！"
        );
        assert_eq!(
            to_simplified("頭髮 發展 乾淨 乾隆 一目瞭然"),
            "头发 发展 干净 乾隆 一目了然"
        );
        for text in ["", "plain", "我想退货", "書けない?", "café ½ 👍"] {
            let once = to_simplified(text);
            assert_eq!(once.chars().count(), text.chars().count());
        }
        assert_eq!(to_simplified("我想退货，订单号 AB12"), "我想退货，订单号 AB12");
    }

    #[test]
    fn every_row_of_the_tables_is_stable() {
        for line in rows(CHARACTERS).chain(rows(PHRASES)) {
            let once = to_simplified(line);
            assert_eq!(to_simplified(&once), once, "{line}");
        }
    }

    proptest! {
        #[test]
        fn total_and_idempotent(text in "(?s).*|[乾隆發髮瞭著藉覆後裡於臺一-龥]{0,12}") {
            let once = to_simplified(&text);
            prop_assert_eq!(to_simplified(&once), once);
        }
    }
}
