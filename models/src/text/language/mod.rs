//! The main language of a text, from its script, its small words, and whatlang's trigrams. Made for short messages; it
//! does not tell the parts of a mixed text apart.

mod words;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;
use whatlang::{Detector, Lang};
use words::WORDS;

/// What is looked at, in bytes. Language does not change the more one reads.
const SAMPLE_MAX: usize = 16_384;
/// Letters of an alphabet that are some evidence.
const LETTERS_MIN: usize = 3;
/// A Han character says about as much as this many letters.
const HAN_LETTERS: usize = 4;
/// The share of kana among Han and kana from which a text is Japanese; Chinese has a stray one.
const KANA_SHARE_MIN: f64 = 0.1;
/// Up to this many letters whatlang is not asked for languages that are rare among customers.
const SHORT_LETTERS: usize = 60;
/// Known words for one word of text, and for one of the next best language, that decide.
const COVERAGE_MIN: f64 = 0.25;
const LEAD_MIN: f64 = 1.2;
/// English is what most customers write, and its words are found in many other languages.
const ENGLISH_WEIGHT: f64 = 1.25;
/// What a telling letter counts against a whole word.
const LETTER_WEIGHT: f64 = 0.5;

/// The place of English in the table.
const ENGLISH: usize = 0;

/// Each known word with the languages that have it.
static LANGUAGES_OF: LazyLock<HashMap<&str, Vec<usize>>> = LazyLock::new(|| {
    let mut languages: HashMap<&str, Vec<usize>> = HashMap::new();
    for (language, (_, words, _)) in WORDS.iter().enumerate() {
        for word in words.split_whitespace() {
            let known = languages.entry(word).or_default();
            if !known.contains(&language) {
                known.push(language);
            }
        }
    }
    languages
});

static COMMON: LazyLock<Detector> = LazyLock::new(|| Detector::with_denylist(RARE.to_vec()));

/// Languages that are seldom meant where whatlang finds them in a few words.
const RARE: [Lang; 21] = [
    Lang::Afr,
    Lang::Aka,
    Lang::Aze,
    Lang::Bel,
    Lang::Cym,
    Lang::Epo,
    Lang::Est,
    Lang::Jav,
    Lang::Lat,
    Lang::Lav,
    Lang::Lit,
    Lang::Mkd,
    Lang::Slk,
    Lang::Slv,
    Lang::Sna,
    Lang::Srp,
    Lang::Tgl,
    Lang::Tuk,
    Lang::Uzb,
    Lang::Yid,
    Lang::Zul,
];

/// The main language of `text`: its ISO 639-1 code, or 639-3 where there is none. Chinese of either form is `zh`. `None`
/// if nothing speaks for a language: no letters, or fewer than three of an alphabet. Only the first 16 KiB count.
pub fn language(text: &str) -> Option<&'static str> {
    let sample = without_addresses(&text[..text.floor_char_boundary(SAMPLE_MAX)]);
    let sample = sample.as_ref();
    let scripts = Scripts::count(sample);
    if let Some(east_asian) = scripts.east_asian() {
        return Some(east_asian);
    }
    if scripts.letters < LETTERS_MIN {
        return None;
    }
    if let Some(known) = by_words(sample) {
        return Some(known);
    }
    // Names of things in Latin letters say nothing against the few characters beside them: `iPhone 15 Pro Max 多少钱`.
    if let Some(east_asian) = scripts.main_east_asian() {
        return Some(east_asian);
    }
    let found = if scripts.letters <= SHORT_LETTERS {
        COMMON.detect(sample)
    } else {
        whatlang::detect(sample)
    };
    found.map(|info| code(info.lang()))
}

/// `text` with a space for every URL and e-mail address, which are of no language.
fn without_addresses(text: &str) -> Cow<'_, str> {
    if !["://", "www.", "@"].iter().any(|sign| text.contains(sign)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    // Addresses are ASCII, so that Chinese right before or after them is none of it.
    for run in text.split_inclusive(|c: char| !c.is_ascii_graphic()) {
        let ascii_len = run.find(|c: char| !c.is_ascii_graphic()).unwrap_or(run.len());
        let (ascii, end) = run.split_at(ascii_len);
        let is_address = ["://", "www.", "@"].iter().any(|sign| ascii.contains(sign));
        out.push_str(if is_address { " " } else { ascii });
        out.push_str(end);
    }
    Cow::Owned(out)
}

