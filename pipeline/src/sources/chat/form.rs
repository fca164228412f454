//! The forms that a line with a turn may have, and which of them a file has. It parses no time: it only tells where one
//! ends.

/// How turns are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `[time] speaker: text`
    Bracketed,
    /// `time - speaker: text`
    Dashed,
    /// `speaker (time): text`
    Parenthesis,
    /// `time speaker: text`
    TimeFirst,
    /// `speaker time` or `time speaker` on a line of its own, the text below
    Headed,
    /// `speaker: text`
    Plain,
}

/// A line that starts a turn.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn<'l> {
    pub time: Option<&'l str>,
    /// None where the chat itself speaks, such as `Anna joined`.
    pub speaker: Option<&'l str>,
    pub text: &'l str,
}

/// The more specific first: of two that fit equally, the first is taken.
const TIMED: [Form; 5] = [
    Form::Bracketed,
    Form::Dashed,
    Form::Parenthesis,
    Form::TimeFirst,
    Form::Headed,
];
/// Lines with a colon stand within texts; so a form with times is taken even if four times as many lines are plain.
const PLAIN_PER_TIMED: usize = 4;
/// The longest name of a speaker, in characters.
const SPEAKER_MAX_CHARS: usize = 60;
/// Names without a time beside them have at most so many words: more are a sentence.
const SPEAKER_MAX_WORDS: usize = 4;
/// Marks of direction and byte order that chat programs write before a line.
const MARKS: [char; 5] = ['\u{200e}', '\u{200f}', '\u{202a}', '\u{202c}', '\u{feff}'];

impl Form {
    /// The form that most lines fit.
    pub(super) fn most_fitting(lines: &[String]) -> Self {
        let fit = |form: Form| {
            let has_speaker = |line: &&String| form.turn(line).is_some_and(|turn| turn.speaker.is_some());
            lines.iter().filter(has_speaker).count()
        };
        let mut best = (TIMED[0], 0);
        for form in TIMED {
            let count = fit(form);
            if count > best.1 {
                best = (form, count);
            }
        }
        if best.1 * PLAIN_PER_TIMED > fit(Form::Plain) {
            best.0
        } else {
            Form::Plain
        }
    }

    /// What a line of this form looks like.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Form::Bracketed => "turns of this file look like `[time] speaker: text`",
            Form::Dashed => "turns of this file look like `time - speaker: text`",
            Form::Parenthesis => "turns of this file look like `speaker (time): text`",
            Form::TimeFirst => "turns of this file look like `time speaker: text`",
            Form::Headed => "turns of this file start with `speaker time` on a line of its own",
            Form::Plain => "turns of this file look like `speaker: text`",
        }
    }

    /// The turn that starts in a line.
    pub(super) fn turn(self, line: &str) -> Option<Turn<'_>> {
        let line = line.trim_start_matches(MARKS).trim_end();
        match self {
            Form::Bracketed => {
                let (time, rest) = line.strip_prefix(['[', '【'])?.split_once([']', '】'])?;
                (time_end(time)? == time.len()).then(|| spoken(Some(time), rest))
            }
            Form::Dashed => {
                let (time, rest) = line.split_at(time_end(line)?);
                let rest = rest.trim_start().strip_prefix(['-', '–', '—'])?;
                Some(spoken(Some(time.trim_end()), rest))
            }
            Form::Parenthesis => {
                let (speaker, rest) = line.split_once(['(', '（'])?;
                let (time, rest) = rest.split_once([')', '）'])?;
                let text = rest.trim_start().strip_prefix([':', '：'])?;
                let is_time = time_end(time)? == time.len();
                let speaker = name(speaker)?;
                is_time.then(|| Turn {
                    time: Some(time),
                    speaker: Some(speaker),
                    text: text.trim_start(),
                })
            }
            Form::TimeFirst => {
                let (time, rest) = line.split_at(time_end(line)?);
                let (speaker, text) = split_speaker(rest)?;
                Some(Turn {
                    time: Some(time.trim_end()),
                    speaker: Some(speaker),
                    text,
                })
            }
            Form::Headed => headed(line),
            Form::Plain => {
                let (speaker, text) = split_speaker(line)?;
                is_plain_name(speaker, &line[line.len() - text.len()..], line).then_some(Turn {
                    time: None,
                    speaker: Some(speaker),
                    text,
                })
            }
        }
    }
}

/// What follows a time: `speaker: text`, or the chat's own words.
fn spoken<'l>(time: Option<&'l str>, rest: &'l str) -> Turn<'l> {
    let rest = rest.trim_start_matches(MARKS).trim_start();
    let (speaker, text) = match split_speaker(rest) {
        Some((speaker, text)) => (Some(speaker), text),
        None => (None, rest),
    };
    Turn { time, speaker, text }
}

/// `speaker: text`, with a colon of either width.
fn split_speaker(line: &str) -> Option<(&str, &str)> {
    let (speaker, text) = line.split_once([':', '：'])?;
    Some((name(speaker)?, text.trim_start_matches(MARKS).trim_start()))
}

fn name(speaker: &str) -> Option<&str> {
    let speaker = speaker.trim_matches(MARKS).trim();
    let has_letter = speaker.chars().any(char::is_alphanumeric);
    (has_letter && speaker.chars().count() <= SPEAKER_MAX_CHARS).then_some(speaker)
}

