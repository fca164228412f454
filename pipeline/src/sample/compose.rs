//! From templates to what a customer wrote: choices, slots, the sentences around the question. Typing errors are added by
//! `noise`; personal data comes from `personal`.

use std::fmt::Write as _;

use jiff::tz::Offset;

use super::clock::{DAY_S, timestamp};
use super::dice::Dice;
use super::intents::name_of;
use super::names::{CARRIERS_EN, CARRIERS_ZH, CITIES_EN, CITIES_ZH, PRODUCTS, PROMO_CODES, SIZES};
use super::noise;
use super::orders::Order;
use super::people::{Customer, Language, Name};
use super::personal;
use super::phrases::{EN, Phrases, ZH};
use super::{texts_en, texts_zh};

/// The templates of one intent in one language. `intent` guards the order of the tables.
pub(super) struct IntentTexts {
    pub(super) intent: &'static str,
    pub(super) subjects: &'static [&'static str],
    pub(super) bodies: &'static [&'static str],
}

/// The small words of a language.
pub(super) const fn phrases(language: Language) -> &'static Phrases {
    match language {
        Language::En => &EN,
        Language::Zh => &ZH,
    }
}

/// The templates of an intent number, `OTHER` included.
pub(super) fn texts(language: Language, intent: usize) -> &'static IntentTexts {
    let texts = match language {
        Language::En => &texts_en::TEXTS[intent],
        Language::Zh => &texts_zh::TEXTS[intent],
    };
    debug_assert_eq!(texts.intent, name_of(intent));
    texts
}

/// What slots are filled from.
pub(super) struct Slots {
    pub(super) customer: Customer,
    pub(super) order: Option<Order>,
    /// The product talked about; that of the order, if there is one.
    pub(super) product: usize,
    pub(super) at_s: i64,
    pub(super) agent: Name,
}

