//! Words of any script. Runs of Chinese characters are cut with the jieba dictionary, which is loaded when the first
//! such text is seen; everything else splits where letters and digits end.

use std::sync::LazyLock;

use jieba_rs::Jieba;

static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// A piece of a prepared text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// A word of letters and digits, a mask such as `<email>`, or one sign.
    Word(&'a str),
    /// A run of Chinese characters, not yet cut.
    Han(&'a str),
}

/// Loads the Chinese dictionary (about 0.1 s), so that the first Chinese text is not slower than the others.
pub fn warm_up_chinese() {
    LazyLock::force(&JIEBA);
}

/// The dictionary words of a run of Chinese characters.
pub fn cut_han(run: &str) -> impl Iterator<Item = &str> {
    JIEBA.cut(run, false).into_iter().map(|token| token.word)
}

/// Whether `c` is a Chinese character.
pub fn is_han(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}' | '々' | '〇')
}

/// The pieces of a prepared text, in order. Whitespace separates and is not a piece.
pub fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let han = is_han(first);
        let end = if han {
            end_of(rest, |c| !is_han(c))
        } else if is_letter(first) {
            word_end(rest)
        } else if first == '<' {
            mask_end(rest).unwrap_or(1)
        } else {
            first.len_utf8()
        };
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(if han { Token::Han(piece) } else { Token::Word(piece) })
    })
}

fn is_letter(c: char) -> bool {
    (c.is_alphanumeric() || c == '_' || is_mark(c)) && !is_han(c)
}

/// Combining marks belong to the letter before them (Indic and Thai vowels among them).
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

/// An apostrophe between letters is part of the word: `haven't`.
fn word_end(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let inside = matches!(c, '\'' | '’') && chars.peek().is_some_and(|(_, next)| is_letter(*next));
        if !is_letter(c) && !inside {
            return at;
        }
    }
    text.len()
}

fn mask_end(text: &str) -> Option<usize> {
    let close = text.find('>')?;
    (close > 1 && text[1..close].bytes().all(|b| b.is_ascii_lowercase() || b == b'_')).then_some(close + 1)
}

fn end_of(text: &str, stop: impl Fn(char) -> bool) -> usize {
    text.find(stop).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_mixed_scripts() {
        let found: Vec<_> = tokens("haven't got <email>的refund退款 yet!").collect();
        use Token::{Han, Word};
        assert_eq!(
            found,
            [
                Word("haven't"),
                Word("got"),
                Word("<email>"),
                Han("的"),
                Word("refund"),
                Han("退款"),
                Word("yet"),
                Word("!")
            ]
        );
    }

    #[test]
    fn cuts_chinese_words() {
        assert_eq!(
            cut_han("我要申请退款").collect::<Vec<_>>(),
            ["我", "要", "申请", "退款"]
        );
    }
}
