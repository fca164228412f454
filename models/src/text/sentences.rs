//! Where sentences end, in Western scripts and in Chinese and Japanese. Rules of form, made for what customers write:
//! without capitals, with order numbers and addresses. Not a parser.

/// Letters before a full stop that are looked at, in bytes.
const WORD_MAX: usize = 24;

/// Short forms after which a sentence goes on whatever follows, lower case and without the last stop.
const NEVER_LAST: [&str; 52] = [
    "abs", "art", "bzw", "ca", "cap", "cf", "col", "d.h", "dipl", "dr", "dra", "e.g", "eg", "evtl", "fig", "gem",
    "ggf", "hr", "i.d.r", "i.e", "ie", "ing", "inkl", "m", "mag", "messrs", "mlle", "mme", "mr", "mrs", "ms", "o.g",
    "p.ej", "p.ex", "prof", "rev", "s.o", "sen", "sig", "sr", "sra", "st", "str", "tel", "u.a", "v.a", "vgl", "vol",
    "vs", "z.b", "z.hd", "zzgl",
];
/// Short forms after which a sentence goes on in front of a number.
const BEFORE_NUMBERS: [&str; 11] = ["approx", "no", "nos", "nr", "num", "núm", "nº", "n", "p", "pp", "S"];
/// Short forms after which a sentence goes on in front of a small letter.
const MAYBE_LAST: [&str; 26] = [
    "a.m", "approx", "apr", "aug", "co", "corp", "dec", "dept", "ect", "etc", "feb", "inc", "jan", "jul", "jun", "ltd",
    "max", "min", "nov", "oct", "okt", "p.m", "sep", "sept", "u.s", "usw",
];

/// The sentences of `text` in order, without the whitespace around them; all other characters are in exactly one of them.
/// A sentence ends after `. ! ?` and dots that no word goes on after, after `。！？；` with closing quotes and brackets, and
/// at empty lines and before the items of a list. Total, linear.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut push = |range: std::ops::Range<usize>| {
        let sentence = text[range].trim();
        if !sentence.is_empty() {
            found.push(sentence);
        }
    };
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let end = match c {
            '\n' | '\r' => empty_line_end(text, at).or_else(|| begins_item(&text[at + 1..]).then_some(at + 1)),
            '。' | '！' | '？' | '；' | '｡' | '．' | '…' | '.' | '!' | '?' => {
                let stop = Stop::at(text, start, at);
                if !stop.ends_sentence() {
                    at = stop.end;
                    continue;
                }
                Some(stop.end)
            }
            _ => None,
        };
        match end {
            Some(end) => {
                push(start..end);
                (start, at) = (end, end);
            }
            None => at += c.len_utf8(),
        }
    }
    push(start..text.len());
    found
}

/// Whether a line begins an item of a list: `- item`, `• item`, `2. item`, `3、`.
fn begins_item(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '\t']);
    let digits = line.bytes().take(3).take_while(u8::is_ascii_digit).count();
    let after = &line[digits..];
    if (1..=2).contains(&digits) {
        return after.starts_with(['、', '．']) || after.starts_with(". ") || after.starts_with(") ");
    }
    digits == 0 && (after.starts_with(['•', '·', '●']) || after.starts_with("- ") || after.starts_with("* "))
}

/// Where a run of whitespace with two line breaks or more ends; `None` if there is only one.
fn empty_line_end(text: &str, at: usize) -> Option<usize> {
    let run = text[at..].len() - text[at..].trim_start().len();
    let space = &text[at..at + run];
    let breaks = space.matches('\n').count().max(space.matches('\r').count());
    (breaks >= 2).then_some(at + run)
}

/// A run of signs that may end a sentence, with the closing quotes and brackets after it.
struct Stop<'a> {
    /// The sentence so far, before the run.
    before: &'a str,
    signs: &'a str,
    closers: &'a str,
    after: &'a str,
    end: usize,
}

impl<'a> Stop<'a> {
    fn at(text: &'a str, start: usize, at: usize) -> Self {
        let run = |text: &str, is_in: fn(char) -> bool| text.find(|c| !is_in(c)).unwrap_or(text.len());
        let signs_end = at
            + run(&text[at..], |c| {
                matches!(c, '。' | '！' | '？' | '；' | '｡' | '．' | '…' | '.' | '!' | '?')
            });
        let end = signs_end
            + run(&text[signs_end..], |c| {
                matches!(
                    c,
                    '"' | '\''
                        | ')'
                        | ']'
                        | '}'
                        | '»'
                        | '”'
                        | '’'
                        | '」'
                        | '』'
                        | '）'
                        | '】'
                        | '》'
                        | '〉'
                        | '〕'
                        | '＂'
                )
            });
        Self {
            before: &text[start..at],
            signs: &text[at..signs_end],
            closers: &text[signs_end..end],
            after: &text[end..],
            end,
        }
    }