/// Letters by script.
#[derive(Default)]
struct Scripts {
    han: usize,
    kana: usize,
    hangul: usize,
    /// Of all alphabets.
    letters: usize,
}

impl Scripts {
    fn count(text: &str) -> Self {
        let mut scripts = Self::default();
        for c in text.chars() {
            match c {
                '\u{3400}'..='\u{4dbf}'
                | '\u{4e00}'..='\u{9fff}'
                | '\u{f900}'..='\u{faff}'
                | '\u{20000}'..='\u{3ffff}' => scripts.han += 1,
                '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{ff66}'..='\u{ff9d}' => scripts.kana += 1,
                '\u{1100}'..='\u{11ff}' | '\u{3131}'..='\u{318e}' | '\u{ac00}'..='\u{d7a3}' => scripts.hangul += 1,
                c if c.is_alphabetic() => scripts.letters += 1,
                _ => {}
            }
        }
        scripts
    }

    fn east_asian(&self) -> Option<&'static str> {
        let all = self.han + self.kana + self.hangul;
        if all * HAN_LETTERS < self.letters {
            return None;
        }
        self.main_east_asian()
    }

    /// The likeliest of the three for what there is of their scripts.
    fn main_east_asian(&self) -> Option<&'static str> {
        if self.han + self.kana + self.hangul == 0 {
            return None;
        }
        if self.hangul > self.han + self.kana || (self.hangul > self.kana && self.hangul * HAN_LETTERS > self.han) {
            return Some("ko");
        }
        if self.kana as f64 >= KANA_SHARE_MIN * (self.han + self.kana) as f64 {
            Some("ja")
        } else {
            Some("zh")
        }
    }
}

/// The language whose small words make up enough of the text, if one leads. A word counts the more the fewer languages
/// have it.
fn by_words(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let mut scores = [0.0; WORDS.len()];
    let mut count = 0;
    for word in lower
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
    {
        count += 1;
        if let Some(languages) = LANGUAGES_OF.get(word) {
            languages
                .iter()
                .for_each(|&language| scores[language] += 1.0 / (languages.len() as f64).sqrt());
        }
        if !word.is_ascii() {
            for (score, (_, _, letters)) in scores.iter_mut().zip(&WORDS) {
                if word.contains(|c: char| !c.is_ascii() && letters.contains(c)) {
                    *score += LETTER_WEIGHT;
                }
            }
        }
    }
    scores[ENGLISH] *= ENGLISH_WEIGHT;
    let (best, score) = scores.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let second = scores
        .iter()
        .copied()
        .enumerate()
        .filter(|&(language, _)| language != best)
        .map(|(_, score)| score)
        .fold(0.0, f64::max);
    (score >= COVERAGE_MIN * f64::from(count) && score >= LEAD_MIN * second && score > 0.0).then(|| WORDS[best].0)
}

/// The ISO 639-1 code where there is one.
fn code(lang: Lang) -> &'static str {
    CODES
        .iter()
        .find(|(known, _)| *known == lang)
        .map_or_else(|| lang.code(), |(_, code)| code)
}

