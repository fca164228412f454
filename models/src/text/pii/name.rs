//! Names of people in European languages, where the words before them say so: `my name is`, `Mr.`, `Name:`, `Dear ...,`,
//! a signature. A name without such words is not found: rules cannot tell it from any other capitalised word.

use super::context::{is_spaced_letter, is_unspaced};
use super::name_words::{GREETING_CUES, NOT_NAMES, PARTICLES, SELF_CUES, TITLE_CUES};
use super::{Found, PiiType, certainty};
use regex::Regex;
use std::sync::LazyLock;

/// How much the words before a name promise.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// A name follows, in capitals or not.
    Name,
    /// A name follows if it has a capital.
    Title,
    /// A name follows if two words have a capital.
    Self_,
    /// A name follows if a comma or the line's end comes after it.
    Greeting,
    /// A name is all there is in the next line.
    Signature,
}

static CUES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)(?-u:\b)(?:",
        r"(?:my (?:full |first |last |maiden )?name(?: is|'s| was|:)|(?:her|his) (?:maiden |",
        r"full )?name is|mein name ist|ich hei(?:ß|ss)e|je m'appelle|mon nom est|me llamo|mi nombre es|",
        r"mi chiamo|il mio nome è|meu nome é|me chamo|mijn naam is|ik heet|jag heter|mitt namn är|jeg hedder|",
        r"jeg heter|nimeni on|nazywam się|jmenuji se|меня зовут)",
        r"|(?:(?:full|first|last|family|given|middle|maiden|customer|client|contact|account|",
        r"card ?holder|holder|user|sender|recipient|passenger|guest|patient|employee)[ _]?name|cardholder|",
        r"recipient|surname|vorname|nachname|nombre|apellidos?|prénom|cognome|naam|name)[ ]{0,2}:",
        r"|(?:(?:mr|mrs|ms|mx|dr|prof|hr|fr|sr|sra|srta|dott|sig|mme|mlle)\.|mr|mrs|ms|miss|mx|dr|",
        r"professor|herr|frau|herrn|monsieur|madame|mademoiselle|mme|mlle|señora?|señorita|signora?|dottore|",
        r"mevrouw|meneer|mevr|dhr|senhora?|dona)(?-u:\b)",
        r"|(?:i'm|i am|this is|ich bin|je suis|soy|sono|it's|speaking with|spoke (?:to|with)|call me|",
        r"please call me|people call me|everyone calls me|calls me)(?-u:\b)",
        r"|(?:dear|hi|hello|hey|hallo|liebe[r]?|sehr geehrte[r]?|bonjour|cher|chère|hola|",
        r"estimad[oa]|querid[oa]|ciao|caro|cara|gentile|beste|geachte)(?-u:\b)",
        r"|(?:(?:(?:best|kind|warm|kindest|warmest|many) )?regards|sincerely|yours (?:truly|sincerely|",
        r"faithfully)|cheers|best(?: wishes)?|thanks|thank you|many thanks|mit freundlichen grüßen|",
        r"viele grüße|beste grüße|mfg|cordialement|bien à vous|saludos|un saludo|atentamente|cordiali saluti|",
        r"distinti saluti|met vriendelijke groet(?:en)?|atenciosamente)[,.!]?[ ]{0,3}\r?\n[ \r\n]{0,3}",
        r")",
    ))
    .expect("a fixed pattern compiles")
});

const WORDS_MAX: usize = 5;
const WORD_BYTES_MAX: usize = 40;

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    for cue in CUES.find_iter(text) {
        let before = &text[..cue.start()];
        let Some(promise) = promise(cue.as_str()) else { continue };
        let label = cue.as_str().ends_with(':');
        if before.chars().next_back().is_some_and(is_spaced_letter) || (label && is_of_a_thing(before)) {
            continue;
        }
        if let Some((start, end)) = after(text, cue.end(), promise) {
            found.push(Found {
                start,
                end,
                kind: PiiType::Name,
                certainty: certainty::NAME,
            });
        }
    }
}

