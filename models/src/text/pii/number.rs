//! Numbers in a text: groups of digits with the signs people put between them. Every group, and every few groups in a
//! row, is put before the finders of cards, national ids, IP addresses and phones.

use super::context::is_spaced_letter;
use super::{Found, PiiType, card, certainty, national, network, phone};

const GROUPS_MAX: usize = 8;
const DIGITS_MAX: usize = 20;
const DIGITS_MIN: usize = 4;
const GAP_BYTES_MAX: usize = 4;

/// Some groups of digits in a row.
pub(super) struct Number<'t> {
    pub(super) text: &'t str,
    /// First byte, with the `+` or the bracket before the digits.
    pub(super) start: usize,
    /// Byte after the last digit.
    pub(super) end: usize,
    digits: [u8; DIGITS_MAX],
    count: usize,
    lens: [usize; GROUPS_MAX],
    /// What stands before each group but the first: a space, `)`, `-`, `.`, `/`, or `?` for anything odd.
    gaps: [u8; GROUPS_MAX],
    groups: usize,
    /// A `+` stands before the digits.
    pub(super) plus: bool,
    /// The first group stands in brackets.
    pub(super) bracket: bool,
    /// What stands before does not make it part of something longer.
    pub(super) left_ok: bool,
    /// What stands after does not make it part of something longer.
    pub(super) right_ok: bool,
    /// No other group of digits hangs on.
    pub(super) alone: bool,
}

impl Number<'_> {
    /// Digit values.
    pub(super) fn digits(&self) -> &[u8] {
        &self.digits[..self.count]
    }

    /// Lengths of the groups.
    pub(super) fn lens(&self) -> &[usize] {
        &self.lens[..self.groups]
    }

    /// What stands between the groups, one for each gap.
    pub(super) fn gaps(&self) -> &[u8] {
        &self.gaps[1..self.groups]
    }

    /// All gaps alike, and usual.
    pub(super) fn is_even(&self) -> bool {
        let gaps = self.gaps();
        gaps.windows(2).all(|pair| pair[0] == pair[1])
            && gaps.first().is_none_or(|gap| matches!(gap, b' ' | b'-' | b'.'))
    }

    /// Exactly this grouping with these gaps.
    pub(super) fn is_form(&self, lens: &[usize], gaps: &[u8]) -> bool {
        self.lens() == lens && self.gaps() == gaps
    }

    /// Ungrouped, or in these groups with one kind of gap.
    pub(super) fn is_plain_or(&self, lens: &[usize]) -> bool {
        self.groups == 1 || (self.lens() == lens && self.is_even())
    }

    fn of<'t>(text: &'t str, run: &[(usize, usize)], first: usize, groups: usize) -> Option<Number<'t>> {
        let bytes = text.as_bytes();
        let part = &run[first..first + groups];
        let (from, end) = (part[0].0, part[groups - 1].1);
        let (mut digits, mut count) = ([0; DIGITS_MAX], 0);
        let (mut lens, mut gaps) = ([0; GROUPS_MAX], [0; GROUPS_MAX]);
        for (index, &(group_start, group_end)) in part.iter().enumerate() {
            lens[index] = group_end - group_start;
            if count + lens[index] > DIGITS_MAX {
                return None;
            }
            for byte in &bytes[group_start..group_end] {
                digits[count] = byte - b'0';
                count += 1;
            }
            if index > 0 {
                gaps[index] = gap(&bytes[part[index - 1].1..group_start]);
            }
        }
        let (start, plus, bracket) = opening(&bytes[..end], from);
        let joined_left = first > 0
            && !bytes[run[first - 1].1..from]
                .iter()
                .any(|byte| matches!(byte, b' ' | b'('));
        let next = run.get(first + groups);
        let joined_right = next.is_some_and(|next| !bytes[end..next.0].contains(&b' '));
        Some(Number {
            text,
            start,
            end,
            digits,
            count,
            lens,
            gaps,
            groups,
            plus,
            bracket,
            left_ok: !joined_left && is_left_free(text, start),
            right_ok: !joined_right && is_right_free(text, end),
            alone: first == 0 && next.is_none(),
        })
    }
}

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let mut run = Vec::new();
    let mut at = 0;
    while let Some(first) = bytes[at..].iter().position(u8::is_ascii_digit) {
        at = read_run(bytes, at + first, &mut run);
        let digits: usize = run.iter().map(|group| group.1 - group.0).sum();
        if digits < DIGITS_MIN {
            continue;
        }
        for first in 0..run.len() {
            for groups in 1..=GROUPS_MAX.min(run.len() - first) {
                match Number::of(text, &run, first, groups) {
                    Some(number) => classify(&number, found),
                    None => break,
                }
            }
        }
    }
}

