//! How people type: slips of the fingers, case, punctuation, width, traditional characters, a word of the other language.
//! It works on the question's sentences only; order numbers and personal data are added after it.

use super::compose::phrases;
use super::dice::Dice;
use super::people::Language;

/// Adds noise to `out[start..]`.
pub(super) fn add(language: Language, angry: bool, dice: &mut Dice, start: usize, out: &mut String) {
    if dice.chance(0.04) {
        switch_word(language, start, out);
    }
    match language {
        Language::En => add_english(angry, dice, start, out),
        Language::Zh => add_chinese(angry, dice, start, out),
    }
    if angry && dice.chance(0.4) {
        out.truncate(out.trim_end().len());
        out.push_str(if language == Language::En { "!!!" } else { "！！！" });
    }
}

/// Code-switching: one word in the other language.
fn switch_word(language: Language, start: usize, out: &mut String) {
    let found = phrases(language)
        .switches
        .iter()
        .find_map(|(own, foreign)| Some((out[start..].find(own)?, own, foreign)));
    if let Some((at, own, foreign)) = found {
        out.replace_range(start + at..start + at + own.len(), foreign);
    }
}

fn add_english(angry: bool, dice: &mut Dice, start: usize, out: &mut String) {
    match dice.unit() {
        share if share < 0.2 => out[start..].make_ascii_lowercase(),
        share if share < if angry { 0.4 } else { 0.215 } => out[start..].make_ascii_uppercase(),
        _ => {}
    }
    if dice.chance(0.12) {
        out.truncate(start + out[start..].trim_end_matches(['.', '?', '!', ' ']).len());
    }
    let slips = match dice.unit() {
        share if share < 0.55 => 0,
        share if share < 0.82 => 1,
        _ => 2 + dice.below(2),
    };
    for _ in 0..slips {
        slip_english(dice, start, out);
    }
}

/// One slip: a neighbouring key, a lost, a doubled or two swapped letters. It hits lower-case letters inside a word, so
/// codes and names of files stay whole; a draw that hits nothing of the sort changes nothing.
fn slip_english(dice: &mut Dice, start: usize, out: &mut String) {
    let bytes = &out.as_bytes()[start..];
    if bytes.len() < 4 {
        return;
    }
    let at = 1 + dice.below(bytes.len() - 2);
    if !bytes[at - 1..=at + 1].iter().all(u8::is_ascii_lowercase) {
        return;
    }
    let (letter, next, at) = (char::from(bytes[at]), char::from(bytes[at + 1]), start + at);
    match dice.below(4) {
        0 => {
            let neighbours = neighbours(letter);
            let wrong = neighbours.as_bytes()[dice.below(neighbours.len())];
            out.replace_range(at..=at, char::from(wrong).encode_utf8(&mut [0; 4]));
        }
        1 => {
            out.remove(at);
        }
        2 => out.insert(at, letter),
        _ => {
            out.remove(at);
            out.insert(at, next);
            out.remove(at + 1);
            out.insert(at + 1, letter);
        }
    }
}

/// The keys beside a letter on a QWERTY keyboard.
const fn neighbours(letter: char) -> &'static str {
    match letter {
        'a' => "qsz",
        'b' => "vgn",
        'c' => "xdv",
        'd' => "sfe",
        'e' => "wrd",
        'f' => "dgr",
        'g' => "fht",
        'h' => "gjy",
        'i' => "uok",
        'j' => "hku",
        'k' => "jli",
        'l' => "kop",
        'm' => "nj",
        'n' => "bmh",
        'o' => "ipl",
        'p' => "ol",
        'q' => "wa",
        'r' => "etf",
        's' => "adw",
        't' => "ryg",
        'u' => "yij",
        'v' => "cbf",
        'w' => "qes",
        'x' => "zcs",
        'y' => "tuh",
        _ => "xs",
    }
}

/// Characters that sound alike and are typed for each other.
const HOMOPHONES: [(char, char); 10] = [
    ('的', '得'),
    ('在', '再'),
    ('账', '帐'),
    ('已', '己'),
    ('吗', '嘛'),
    ('订', '定'),
    ('做', '作'),
    ('没', '莓'),
    ('到', '道'),
    ('是', '事'),
];