/// What a cue promises; nothing for `miss`, the verb, and for `dr`, the street.
fn promise(cue: &str) -> Option<Promise> {
    let lower = cue.to_lowercase();
    let is = |words: &[&str]| words.contains(&lower.trim_end_matches('.'));
    let promise = if lower.contains('\n') {
        Promise::Signature
    } else if is(SELF_CUES) {
        Promise::Self_
    } else if is(GREETING_CUES) {
        Promise::Greeting
    } else if is(TITLE_CUES) {
        let looks_so = cue.starts_with(char::is_uppercase) || cue.ends_with('.') || matches!(cue, "mr" | "mrs");
        return (looks_so && cue != "MS").then_some(Promise::Title);
    } else if lower.ends_with(':') {
        Promise::Title
    } else {
        Promise::Name
    };
    Some(promise)
}

/// `Product name:`, `file name:`.
fn is_of_a_thing(before: &str) -> bool {
    const THINGS: [&str; 12] = [
        "product", "file", "company", "brand", "model", "item", "domain", "app", "host", "table", "column", "business",
    ];
    let word = before
        .trim_end_matches([' ', '_', '-'])
        .rsplit(|c: char| !c.is_alphabetic())
        .next()
        .unwrap_or("");
    THINGS.contains(&word.to_lowercase().as_str())
}

/// The name after the cue that ends at `from`.
fn after(text: &str, from: usize, promise: Promise) -> Option<(usize, usize)> {
    let rest = &text[from..];
    let gap = rest.len() - rest.trim_start_matches([' ', ':', '.', '"', '*']).len();
    let joined = gap == 0 && promise != Promise::Signature && !text[..from].ends_with([':', '.']);
    if gap > 12 || joined {
        return None;
    }
    let start = from + gap;
    let (end, words, capitals) = walk(text, start, matches!(promise, Promise::Name));
    let next = text[end..].trim_start_matches([' ', '.', '\r']).chars().next();
    let line_ends = next.is_none_or(|c| c == '\n');
    let accepted = match promise {
        Promise::Name => words > 0,
        Promise::Title => capitals > 0,
        Promise::Self_ => capitals > 1,
        Promise::Greeting => capitals > 0 && words <= 3 && (line_ends || matches!(next, Some(',' | '!' | ';' | '，'))),
        Promise::Signature => capitals > 0 && line_ends,
    };
    accepted.then_some((start, end))
}

/// Where the name at `start` ends, how many words it has and how many of them are capitalised. `any_case` takes at most
/// two words without capitals.
fn walk(text: &str, start: usize, any_case: bool) -> (usize, usize, usize) {
    let (mut end, mut at, mut words, mut capitals) = (start, start, 0, 0);
    for _ in 0..WORDS_MAX {
        let word = word(&text[at..]);
        let lower = word.trim_end_matches('.').to_lowercase();
        let is_particle = PARTICLES.contains(&lower.as_str()) && !word.starts_with(char::is_uppercase);
        let capital = word.starts_with(char::is_uppercase);
        if lower.is_empty() || word.len() > WORD_BYTES_MAX || (!is_particle && is_no_name(&lower)) {
            break;
        }
        if !is_particle {
            if !capital && (!any_case || words >= 2 || capitals > 0) {
                break;
            }
            end = at + word.len();
            words += 1;
            capitals += usize::from(capital);
        }
        at += word.len();
        if !text[at..].starts_with(' ') {
            break;
        }
        at += 1;
    }
    // The stop after the last word ends the sentence, unless it is an initial's.
    let name = text[start..end].trim_end_matches(['\'', '-']);
    let initial = name.len() >= 2
        && name.ends_with('.')
        && name[..name.len() - 1]
            .chars()
            .rev()
            .nth(1)
            .is_none_or(|c| !c.is_alphabetic());
    (
        start
            + if initial {
                name.len()
            } else {
                name.trim_end_matches('.').len()
            },
        words,
        capitals,
    )
}

/// A word of the list, also with an ending such as in `I've`.
fn is_no_name(lower: &str) -> bool {
    let stem = lower.split('\'').next().unwrap_or(lower);
    NOT_NAMES.binary_search(&stem).is_ok()
}

fn word(text: &str) -> &str {
    let letters = |c: char| (c.is_alphabetic() && !is_unspaced(c)) || matches!(c, '\'' | '-' | '\u{300}'..='\u{36f}');
    let len = text.find(|c| !letters(c)).unwrap_or(text.len());
    let dotted = (1..=4).contains(&len) && text[len..].starts_with('.') && text[..len].starts_with(char::is_uppercase);
    &text[..len + usize::from(dotted)]
}
