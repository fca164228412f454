//! What a cell looks like: a number, a date, a time, a link. Used to tell a delimiter from a comma, a header from a row,
//! and a row whose fields have slipped; never to change a value.

/// A kind of value that is easy to tell from text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Digits with signs, points, commas; also with a currency or percent sign.
    Number,
    /// Year, month and day, with a time or not.
    Date,
    /// Hours and minutes.
    Time,
    /// A URL or an e-mail address.
    Link,
    /// `true`, `no`, ...
    Flag,
}

impl Kind {
    /// The kind of a trimmed, non-empty text; none for free text.
    pub(super) fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        let first = text.bytes().next()?;
        if text.len() > 300 {
            return None;
        }
        if first.is_ascii_digit() {
            if is_time(text) {
                return Some(Kind::Time);
            }
            if is_date(text) {
                return Some(Kind::Date);
            }
        }
        if is_number(text) {
            return Some(Kind::Number);
        }
        if is_link(text) {
            return Some(Kind::Link);
        }
        let is_flag = |flag: &&str| text.eq_ignore_ascii_case(flag);
        ["true", "false", "yes", "no", "null", "nan", "n/a"]
            .iter()
            .any(is_flag)
            .then_some(Kind::Flag)
    }
}

fn is_number(text: &str) -> bool {
    let text = text.trim_end_matches('%').trim_end();
    let unsigned = text.trim_start_matches(['$', '€', '£', '¥', '￥', '-', '+', '(', ' ']);
    let bare = unsigned.trim_end_matches([')', '€', '£', '¥', '元', ' ']);
    let has_ends =
        bare.starts_with(|c: char| c.is_ascii_digit() || c == '.') && bare.ends_with(|c: char| c.is_ascii_digit());
    let is_inner = |(at, byte): (usize, u8)| match byte {
        b'0'..=b'9' | b'.' | b',' => true,
        b'e' | b'E' => at > 0,
        b'-' | b'+' => matches!(bare.as_bytes().get(at.wrapping_sub(1)), Some(b'e' | b'E')),
        _ => false,
    };
    // Letters in between are an exponent once; more is a code.
    has_ends && bare.len() <= 40 && bare.bytes().enumerate().all(is_inner) && bare.matches(['e', 'E']).count() <= 1
}

fn is_time(text: &str) -> bool {
    let (clock, half) = match text.split_once(' ') {
        Some((clock, half)) => (clock, half),
        None => (text, ""),
    };
    let is_half = half.is_empty()
        || ["am", "pm", "a.m.", "p.m."]
            .iter()
            .any(|word| half.eq_ignore_ascii_case(word));
    let mut parts = clock.split(':');
    let count = clock.split(':').count();
    let is_part = |part: &str| !part.is_empty() && part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = |part: &str| is_part(part.split(['.', ',']).next().unwrap_or_default());
    is_half && (2..=3).contains(&count) && parts.next().is_some_and(is_part) && parts.all(seconds)
}

fn is_date(text: &str) -> bool {
    let (day, time) = match text.split_once(['T', ' ']) {
        Some((day, time)) => (day, time.trim_end_matches('Z')),
        None => (text, ""),
    };
    let time = time.split(['+']).next().unwrap_or_default();
    let is_digits = |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_day = ['-', '/', '.'].iter().any(|&sign| {
        let parts: Vec<&str> = day.split(sign).collect();
        parts.len() == 3 && parts.iter().all(|part| is_digits(part)) && day.len() >= 6
    });
    is_day && (time.is_empty() || is_time(time.trim_end()))
}

fn is_link(text: &str) -> bool {
    if text.contains(char::is_whitespace) {
        return false;
    }
    let has_scheme = ["http://", "https://", "ftp://", "www."]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    let is_mail = || {
        text.split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
    };
    has_scheme || is_mail()
}

/// The kind that nearly all of a column's values have, if it has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ColumnKind {
    pub kind: Option<Kind>,
    /// Whether a value may be empty.
    pub has_empty: bool,
    /// Whether it never has a value.
    pub is_blank: bool,
}

impl ColumnKind {
    /// Of values of which at least three are not empty; a tenth (of five or more: one at least) may be of another
    /// kind.
    pub(super) fn of<'t>(values: impl Iterator<Item = &'t str>) -> Self {
        let (mut counts, mut filled, mut empty) = ([0_usize; 5], 0_usize, 0_usize);
        for value in values {
            if value.trim().is_empty() {
                empty += 1;
                continue;
            }
            filled += 1;
            if let Some(kind) = Kind::of(value) {
                counts[kind as usize] += 1;
            }
        }
        let kinds = [Kind::Number, Kind::Date, Kind::Time, Kind::Link, Kind::Flag];
        let least = if filled >= 5 {
            filled - (filled / 10).max(1)
        } else {
            filled.max(3)
        };
        let kind = kinds.into_iter().find(|&kind| counts[kind as usize] >= least);
        Self {
            kind,
            has_empty: empty * 10 > filled,
            is_blank: filled == 0 && empty >= 3,
        }
    }

    /// Whether a value can be one of this column; true of a column of free text.
    pub(super) fn fits(self, value: &str) -> bool {
        match self.kind {
            None => !self.is_blank || value.trim().is_empty(),
            Some(_) if value.trim().is_empty() => self.has_empty,
            Some(kind) => Kind::of(value) == Some(kind),
        }
    }
}
