//! Replaces what can identify a person and teaches a model nothing: e-mail addresses, web addresses, long numbers and
//! codes. Works on normalised text. Names and postal addresses are not found here.

const DIGITS_MIN: usize = 4;

/// `text` with `<email>`, `<url>` and `<number>` in place of addresses, of numbers with at least four digits (also
/// when grouped by spaces, dots, dashes, slashes or brackets) and of codes that hold as many. Total and idempotent.
pub fn mask_numbers_and_addresses(text: &str) -> String {
    if !text.contains(['@', '.', ':']) && !text.contains(char::is_numeric) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let at_start = out.chars().next_back().is_none_or(|c| !is_code(c));
        let found = if at_start {
            email(rest).or_else(|| url(rest)).or_else(|| number(rest))
        } else {
            None
        };
        let (length, mask) = found.unwrap_or_else(|| (rest.chars().next().map_or(1, char::len_utf8), ""));
        out.push_str(if mask.is_empty() { &rest[..length] } else { mask });
        rest = &rest[length..];
    }
    out
}

/// Letters of scripts that put no space between words do not continue a code, so `订单12345号` splits.
fn is_code(c: char) -> bool {
    c.is_ascii_alphanumeric() || c.is_numeric() || c == '_'
}

fn email(text: &str) -> Option<(usize, &'static str)> {
    let local = prefix(text, |c| is_code(c) || matches!(c, '.' | '%' | '+' | '-'));
    let after = text[local..].strip_prefix('@').filter(|_| local > 0)?;
    let domain = after[..prefix(after, |c| c.is_alphanumeric() || matches!(c, '.' | '-'))].trim_end_matches(['.', '-']);
    (domain.contains('.')).then_some((local + 1 + domain.len(), "<email>"))
}

fn url(text: &str) -> Option<(usize, &'static str)> {
    let known = ["http://", "https://", "ftp://", "www."]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    let stop = |c: char| !c.is_whitespace() && (c.is_ascii_graphic()) && !matches!(c, '<' | '>' | '"');
    known
        .then(|| (prefix(text, stop), "<url>"))
        .filter(|(length, _)| *length > 4)
}

/// A number, grouped or not, or a code of letters and digits. After a gap only digits are taken in, so that a word next
/// to a number stays.
fn number(text: &str) -> Option<(usize, &'static str)> {
    let (mut digits, mut end, mut gap) = (0, 0, 0);
    for (at, c) in text.char_indices() {
        if c.is_numeric() {
            digits += 1;
            (end, gap) = (at + c.len_utf8(), 0);
        } else if is_code(c) && gap == 0 {
            end = at + c.len_utf8();
        } else if matches!(c, '-' | '.' | '/' | '(' | ')' | ' ' | '+') && gap < 2 {
            // `dm-2041` is one code, `call 2041` is not.
            if digits == 0 && end > 0 && c != '-' {
                break;
            }
            gap += 1;
        } else {
            break;
        }
    }
    (digits >= DIGITS_MIN).then_some((end, "<number>"))
}

fn prefix(text: &str, accept: impl Fn(char) -> bool) -> usize {
    text.find(|c| !accept(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::mask_numbers_and_addresses as mask;
    use proptest::prelude::*;

    #[test]
    fn finds_what_identifies() {
        assert_eq!(mask("mail me at li.wei+shop@example.com."), "mail me at <email>.");
        assert_eq!(mask("see https://example.org/t?key=abc now"), "see <url> now");
        assert_eq!(mask("call +86 138-0013-8000 please"), "call <number> please");
        assert_eq!(mask("card 4111 1111 1111 1111, 2 weeks"), "card <number>, 2 weeks");
        assert_eq!(
            mask("order dm-20418 and 订单20418号"),
            "order <number> and 订单<number>号"
        );
        assert_eq!(mask("iban de89370400440532013000"), "iban <number>");
        assert_eq!(mask("身份证11010519491231002x没有"), "身份证<number>没有");
    }

    #[test]
    fn leaves_the_rest() {
        for text in [
            "within 24 hours",
            "24/7 a.m.",
            "",
            "why is my top-up late?",
            "3 or 4 days...",
            "<email> <number>",
        ] {
            assert_eq!(mask(text), text);
        }
    }

    proptest! {
        #[test]
        fn total_and_idempotent(text in "([a-z0-9@.+() /-]|\\PC)*") {
            let once = mask(&text);
            prop_assert_eq!(mask(&once), once);
        }
    }
}