/// Whether a name without a time is one: no sentence, no time, no address.
fn is_plain_name(speaker: &str, text: &str, line: &str) -> bool {
    let is_sentence = speaker.contains(['?', '!', ',', '，', '。', '？', '！', '"', '/', '[', '【']);
    let is_short = speaker.split_whitespace().count() <= SPEAKER_MAX_WORDS;
    let is_address = text.starts_with("//") || text.starts_with('\\');
    // `10:30` has nothing between its colon and its digits; a name stands apart from what it says.
    let starts_as_name = !speaker.starts_with(|sign: char| sign.is_ascii_digit());
    let behind = &line[line.find([':', '：']).unwrap_or(0)..];
    let is_apart = behind.starts_with('：')
        || behind.len() == 1
        || behind[1..].starts_with([' ', '\t'])
        || !behind[1..].starts_with(|sign: char| sign.is_ascii());
    !is_sentence && is_short && !is_address && starts_as_name && is_apart
}

/// `speaker time` or `time speaker`, and nothing else.
fn headed(line: &str) -> Option<Turn<'_>> {
    let turn = |time, speaker| Turn {
        time: Some(time),
        speaker: Some(speaker),
        text: "",
    };
    if let Some(end) = time_end(line) {
        let (time, rest) = line.split_at(end);
        let speaker = name(rest)?;
        let is_name = rest.starts_with(char::is_whitespace) && is_plain_name(speaker, "", ":");
        return (is_name && !rest.contains([':', '：'])).then(|| turn(time.trim_end(), speaker));
    }
    let starts = line
        .char_indices()
        .filter(|(_, sign)| sign.is_whitespace() || matches!(sign, '(' | '（'));
    for (at, sign) in starts.take(2 * SPEAKER_MAX_CHARS) {
        let time = line[at + sign.len_utf8()..].trim().trim_end_matches([')', '）']);
        if time_end(time) == Some(time.len()) {
            return Some(turn(time, name(&line[..at])?));
        }
    }
    None
}

/// Where a time at the start of a text ends: digits and what stands between them, with hours and minutes among them.
fn time_end(text: &str) -> Option<usize> {
    if !text.starts_with(|sign: char| sign.is_ascii_digit()) {
        return None;
    }
    let mut end = 0;
    let mut has_clock = false;
    let mut digits_before_colon = 0;
    let mut at = 0;
    while let Some(sign) = text[at..].chars().next() {
        let rest = &text[at..];
        if let Some(word) = half_day(rest) {
            at += word;
            end = at;
            continue;
        }
        let behind = at + sign.len_utf8();
        let next_is_digit = text[behind..].starts_with(|sign: char| sign.is_ascii_digit());
        match sign {
            '0'..='9' => {
                digits_before_colon += 1;
                end = behind;
            }
            ':' | '：' if digits_before_colon > 0 && next_is_digit => {
                has_clock = true;
                digits_before_colon = 0;
            }
            '年' | '月' | '日' | '时' | '分' | '秒' | '点' => {
                has_clock |= matches!(sign, '时' | '点');
                digits_before_colon = 0;
                end = behind;
            }
            '-' | '/' | '.' | '+' | 'T' if next_is_digit && end == at => digits_before_colon = 0,
            'Z' if end == at && has_clock => end = behind,
            ',' | ' ' | '\u{a0}' | '\u{202f}' => digits_before_colon = 0,
            _ => break,
        }
        at = behind;
    }
    has_clock.then_some(end)
}

/// The length of a word for half of the day at the start of a text.
fn half_day(text: &str) -> Option<usize> {
    let words = [
        "上午", "下午", "凌晨", "早上", "中午", "晚上", "a.m.", "p.m.", "am", "pm",
    ];
    words.into_iter().map(str::len).zip(words).find_map(|(length, word)| {
        let start = text.get(..length)?;
        let behind = text[length..].chars().next();
        let is_whole = !word.is_ascii() || !behind.is_some_and(char::is_alphanumeric);
        (start.eq_ignore_ascii_case(word) && is_whole).then_some(length)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shown(line: &str) -> String {
        let form = Form::most_fitting(&[line.to_owned()]);
        let turn = form.turn(line).unwrap();
        format!(
            "{}|{}|{}",
            turn.time.unwrap_or("-"),
            turn.speaker.unwrap_or("-"),
            turn.text
        )
    }

    #[test]
    fn the_usual_forms_are_told() {
        let lines = [
            ("[10:11] Anna: hi: there", "10:11|Anna|hi: there"),
            ("2024-01-02 10:11:12 Anna: hi", "2024-01-02 10:11:12|Anna|hi"),
            ("2024-01-02T10:11:12Z Anna: hi", "2024-01-02T10:11:12Z|Anna|hi"),
            ("10:11 - Anna: hi", "10:11|Anna|hi"),
            ("Anna (10:11): hi", "Anna|10:11|hi"),
            ("12/31/23, 9:15 PM - Anna Bell: hi", "12/31/23, 9:15 PM|Anna Bell|hi"),
            (
                "12/31/23, 9:15\u{202f}PM - Anna: hi",
                "12/31/23, 9:15\u{202f}PM|Anna|hi",
            ),
            ("\u{200e}[31.12.23, 21:15:03] Anna: hi", "31.12.23, 21:15:03|Anna|hi"),
            ("客服小王 2024-01-02 10:11:12", "2024-01-02 10:11:12|客服小王|"),
            ("2024-01-02 10:11:12 小王", "2024-01-02 10:11:12|小王|"),
            ("[2024年1月2日 下午3:05] 客服：您好", "2024年1月2日 下午3:05|客服|您好"),
            ("客户：在吗", "-|客户|在吗"),
            ("Anna: hi", "-|Anna|hi"),
        ];
        for (line, expected) in lines {
            let expected = expected.replace("Anna|10:11", "10:11|Anna");
            assert_eq!(shown(line), expected, "{line}");
        }
    }

    #[test]
    fn sentences_are_no_speakers() {
        for line in [
            "see https://example.com",
            "at 10:30",
            "So, this is it: no",
            "10:30 is fine",
        ] {
            assert_eq!(Form::Plain.turn(line), None, "{line}");
        }
    }
}