const CODES: &[(Lang, &str)] = &[
    (Lang::Epo, "eo"),
    (Lang::Eng, "en"),
    (Lang::Rus, "ru"),
    (Lang::Cmn, "zh"),
    (Lang::Spa, "es"),
    (Lang::Por, "pt"),
    (Lang::Ita, "it"),
    (Lang::Ben, "bn"),
    (Lang::Fra, "fr"),
    (Lang::Deu, "de"),
    (Lang::Ukr, "uk"),
    (Lang::Kat, "ka"),
    (Lang::Ara, "ar"),
    (Lang::Hin, "hi"),
    (Lang::Jpn, "ja"),
    (Lang::Heb, "he"),
    (Lang::Yid, "yi"),
    (Lang::Pol, "pl"),
    (Lang::Amh, "am"),
    (Lang::Jav, "jv"),
    (Lang::Kor, "ko"),
    (Lang::Nob, "nb"),
    (Lang::Dan, "da"),
    (Lang::Swe, "sv"),
    (Lang::Fin, "fi"),
    (Lang::Tur, "tr"),
    (Lang::Nld, "nl"),
    (Lang::Hun, "hu"),
    (Lang::Ces, "cs"),
    (Lang::Ell, "el"),
    (Lang::Bul, "bg"),
    (Lang::Bel, "be"),
    (Lang::Mar, "mr"),
    (Lang::Kan, "kn"),
    (Lang::Ron, "ro"),
    (Lang::Slv, "sl"),
    (Lang::Hrv, "hr"),
    (Lang::Srp, "sr"),
    (Lang::Mkd, "mk"),
    (Lang::Lit, "lt"),
    (Lang::Lav, "lv"),
    (Lang::Est, "et"),
    (Lang::Tam, "ta"),
    (Lang::Vie, "vi"),
    (Lang::Urd, "ur"),
    (Lang::Tha, "th"),
    (Lang::Guj, "gu"),
    (Lang::Uzb, "uz"),
    (Lang::Pan, "pa"),
    (Lang::Aze, "az"),
    (Lang::Ind, "id"),
    (Lang::Tel, "te"),
    (Lang::Pes, "fa"),
    (Lang::Mal, "ml"),
    (Lang::Ori, "or"),
    (Lang::Mya, "my"),
    (Lang::Nep, "ne"),
    (Lang::Sin, "si"),
    (Lang::Khm, "km"),
    (Lang::Tuk, "tk"),
    (Lang::Aka, "ak"),
    (Lang::Zul, "zu"),
    (Lang::Sna, "sn"),
    (Lang::Afr, "af"),
    (Lang::Lat, "la"),
    (Lang::Slk, "sk"),
    (Lang::Cat, "ca"),
    (Lang::Tgl, "tl"),
    (Lang::Hye, "hy"),
    (Lang::Cym, "cy"),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_messages() {
        for (text, code) in [
            ("where is my order", "en"),
            ("I want a refund!!", "en"),
            ("card not working", "en"),
            ("wo ist meine Bestellung", "de"),
            ("Ich möchte mein Geld zurück", "de"),
            ("où est ma commande", "fr"),
            ("je n'ai pas reçu mon colis", "fr"),
            ("dónde está mi pedido", "es"),
            ("quiero cancelar mi pedido", "es"),
            ("dove è il mio ordine", "it"),
            ("non ho ricevuto il pacco", "it"),
            ("onde está o meu pedido", "pt"),
            ("não recebi minha encomenda", "pt"),
            ("waar is mijn bestelling", "nl"),
            ("var är min beställning", "sv"),
            ("gdzie jest moje zamówienie", "pl"),
            ("siparişim nerede", "tr"),
            ("где мой заказ", "ru"),
            ("де моє замовлення", "uk"),
            ("πού είναι η παραγγελία μου", "el"),
            ("أين طلبي", "ar"),
            ("איפה ההזמנה שלי", "he"),
            ("我的订单在哪里", "zh"),
            ("我的訂單在哪裡", "zh"),
            ("我的iPhone手机order没收到", "zh"),
            ("iPhone 15 Pro Max 多少钱", "zh"),
            ("hola", "es"),
            ("login fails", "en"),
            ("注文はどこですか", "ja"),
            ("제 주문은 어디에 있나요", "ko"),
            ("คำสั่งซื้อของฉันอยู่ที่ไหน", "th"),
        ] {
            assert_eq!(language(text), Some(code), "{text}");
        }
        for text in ["", "123 456", "👍!!", "ok", "?"] {
            assert_eq!(language(text), None, "{text}");
        }
    }

    #[test]
    fn every_language_has_one_code() {
        for &lang in Lang::all() {
            assert!(matches!(code(lang).len(), 2 | 3));
            assert_eq!(
                Lang::all().iter().filter(|&&other| code(other) == code(lang)).count(),
                1
            );
        }
    }

    proptest! {
        #[test]
        fn total(text in "(?s).*|[a-zäéñ你の가Ж ]{0,40}") {
            language(&text);
        }
    }
}