    fn ends_sentence(&self) -> bool {
        if self.signs.contains(['。', '！', '？', '；', '｡']) {
            return true;
        }
        let next = self.after.trim_start().chars().next();
        let Some(next) = next else { return true };
        let is_spaced = self.after.starts_with(char::is_whitespace);
        let last = self.before.chars().next_back();
        if self.signs.contains(['!', '?']) {
            // `"Really?" she asked` goes on; a query in a URL does too.
            let goes_on = next.is_lowercase() && !self.closers.is_empty();
            return if is_spaced { !goes_on } else { is_east_asian(next) };
        }
        if self.signs.len() > 1 || self.signs == "．" {
            // Dots that trail off: in Chinese anywhere, else in front of what begins a sentence.
            let trails_off = last.is_some_and(is_east_asian) && !matches!(next, '，' | '、' | ',');
            return trails_off || (is_spaced && !next.is_lowercase());
        }
        if !is_spaced {
            return is_east_asian(next) && last.is_some_and(is_east_asian);
        }
        self.is_full_stop(next)
    }

    /// Whether a single `.` in front of whitespace ends the sentence.
    fn is_full_stop(&self, next: char) -> bool {
        let word = last_word(self.before);
        let lower = word.to_lowercase();
        if NEVER_LAST.contains(&lower.as_str()) {
            return false;
        }
        if (BEFORE_NUMBERS.contains(&lower.as_str()) && next.is_numeric())
            || (MAYBE_LAST.contains(&lower.as_str()) && next.is_lowercase())
        {
            return false;
        }
        let mut letters = word.chars();
        let is_initial = letters.next().is_some_and(|c| c.is_uppercase() && c != 'I') && letters.next().is_none();
        if is_initial && self.closers.is_empty() {
            return false;
        }
        if !word.is_empty() && word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_digit()) {
            // A number of a list (`1. Open it`) or a date (`am 3. Mai`).
            return self.before.trim().len() > word.len() && !next.is_lowercase() && !is_month(self.after.trim_start());
        }
        // Who does not begin with a capital does not do it later either.
        let begins_small = self.before.trim_start().chars().next().is_some_and(char::is_lowercase);
        !next.is_lowercase() || begins_small
    }
}

/// The letters, digits and inner stops that `before` ends with.
fn last_word(before: &str) -> &str {
    let mut start = before.len();
    for (at, c) in before.char_indices().rev() {
        if before.len() - at > WORD_MAX || !(c.is_alphanumeric() || c == '.') {
            break;
        }
        start = at;
    }
    before[start..].trim_start_matches('.')
}

/// German month names, in front of which a day has a stop.
fn is_month(text: &str) -> bool {
    const MONTHS: [&str; 13] = [
        "Jan", "Jän", "Feb", "Mär", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez",
    ];
    MONTHS.iter().any(|month| text.starts_with(month))
}

fn is_east_asian(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::sentences;
    use proptest::prelude::*;

    #[test]
    fn western() {
        for (text, count) in [
            ("Where is it? I paid 12.50 on May 3. Please help!", 3),
            (
                "Mr. Smith and Dr. Lee, e.g. from Example Inc. in Berlin, called at 5 p.m. today.",
                1,
            ),
            ("See https://example.com/a.b?c=d. It fails... Then it works.", 3),
            ("Das geht z.B. Montag. Am 3. Mai nicht.", 2),
            ("\"Really?\" she asked. \"Yes.\" He left.", 3),
            ("it is broken. i want a refund. pls help", 3),
            ("1. Open the app. 2. Press the button.", 2),
            ("No. 5 is missing. J. R. Miller took it.", 2),
            ("one line\nwraps here\n\nnew paragraph", 2),
            ("¿Dónde está? ¡Gracias!", 2),
            ("well... ok", 1),
            ("what failed:\n- the login\r\n- the app\n 1. on Monday\n2) on Friday", 5),
            ("approx. 5 days\n-5 degrees", 1),
        ] {
            assert_eq!(sentences(text).len(), count, "{:?}", sentences(text));
        }
    }

    #[test]
    fn chinese_and_japanese() {
        assert_eq!(
            sentences("你好！我的订单呢？请尽快处理；谢谢。"),
            ["你好！", "我的订单呢？", "请尽快处理；", "谢谢。"]
        );
        assert_eq!(
            sentences("他说：“到了。”然后走了……再见"),
            ["他说：“到了。”", "然后走了……", "再见"]
        );
        assert_eq!(
            sentences("価格は3.5万円です。よろしくお願いします！"),
            ["価格は3.5万円です。", "よろしくお願いします！"]
        );
        assert_eq!(
            sentences("问题：\n1、打不开\n• 没收到"),
            ["问题：", "1、打不开", "• 没收到"]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn slices_cover_the_text(text in "(?s).*|([a-cA-C0-9 .!?…。？；”\"\n]|Mr\\.|e\\.g\\. |你){0,40}") {
            let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            let found = sentences(&text);
            prop_assert_eq!(bare(&found.concat()), bare(&text));
            prop_assert!(found.iter().all(|sentence| !sentence.is_empty() && sentence.trim() == *sentence));
        }
    }
}
