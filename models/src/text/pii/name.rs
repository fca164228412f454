//! Names of people in European languages, where the words before them say so: `my name is`, `Mr.`, `Name:`, `Dear ...,`,
//! a signature. A name without such words is not found: rules cannot tell it from any other capitalised word.

use super::context::is_unspaced;
use super::name_words::{NOT_NAMES, PARTICLES};
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
        r"(?i)\b(?:",
        r"(?P<name>my (?:full |first |last |maiden )?name(?: is|'s| was|:)|(?:her|his) (?:maiden |",
        r"full )?name is|mein name ist|ich hei(?:ß|ss)e|je m'appelle|mon nom est|me llamo|mi nombre es|",
        r"mi chiamo|il mio nome è|meu nome é|me chamo|mijn naam is|ik heet|jag heter|mitt namn är|jeg hedder|",
        r"jeg heter|nimeni on|nazywam się|jmenuji se|меня зовут)",
        r"|(?P<label>(?:full|first|last|family|given|middle|maiden|customer|client|contact|account|",
        r"card ?holder|holder|user|sender|recipient|passenger|guest|patient|employee)[ _]?name|cardholder|",
        r"recipient|surname|vorname|nachname|nombre|apellidos?|prénom|cognome|naam|name)[ ]{0,2}:",
        r"|(?P<title>(?:mr|mrs|ms|mx|dr|prof|hr|fr|sr|sra|srta|dott|sig|mme|mlle)\.|mr|mrs|ms|miss|mx|dr|",
        r"professor|herr|frau|herrn|monsieur|madame|mademoiselle|mme|mlle|señora?|señorita|signora?|dottore|",
        r"mevrouw|meneer|mevr|dhr|senhora?|dona)",
        r"|(?P<self>i'm|i am|this is|ich bin|je suis|soy|sono|it's|speaking with|spoke (?:to|with)|call me|",
        r"please call me|people call me|everyone calls me|calls me)",
        r"|(?P<greeting>dear|hi|hello|hey|hallo|liebe[r]?|sehr geehrte[r]?|bonjour|cher|chère|hola|",
        r"estimad[oa]|querid[oa]|ciao|caro|cara|gentile|beste|geachte)",
        r"|(?P<sign>(?:(?:best|kind|warm|kindest|warmest|many) )?regards|sincerely|yours (?:truly|sincerely|",
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
    for cue in CUES.captures_iter(text) {
        let promise = ["name", "label", "title", "self", "greeting", "sign"]
            .into_iter()
            .position(|group| cue.name(group).is_some());
        let promise = match promise {
            Some(0) => Promise::Name,
            Some(1 | 2) => Promise::Title,
            Some(3) => Promise::Self_,
            Some(4) => Promise::Greeting,
            _ => Promise::Signature,
        };
        let whole = cue.get_match();
        // `miss` is a verb and `dr` a street unless they look like titles.
        let shouted = whole.as_str().starts_with(|c: char| c.is_uppercase()) || whole.as_str().ends_with('.');
        if promise == Promise::Title
            && cue.name("title").is_some()
            && !shouted
            && whole.as_str() != "mr"
            && whole.as_str() != "mrs"
        {
            continue;
        }
        if whole.as_str() == "MS" || (cue.name("label").is_some() && is_of_a_thing(&text[..whole.start()])) {
            continue;
        }
        if let Some((start, end)) = after(text, whole.end(), promise) {
            found.push(Found {
                start,
                end,
                kind: PiiType::Name,
                certainty: certainty::NAME,
            });
        }
    }
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