/// Reads groups of digits from `at` on into `run` and returns where they end.
fn read_run(bytes: &[u8], mut at: usize, run: &mut Vec<(usize, usize)>) -> usize {
    run.clear();
    loop {
        let end = at + bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        run.push((at, end));
        let is_gap = |byte: &&u8| matches!(byte, b' ' | b'-' | b'.' | b'/' | b'(' | b')');
        let gap = bytes[end..].iter().take(GAP_BYTES_MAX + 1).take_while(is_gap).count();
        if gap == 0 || gap > GAP_BYTES_MAX || !bytes.get(end + gap).is_some_and(u8::is_ascii_digit) {
            return end;
        }
        at = end + gap;
    }
}

fn classify(number: &Number<'_>, found: &mut Vec<Found>) {
    let mut push = |end, kind, certainty| {
        found.push(Found {
            start: number.start,
            end,
            kind,
            certainty,
        })
    };
    if let Some((end, certainty)) = national::end(number) {
        push(end, PiiType::NationalId, certainty);
    }
    if card::is_card(number) {
        push(number.end, PiiType::Card, certainty::CARD);
    }
    if network::is_ipv4(number) {
        push(number.end, PiiType::Ip, certainty::IP);
    }
    if let Some((end, certainty)) = phone::end(number) {
        push(end, PiiType::Phone, certainty);
    }
}

/// One sign for the gap between two groups.
fn gap(bytes: &[u8]) -> u8 {
    let mut signs = bytes.iter().filter(|byte| !matches!(byte, b' ' | b'(' | b')'));
    match (signs.next(), signs.next()) {
        (None, _) => b' ',
        // `) - 12` and `)-12` are one gap.
        (Some(&sign), None) => sign,
        _ => b'?',
    }
}

/// Where a number begins whose digits begin at `from`: with its `+` and, if it is closed again, its bracket.
fn opening(bytes: &[u8], from: usize) -> (usize, bool, bool) {
    let closes = bytes[from..].contains(&b')');
    let mut start = from;
    let mut sign = |sign: &[u8]| {
        let has = bytes[..start].ends_with(sign);
        start -= if has { sign.len() } else { 0 };
        has
    };
    let bracket = closes && sign(b"(");
    let plus = sign(b"+") || (!bracket && sign(b"+ "));
    if plus && closes && !bracket && sign(b"(") {
        return (start, true, false);
    }
    (start, plus, bracket)
}

/// Nothing before that would make digits from `start` on the tail of a code, an amount or a longer number.
pub(super) fn is_left_free(text: &str, start: usize) -> bool {
    let mut chars = text[..start].chars().rev();
    let Some(last) = chars.next() else { return true };
    let before = chars.next().unwrap_or(' ');
    match last {
        '_' | '$' | '€' | '£' | '¥' | '￥' | '₹' | '@' => false,
        ',' | '.' | '/' | ':' | '*' | '^' => !before.is_ascii_digit() && (last != '.' || !before.is_whitespace()),
        '-' => !before.is_ascii_alphanumeric(),
        c => !c.is_ascii_digit() && !is_spaced_letter(c),
    }
}

/// Nothing after that would make digits up to `end` the head of a code, an amount or a longer number.
pub(super) fn is_right_free(text: &str, end: usize) -> bool {
    let mut chars = text[end..].chars();
    let Some(first) = chars.next() else { return true };
    let then = chars.next().unwrap_or(' ');
    match first {
        '_' | '%' | '$' | '€' | '£' | '°' | '@' | '*' => false,
        '.' => !then.is_ascii_alphanumeric(),
        ',' | ':' | '/' | '-' => !then.is_ascii_digit(),
        c => !c.is_ascii_digit() && !is_spaced_letter(c),
    }
}
