//! Customers and agents. A customer is drawn again from its number whenever a case needs it; the agents, at most 2,000,
//! are kept.

use std::fmt::Write as _;

use super::clock::{DAY_S, DESK_START_S, push_date};
use super::dice::{Dice, Seeds, Stream};
use super::intents::Group;
use super::names::{CITIES_EN, CITIES_ZH, FAMILY_EN, FAMILY_ZH, GIVEN_EN, GIVEN_ZH};
use super::personal;

/// The language of a customer, a text or an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    En,
    Zh,
}

impl Language {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }
}

/// A person's name as positions in the tables of `names`.
#[derive(Clone, Copy)]
pub(super) struct Name {
    language: Language,
    given: usize,
    family: usize,
}

impl Name {
    pub(super) fn draw(language: Language, dice: &mut Dice) -> Self {
        let (given, family) = match language {
            Language::En => (GIVEN_EN.len(), FAMILY_EN.len()),
            Language::Zh => (GIVEN_ZH.len(), FAMILY_ZH.len()),
        };
        Self {
            language,
            given: dice.below(given),
            family: dice.below(family),
        }
    }

    /// Appends the full name in its own writing.
    pub(super) fn push(self, out: &mut String) {
        match self.language {
            Language::En => {
                out.push_str(GIVEN_EN[self.given]);
                out.push(' ');
                out.push_str(FAMILY_EN[self.family]);
            }
            Language::Zh => {
                out.push_str(FAMILY_ZH[self.family].0);
                out.push_str(GIVEN_ZH[self.given].0);
            }
        }
    }

    /// Appends `given.family` in Latin letters, for an e-mail address.
    pub(super) fn push_latin(self, out: &mut String) {
        let (given, family) = match self.language {
            Language::En => (GIVEN_EN[self.given], FAMILY_EN[self.family]),
            Language::Zh => (GIVEN_ZH[self.given].1, FAMILY_ZH[self.family].1),
        };
        out.extend(
            given
                .chars()
                .chain(['.'])
                .chain(family.chars())
                .map(|letter| letter.to_ascii_lowercase()),
        );
    }
}

/// What a customer pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tier {
    Free,
    Plus,
    Business,
}

impl Tier {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Plus => "plus",
            Self::Business => "business",
        }
    }
}

/// A customer as drawn from its number.
#[derive(Clone, Copy)]
pub(super) struct Customer {
    pub(super) index: u64,
    pub(super) language: Language,
    pub(super) tier: Tier,
    pub(super) name: Name,
    pub(super) city: &'static str,
    /// Whether the customer came with the bought-up Chinese shop, whose old system still holds the tickets.
    pub(super) legacy: bool,
    /// Standard normal; a high one gets angry sooner.
    pub(super) temper: f64,
    phone: u32,
    signup_s: i64,
}

impl Customer {
    pub(super) fn of(seeds: &Seeds, index: u64) -> Self {
        let mut dice = seeds.dice(Stream::Customer, index);
        let language = if dice.chance(0.6) { Language::En } else { Language::Zh };
        let tier = match dice.unit() {
            share if share < 0.68 => Tier::Free,
            share if share < 0.92 => Tier::Plus,
            _ => Tier::Business,
        };
        let city = match language {
            Language::En => dice.pick(&CITIES_EN),
            Language::Zh => dice.pick(&CITIES_ZH),
        };
        Self {
            index,
            language,
            tier,
            name: Name::draw(language, &mut dice),
            city,
            legacy: language == Language::Zh && dice.chance(0.25),
            temper: dice.normal(),
            phone: dice.below(10_000) as u32,
            signup_s: DESK_START_S - (70 + dice.below(1500) as i64) * DAY_S,
        }
    }

    pub(super) fn push_id(index: u64, out: &mut String) {
        let _ = write!(out, "C{index:07}");
    }

    /// Appends the e-mail address; example domains never reach anybody.
    pub(super) fn push_email(&self, out: &mut String) {
        self.name.push_latin(out);
        let _ = write!(
            out,
            "{}@{}",
            self.index % 1000,
            if self.index.is_multiple_of(3) {
                "example.org"
            } else {
                "example.com"
            }
        );
    }

    pub(super) fn push_phone(&self, out: &mut String) {
        personal::push_phone(self.language, self.phone, out);
    }

    pub(super) fn push_signup(&self, out: &mut String) {
        push_date(out, self.signup_s);
    }
}

