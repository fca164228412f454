//! From what is asked to what each choice costs.

use std::collections::HashMap;

use serde::Serialize;

use super::flow::Problem;
use super::request::{AssignRequest, AssignSettings, FreeAgent, Predicted, WaitingCase};

/// A case that waits longer than so many service levels is not more urgent for it.
const LATENESS_MAX: f64 = 100.0;

/// Pairs of equal cost are told apart by less than this, by the request's name: then only one assignment is the cheapest,
/// whatever way it is found, and equal agents take turns.
const TIE_S_MAX: f64 = 1e-3;

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) from a name on.
struct Ties(u64);

impl Ties {
    fn of(name: &str) -> Self {
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }

    /// A number from 0 to below 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// What one pair costs and why, in seconds of handling time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CostParts {
    /// For the handling time, times the priority.
    pub handle: f64,
    /// For the chance of a bad outcome, times the priority.
    pub outcome: f64,
    /// For what the agent took today already.
    pub fairness: f64,
}

impl CostParts {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.handle + self.outcome + self.fairness
    }
}

/// What stands between a case and an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bar {
    Skill,
    Language,
    /// No capacity now.
    Busy,
    /// At the cap of the day.
    Cap,
}

/// The skills and the language that a case asks for.
type Needs<'a> = (&'a [String], Option<&'a str>);

/// What keeps an agent from a case, the lasting reasons first.
pub(super) fn bar(case: &WaitingCase, agent: &FreeAgent) -> Option<Bar> {
    if case.skills.iter().any(|skill| !agent.skills.contains(skill)) {
        Some(Bar::Skill)
    } else if case
        .language
        .as_ref()
        .is_some_and(|language| !agent.languages.contains(language))
    {
        Some(Bar::Language)
    } else if agent.cap_today.is_some_and(|cap| agent.taken_today >= cap) {
        Some(Bar::Cap)
    } else if agent.capacity == 0 {
        Some(Bar::Busy)
    } else {
        None
    }
}

/// What leaving a case costs for its waiting alone.
pub(super) fn ageing(case: &WaitingCase, settings: &AssignSettings) -> f64 {
    let lateness = (case.waited_s / case.service_level_s).min(LATENESS_MAX);
    case.priority * settings.ageing_s * lateness * lateness
}

/// A checked request with its costs.
pub(super) struct Costed<'a> {
    pub request: &'a AssignRequest,
    pub settings: &'a AssignSettings,
    predicted: &'a Predicted,
    pub problem: Problem,
    most_taken: f64,
}

impl<'a> Costed<'a> {
    pub fn new(request: &'a AssignRequest, predicted: &'a Predicted, settings: &'a AssignSettings) -> Self {
        let most_taken = request
            .agents
            .iter()
            .map(|agent| agent.taken_today)
            .max()
            .unwrap_or(0)
            .max(1);
        let mut costed = Self {
            request,
            settings,
            predicted,
            problem: Problem {
                costs: Vec::with_capacity(request.cases.len() * request.agents.len()),
                rooms: request.agents.iter().map(FreeAgent::room).collect(),
                leaving: Vec::new(),
            },
            most_taken: f64::from(most_taken),
        };
        let mut ties = Ties::of(&request.id);
        let mut largest: f64 = 0.0;
        // Many cases ask for the same skills and language: who has them is looked up once.
        let mut barred: HashMap<Needs<'_>, Vec<Option<Bar>>> = HashMap::new();
        for (at, case) in request.cases.iter().enumerate() {
            let asked = (case.skills.as_slice(), case.language.as_deref());
            let bars = barred
                .entry(asked)
                .or_insert_with(|| request.agents.iter().map(|agent| bar(case, agent)).collect());
            for (place, bar) in bars.iter().enumerate() {
                let cost = match bar {
                    None => costed.parts(at, place).total() + TIE_S_MAX * ties.next(),
                    Some(_) => f64::INFINITY,
                };
                largest = if cost.is_finite() { largest.max(cost) } else { largest };
                costed.problem.costs.push(cost);
            }
        }
        // One case more that is left costs more than all pairs together can save.
        let base = largest * (request.cases.len() + 1) as f64 + 1.0;
        costed.problem.leaving = request.cases.iter().map(|case| base + ageing(case, settings)).collect();
        costed
    }

    /// What a pair costs and why.
    pub fn parts(&self, case: usize, agent: usize) -> CostParts {
        let pair = case * self.request.agents.len() + agent;
        let priority = self.request.cases[case].priority;
        CostParts {
            handle: priority * self.settings.handle_weight * self.predicted.handle_s[pair],
            outcome: priority * self.settings.outcome_s * (1.0 - self.predicted.outcome[pair]),
            fairness: self.settings.fairness_s * f64::from(self.request.agents[agent].taken_today) / self.most_taken,
        }
    }
}
