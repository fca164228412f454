//! E-mail addresses: around every `@`, and the forms people write to hide from robots: `name (at) host dot com`.

use super::context::is_unspaced;
use super::{Found, PiiType, certainty};
use regex::Regex;
use std::sync::LazyLock;

const LOCAL_BYTES_MAX: usize = 128;
const DOMAIN_BYTES_MAX: usize = 255;
/// Top-level domains in Chinese characters, which a domain in running Chinese text must end with.
const CJK_TOP: [&str; 24] = [
    "公司", "中国", "中國", "网络", "网址", "香港", "台灣", "商城", "商店", "集团", "公益", "台湾", "广告", "在线",
    "手机", "移动", "网站", "网店", "企业", "购物", "信息", "娱乐", "コム", "닷컴",
];
/// The longest local part in a script without spaces; what stands before it may be the sentence.
const WIDE_LOCAL_CHARS_MAX: usize = 12;

/// Is in every spelled address, and fast to look for.
static SPELLED_SIGN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i-u: dot |[(\[{] ?(?:at|@) ?[)\]}])").expect("a fixed pattern compiles"));

static SPELLED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i-u)\b[a-z0-9][a-z0-9._%+-]{0,63}",
        r"(?: ?[(\[{] ?(?:at|@) ?[)\]}] ?[a-z0-9-]{1,63}(?: ?(?:\.| dot |[(\[{] ?(?:dot|",
        r"\.) ?[)\]}]) ?[a-z0-9-]{1,63}){1,4}",
        r"| at [a-z0-9-]{1,63}(?: dot [a-z0-9-]{1,63}){0,2} dot (?:com|net|org|edu|gov|info|io|me|co|cn|de|fr|",
        r"uk|es|it|nl|ch|at|au|ca|in|jp|us|eu))\b",
    ))
    .expect("a fixed pattern compiles")
});

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    for (at, _) in text.match_indices('@') {
        if let Some((start, end)) = around(text, at) {
            found.push(Found {
                start,
                end,
                kind: PiiType::Email,
                certainty: certainty::EMAIL,
            });
        }
    }
    if SPELLED_SIGN.is_match(text) {
        for m in SPELLED.find_iter(text) {
            found.push(Found {
                start: m.start(),
                end: m.end(),
                kind: PiiType::Email,
                certainty: certainty::EMAIL,
            });
        }
    }
}

fn around(text: &str, at: usize) -> Option<(usize, usize)> {
    let end = at + 1 + domain(&text[at + 1..])?;
    // In running Chinese text an address of ASCII letters begins where the Chinese ends.
    let wide = text[at + 1..end].chars().any(is_unspaced) || text[..at].chars().next_back().is_some_and(is_unspaced);
    let low = text.floor_char_boundary(at.saturating_sub(LOCAL_BYTES_MAX));
    let local = &text[low..at];
    let quote = local.strip_suffix('"').and_then(|quoted| quoted.rfind(['"', '\n']));
    if let Some(start) = quote.map(|at| low + at)
        && text.as_bytes()[start] == b'"'
        && at - start > 3
    {
        return Some((start, end));
    }
    let accept = |c: char| {
        (c.is_alphanumeric() && (wide || !is_unspaced(c)))
            || matches!(
                c,
                '.' | '_' | '%' | '+' | '-' | '\'' | '&' | '!' | '#' | '~' | '^' | '$' | '*'
            )
    };
    let from = local.rfind(|c| !accept(c)).map_or(0, |place| {
        place + local[place..].chars().next().map_or(1, char::len_utf8)
    });
    let lead = local[from..].find(|c: char| c.is_alphanumeric() || c == '_')?;
    let start = low + from + lead;
    if !wide {
        return Some((start, end));
    }
    let longest = text[start..at].char_indices().rev().nth(WIDE_LOCAL_CHARS_MAX - 1);
    Some((start + longest.map_or(0, |(place, _)| place), end))
}

/// Length of the domain that `text` begins with: labels, dots, and a top-level domain of letters; or `[192.0.2.1]`.
fn domain(text: &str) -> Option<usize> {
    let text = &text[..text.floor_char_boundary(text.len().min(DOMAIN_BYTES_MAX))];
    if let Some(literal) = text.strip_prefix('[') {
        let close = literal.find(']').filter(|&close| close <= 50)?;
        return literal[..close]
            .trim_start_matches("IPv6:")
            .parse::<std::net::IpAddr>()
            .is_ok()
            .then_some(close + 2);
    }
    if text.chars().next().is_some_and(is_unspaced) {
        let stop = text
            .find(|c: char| !is_unspaced(c) && !c.is_ascii_alphanumeric() && c != '.')
            .unwrap_or(text.len());
        let tops = CJK_TOP.iter().filter_map(|top| {
            text[..stop]
                .rfind(top)
                .filter(|&at| text[..at].ends_with('.'))
                .map(|at| at + top.len())
        });
        return tops.max();
    }
    let stop = text
        .find(|c: char| (is_unspaced(c) || !c.is_alphanumeric()) && !matches!(c, '.' | '-' | '_'))
        .unwrap_or(text.len());
    // The last label that can be a top-level domain ends it; what follows (`.-`, `.5`) is not part.
    let mut end = stop;
    loop {
        let name = text[..end].trim_end_matches(['.', '-']);
        let dot = name.rfind('.')?;
        let top = &name[dot + 1..];
        let is_top = top.starts_with("xn--")
            || (top.chars().count() >= 2 && top.len() <= 63 && top.chars().all(char::is_alphabetic));
        if is_top && !name[..dot].is_empty() && !name.starts_with(['.', '-']) && !name.contains("..") {
            return Some(name.len());
        }
        end = dot;
    }
}

#[cfg(test)]
mod tests {
    use crate::text::pii::PiiRules;

    #[test]
    fn forms() {
        for (text, masked) in [
            ("write to Li.Wei+shop@mail.example.co.uk.", "write to <email>."),
            ("我的邮箱li_wei@example.com，谢谢", "我的邮箱<email>，谢谢"),
            ("li＠example．com", "<email>"),
            ("<jörg@bücher.example>", "<<email>>"),
            ("用户@例子.公司", "<email>"),
            ("почта иван@пример.рф.", "почта <email>."),
            ("li.wei (at) example (dot) com", "<email>"),
            ("li.wei[at]example.com", "<email>"),
            ("it is li.wei at example dot com ok", "it is <email> ok"),
            ("o'hara@example.org", "<email>"),
            ("root@[192.0.2.1]", "<email>"),
            ("root@[IPv6:2001:db8::1]", "<email>"),
            ("あいうえお@example.jp です", "<email> です"),
            ("用户@例子.广告，谢谢", "<email>，谢谢"),
            ("a@my_host.example.com", "<email>"),
            ("\"john doe\"@example.com", "<email>"),
        ] {
            assert_eq!(PiiRules::default().mask(text), masked);
        }
    }

    #[test]
    fn others_stay() {
        for text in [
            "@support please",
            "see you @ 5.30",
            "a@b",
            "look at example.com",
            "@@@",
            "me@",
            "10 @ 2.50 each",
            "meet me at noon (at work)",
        ] {
            assert_eq!(PiiRules::default().mask(text), text);
        }
    }
}