/// Fixed-offset time zones only (name, hours ahead of UTC), so that a shift never depends on daylight-saving rules.
const ZONES_EN: [(&str, i64); 4] = [
    ("Etc/UTC", 0),
    ("Africa/Lagos", 1),
    ("Africa/Nairobi", 3),
    ("America/Bogota", -5),
];
const ZONES_ZH: [(&str, i64); 2] = [("Asia/Shanghai", 8), ("Asia/Singapore", 8)];
const SHIFT_HOURS: i64 = 9;

/// An agent of the desk.
pub(super) struct Agent {
    pub(super) name: Name,
    pub(super) speaks: [bool; 2],
    /// Level 0 (none) to 3 per group of `Group::ALL`.
    pub(super) skills: [u8; 5],
    /// How well the agent treats people, standard normal; in no file, but learnable from the agent's cases.
    pub(super) quality: f64,
    pub(super) zone: &'static str,
    pub(super) shift_start: i64,
    pub(super) hired_s: i64,
    offset: i64,
}

impl Agent {
    fn of(seeds: &Seeds, index: usize) -> Self {
        let mut dice = seeds.dice(Stream::Agent, index as u64);
        // Languages alternate 3 : 2, so that even eight agents cover both.
        let first = if index % 5 < 3 { Language::En } else { Language::Zh };
        let both = dice.chance(0.25);
        let (zone, offset) = match first {
            Language::En => dice.pick(&ZONES_EN),
            Language::Zh => dice.pick(&ZONES_ZH),
        };
        let mut skills = [0; 5];
        for _ in 0..2 + dice.below(3) {
            skills[dice.below(5)] = 1 + dice.below(3) as u8;
        }
        Self {
            name: Name::draw(first, &mut dice),
            speaks: [both || first == Language::En, both || first == Language::Zh],
            skills,
            quality: dice.normal(),
            zone,
            shift_start: 5 + dice.below(13) as i64,
            hired_s: DESK_START_S - (30 + dice.below(2200) as i64) * DAY_S,
            offset,
        }
    }

    pub(super) fn speaks(&self, language: Language) -> bool {
        self.speaks[language as usize]
    }

    pub(super) fn skill(&self, group: Group) -> u8 {
        self.skills[group as usize]
    }

    pub(super) fn shift_end(&self) -> i64 {
        (self.shift_start + SHIFT_HOURS) % 24
    }

    fn works_at(&self, hour_utc: usize) -> bool {
        (hour_utc as i64 + self.offset - self.shift_start).rem_euclid(24) < SHIFT_HOURS
    }

    pub(super) fn push_id(index: usize, out: &mut String) {
        let _ = write!(out, "A{index:04}");
    }
}

/// All agents, with who works when.
pub(super) struct Staff {
    pub(super) agents: Vec<Agent>,
    /// Agents on shift by `language * 24 + hour`; never empty.
    on_shift: Vec<Vec<u16>>,
}

impl Staff {
    /// Agents for a desk of `cases`: 8 for the smallest, about 800 for ten million, at most 2,000.
    pub(super) fn new(seeds: &Seeds, cases: u64) -> Self {
        let count = (8 + cases.isqrt() / 4).min(2000) as usize;
        let agents: Vec<Agent> = (0..count).map(|index| Agent::of(seeds, index)).collect();
        let on_shift = [Language::En, Language::Zh]
            .iter()
            .flat_map(|&language| (0..24).map(move |hour| (language, hour)))
            .map(|(language, hour)| {
                let chosen = |on: bool| -> Vec<u16> {
                    let fits = |agent: &Agent| agent.speaks(language) && (!on || agent.works_at(hour));
                    (0..count).filter(|&k| fits(&agents[k])).map(|k| k as u16).collect()
                };
                // A small desk has empty hours; then somebody off shift answers.
                let working = chosen(true);
                if working.is_empty() { chosen(false) } else { working }
            })
            .collect();
        Self { agents, on_shift }
    }

    /// The agent a case goes to. Half of the cases look at three agents and take the most skilled, as a good router
    /// would; the rest take whoever is free, and a few go to any agent at all, whatever they speak.
    pub(super) fn assign(&self, language: Language, hour: usize, group: Group, dice: &mut Dice) -> usize {
        if dice.chance(0.07) {
            return dice.below(self.agents.len());
        }
        let working = &self.on_shift[language as usize * 24 + hour];
        let mut best = usize::from(dice.pick(working));
        if dice.chance(0.5) {
            for _ in 0..2 {
                let next = usize::from(dice.pick(working));
                if self.agents[next].skill(group) > self.agents[best].skill(group) {
                    best = next;
                }
            }
        }
        best
    }
}