/// Appends a template, its choices taken and its slots filled.
pub(super) fn fill(template: &str, slots: &Slots, dice: &mut Dice, out: &mut String) {
    let mut rest = template;
    while let Some(at) = rest.bytes().position(|byte| byte == b'[' || byte == b'{') {
        out.push_str(&rest[..at]);
        let close = if rest.as_bytes()[at] == b'[' { b']' } else { b'}' };
        let end = at
            + rest[at..]
                .bytes()
                .position(|byte| byte == close)
                .unwrap_or(rest.len() - at - 1);
        let inside = &rest[at + 1..end];
        if close == b'}' {
            fill_slot(inside, slots, dice, out);
        } else {
            let choices = 1 + inside.bytes().filter(|&byte| byte == b'|').count();
            let choice = inside.split('|').nth(dice.below(choices)).unwrap_or(inside);
            // Choices hold no choices, so this goes one level down only.
            fill(choice, slots, dice, out);
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
}

/// Every slot name a template may use; the tables are tested against it.
#[cfg(test)]
pub(super) const SLOT_NAMES: [&str; 10] = [
    "item", "order", "amount", "days", "date", "city", "carrier", "name", "code", "size",
];

fn fill_slot(slot: &str, slots: &Slots, dice: &mut Dice, out: &mut String) {
    let language = slots.customer.language;
    let english = language == Language::En;
    match slot {
        "item" => out.push_str(if english {
            PRODUCTS[slots.product].en
        } else {
            PRODUCTS[slots.product].zh
        }),
        "order" => match slots.order {
            Some(order) => Order::push_id(order.index, out),
            None => out.push_str(if english { "unknown" } else { "不详" }),
        },
        "amount" => fill_amount(slots, out),
        "days" => {
            let _ = write!(out, "{}", 2 + dice.below(12));
        }
        "date" => fill_date(slots, dice, out),
        "city" if dice.chance(0.6) => out.push_str(slots.customer.city),
        "city" => out.push_str(dice.pick(if english { &CITIES_EN } else { &CITIES_ZH })),
        "carrier" => out.push_str(dice.pick(if english { &CARRIERS_EN } else { &CARRIERS_ZH })),
        "name" => slots.agent.push(out),
        "code" => out.push_str(dice.pick(&PROMO_CODES)),
        "size" => out.push_str(dice.pick(&SIZES)),
        unknown => out.push_str(unknown),
    }
}

fn fill_amount(slots: &Slots, out: &mut String) {
    let cents = slots
        .order
        .map_or(PRODUCTS[slots.product].price_cents, |order| order.cents);
    let _ = match slots.customer.language {
        Language::En => write!(out, "${}.{:02}", cents / 100, cents % 100),
        Language::Zh => write!(out, "{}元", cents * 7 / 100),
    };
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "March", "April", "May", "June", "July", "August", "Sept", "Oct", "Nov", "Dec",
];

/// A day in the last weeks, written in one of the usual ways.
fn fill_date(slots: &Slots, dice: &mut Dice, out: &mut String) {
    let day = Offset::UTC.to_datetime(timestamp(slots.at_s - (1 + dice.below(20)) as i64 * DAY_S));
    let (month, number) = (day.month(), day.day());
    let name = MONTHS[usize::from(month.unsigned_abs()) - 1];
    let _ = match (slots.customer.language, dice.below(3)) {
        (Language::En, 0) => write!(out, "{name} {number}"),
        (Language::En, 1) => write!(out, "{number} {name}"),
        (Language::En, _) => write!(out, "{month}/{number}"),
        (Language::Zh, 0) => write!(out, "{month}.{number}"),
        (Language::Zh, _) => write!(out, "{month}月{number}日"),
    };
}

/// Appends a subject: mostly about the question, now and then one that says nothing, or none at all.
pub(super) fn push_subject(intent: usize, slots: &Slots, dice: &mut Dice, out: &mut String) {
    let language = slots.customer.language;
    match dice.unit() {
        share if share < 0.08 => {}
        share if share < 0.35 => fill(dice.pick(phrases(language).generic_subjects), slots, dice, out),
        _ => fill(dice.pick(texts(language, intent).subjects), slots, dice, out),
    }
}

/// How a message is to be written.
pub(super) struct Manner {
    pub(super) angry: bool,
    /// Written by an agent during a call.
    pub(super) phone_note: bool,
}

/// Appends the message and says whether it holds personal data.
pub(super) fn push_body(intent: usize, manner: &Manner, slots: &Slots, dice: &mut Dice, out: &mut String) -> bool {
    let start = out.len();
    let words = phrases(slots.customer.language);
    let templates = texts(slots.customer.language, intent).bodies;
    if manner.phone_note {
        sentence(words.phone_notes, slots, dice, out);
    } else if dice.chance(0.35) {
        sentence(words.openers, slots, dice, out);
        if dice.chance(0.1) {
            out.push('\n');
        }
    }
    if manner.angry && dice.chance(0.5) {
        sentence(words.angry, slots, dice, out);
    }
    let first = dice.below(templates.len());
    fill(templates[first], slots, dice, out);
    if manner.angry {
        end_sentence(slots, out);
        sentence(words.angry, slots, dice, out);
    } else if dice.chance(0.18) {
        end_sentence(slots, out);
        sentence(words.filler, slots, dice, out);
    } else if dice.chance(0.12) {
        end_sentence(slots, out);
        sentence(words.polite, slots, dice, out);
    }
    noise::add(slots.customer.language, manner.angry, dice, start, out);
    push_details(words, slots, dice, out)
}

/// Order number, personal data and closing words: what typing errors must leave alone, so that they can be recognised.
fn push_details(words: &Phrases, slots: &Slots, dice: &mut Dice, out: &mut String) -> bool {
    if slots.order.is_some() && dice.chance(0.3) {
        end_sentence(slots, out);
        sentence(words.order_detail, slots, dice, out);
    }
    let personal = dice.chance(0.1);
    if personal {
        end_sentence(slots, out);
        personal::push_sentence(&slots.customer, dice, out);
    }
    if dice.chance(0.2) {
        end_sentence(slots, out);
        sentence(words.closers, slots, dice, out);
    }
    out.truncate(out.trim_end().len());
    personal
}

/// Appends one of the phrases, with a blank after it where the language uses blanks.
fn sentence(phrases: &[&str], slots: &Slots, dice: &mut Dice, out: &mut String) {
    fill(dice.pick(phrases), slots, dice, out);
    if slots.customer.language == Language::En {
        out.push(' ');
    }
}

/// Closes the sentence before another one follows.
fn end_sentence(slots: &Slots, out: &mut String) {
    let english = slots.customer.language == Language::En;
    out.truncate(out.trim_end_matches(' ').len());
    if !out.ends_with(['.', '?', '!', '。', '？', '！', '，', '\n']) && !out.is_empty() {
        out.push_str(if english { "." } else { "，" });
    }
    if english {
        out.push(' ');
    }
}

/// Appends the text of a re-sent message: the same with one word changed.
pub(super) fn push_resent(language: Language, body: &str, dice: &mut Dice, out: &mut String) {
    let word = dice.pick(phrases(language).resent_words);
    match language {
        Language::En => {
            // Only a plain word is changed, never a number or an address.
            let words = body.split(' ').count();
            let chosen = dice.below(words);
            let fits = |k: usize, old: &str| {
                k >= chosen && !old.is_empty() && old.bytes().all(|byte| byte.is_ascii_alphabetic())
            };
            let at = body
                .split(' ')
                .enumerate()
                .find(|&(k, old)| fits(k, old))
                .map_or(words, |(k, _)| k);
            for (k, old) in body.split(' ').enumerate() {
                if k > 0 {
                    out.push(' ');
                }
                out.push_str(if k == at { word } else { old });
            }
            if at == words {
                out.push(' ');
                out.push_str(word);
            }
        }
        Language::Zh => {
            let at = body.find(['，', '！', '。']).map_or(0, |at| at + '，'.len_utf8());
            out.push_str(&body[..at]);
            out.push_str(word);
            out.push_str(&body[at..]);
        }
    }
}