/// Simplified characters of our texts and their traditional forms.
const TRADITIONAL: [(char, char); 48] = [
    ('单', '單'),
    ('订', '訂'),
    ('递', '遞'),
    ('请', '請'),
    ('账', '賬'),
    ('户', '戶'),
    ('号', '號'),
    ('码', '碼'),
    ('换', '換'),
    ('货', '貨'),
    ('发', '發'),
    ('还', '還'),
    ('没', '沒'),
    ('为', '為'),
    ('么', '麼'),
    ('时', '時'),
    ('个', '個'),
    ('们', '們'),
    ('这', '這'),
    ('给', '給'),
    ('钱', '錢'),
    ('线', '線'),
    ('买', '買'),
    ('卖', '賣'),
    ('电', '電'),
    ('话', '話'),
    ('邮', '郵'),
    ('证', '證'),
    ('认', '認'),
    ('实', '實'),
    ('销', '銷'),
    ('删', '刪'),
    ('锁', '鎖'),
    ('优', '優'),
    ('质', '質'),
    ('维', '維'),
    ('坏', '壞'),
    ('开', '開'),
    ('对', '對'),
    ('说', '說'),
    ('谁', '誰'),
    ('问', '問'),
    ('转', '轉'),
    ('机', '機'),
    ('员', '員'),
    ('务', '務'),
    ('诉', '訴'),
    ('态', '態'),
];

fn add_chinese(angry: bool, dice: &mut Dice, start: usize, out: &mut String) {
    if dice.chance(0.15) {
        let (right, wrong) = dice.pick(&HOMOPHONES);
        if let Some(at) = out[start..].find(right) {
            out.replace_range(
                start + at..start + at + right.len_utf8(),
                wrong.encode_utf8(&mut [0; 4]),
            );
        }
    }
    if dice.chance(0.05) {
        rewrite(start, out, |letter| {
            TRADITIONAL
                .iter()
                .find(|pair| pair.0 == letter)
                .map_or(letter, |pair| pair.1)
        });
    }
    if dice.chance(0.06) {
        // Full-width forms stand 0xFEE0 after their ASCII ones.
        let wide = |letter: char| char::from_u32(u32::from(letter) + 0xFEE0).unwrap_or(letter);
        rewrite(start, out, |letter| {
            if letter.is_ascii_alphanumeric() {
                wide(letter)
            } else {
                letter
            }
        });
    }
    if !angry && dice.chance(0.12) {
        rewrite(
            start,
            out,
            |letter| if "，。？！".contains(letter) { ' ' } else { letter },
        );
        out.truncate(start + out[start..].trim_end().len());
    }
    if dice.chance(0.1) {
        slip_chinese(dice, start, out);
    }
}

/// One slip: a lost, a doubled or two swapped characters; it leaves ASCII alone.
fn slip_chinese(dice: &mut Dice, start: usize, out: &mut String) {
    let chosen = dice.below(out[start..].chars().count().max(1));
    let Some((at, letter)) = out[start..].char_indices().nth(chosen) else {
        return;
    };
    if letter.is_ascii() {
        return;
    }
    let at = start + at;
    match dice.below(3) {
        0 => {
            out.remove(at);
        }
        1 => out.insert(at, letter),
        _ => {
            out.remove(at);
            let next = out[at..].chars().next().map_or(at, |next| at + next.len_utf8());
            out.insert(next, letter);
        }
    }
}

fn rewrite(start: usize, out: &mut String, change: impl Fn(char) -> char) {
    let changed: String = out[start..].chars().map(change).collect();
    out.truncate(start);
    out.push_str(&changed);
}

#[cfg(test)]
mod tests {
    use super::super::dice::{Seeds, Stream};
    use super::*;

    #[test]
    fn noise_never_breaks_text_and_leaves_the_start_alone() {
        for index in 0..3000 {
            let mut dice = Seeds::new(1).dice(Stream::Case, index);
            for (language, text) in [
                (Language::En, "ID-7 where is my order?"),
                (Language::Zh, "甲7 我的订单到哪了？"),
            ] {
                let mut out = String::from("甲A");
                out.push_str(text);
                add(language, index.is_multiple_of(2), &mut dice, "甲A".len(), &mut out);
                assert!(out.starts_with("甲A"), "{out}");
            }
        }
    }

    #[test]
    fn most_letters_survive() {
        let mut out = String::from("please tell me where my parcel is");
        let before = out.len();
        slip_english(&mut Seeds::new(1).dice(Stream::Case, 4), 0, &mut out);
        assert!(out.len().abs_diff(before) <= 1);
    }
}
