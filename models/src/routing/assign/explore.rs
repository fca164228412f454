//! Exploring, so that logs can judge other policies: some cases draw their agent, and every choice's propensity is known.
//!
//! **The policy.** Each case is drawn for with probability `exploration`, by itself, by a hash of the seed, the request's
//! name and its own. The drawn cases, the most urgent first, draw an agent among those who may take them and still have
//! room, agent `a` with a probability proportional to `exp(-cost(a) / temperature_s)`. All other cases are then assigned
//! at the least total cost in the room that is left; a draw can take an agent whom another case needs.
//!
//! **The propensity** of a choice is its probability given what all other cases draw: `(1 - e) * [it is what the case gets
//! when it does not draw] + e * (its share of the draw)`, `e` being 0 where no agent has room when the case's turn comes. It is
//! exact: for a case that drew, one more search tells what it gets without its draw, the only cheapest assignment then. Given the others' draws, which do not
//! depend on the case's own, its choice has just this probability, so inverse propensity weighting is unbiased for the
//! mean over cases as long as an outcome depends on the case's own agent alone. Without exploration all are 1.

use super::cost::Costed;
use super::request::{AssignRequest, AssignSettings, Predicted, check};
use crate::error::Result;

/// What is chosen and how likely each choice was.
#[derive(Debug, Clone, PartialEq)]
pub struct Propensities {
    /// The agent of each case, by places; `None` where it is left.
    pub chosen: Vec<Option<usize>>,
    /// Whether each case drew its agent.
    pub drew: Vec<bool>,
    /// What each case gets when it does not draw.
    undrawn: Vec<Option<usize>>,
    /// The probability of each agent when the case draws; empty where none has room.
    draws: Vec<Vec<f64>>,
    exploration: f64,
}

impl Propensities {
    /// The probability that a case gets an agent, or is left, given what the other cases draw.
    pub fn of(&self, case: usize, agent: Option<usize>) -> f64 {
        let is_undrawn = f64::from(u8::from(self.undrawn[case] == agent));
        if self.draws[case].is_empty() {
            return is_undrawn;
        }
        let share = agent.map_or(0.0, |agent| self.draws[case][agent]);
        (1.0 - self.exploration) * is_undrawn + self.exploration * share
    }
}

/// How likely each choice is under a policy: to record it, or to judge this policy by another one's records.
///
/// # Errors
/// As [`super::assign`].
pub fn propensities(request: &AssignRequest, predicted: &Predicted, settings: &AssignSettings) -> Result<Propensities> {
    check(request, predicted, settings)?;
    Ok(explore(&Costed::new(request, predicted, settings)))
}

/// What the draws of a request are made with.
struct Lots<'a> {
    costed: &'a Costed<'a>,
    /// Whether each case draws.
    draws: Vec<bool>,
    /// Cases in the order in which they draw.
    order: Vec<usize>,
}

/// What was drawn.
#[derive(Clone)]
struct Drawn {
    /// The agent of each case that drew one.
    agents: Vec<Option<usize>>,
    /// The distribution of each case's draw at its turn, whether it draws or not.
    shares: Vec<Vec<f64>>,
    /// Room that is left.
    rooms: Vec<u32>,
}

pub(super) fn explore(costed: &Costed<'_>) -> Propensities {
    let lots = Lots::of(costed);
    let drawn = lots.draw(None);
    let cases = undrawn(&drawn);
    let solved = costed.problem.solve(&cases, &drawn.rooms);
    let mut chosen = drawn.agents.clone();
    let mut undrawn = vec![None; chosen.len()];
    for (case, agent) in cases.iter().zip(&solved.chosen) {
        (chosen[*case], undrawn[*case]) = (*agent, *agent);
    }
    for (case, agent) in drawn.agents.iter().enumerate() {
        let Some(agent) = *agent else { continue };
        let without = lots.draw(Some(case));
        let same = |other: usize| other == case || without.agents[other] == drawn.agents[other];
        undrawn[case] = if (0..chosen.len()).all(same) {
            solved.with_one_more(case, agent)
        } else {
            // Its room let another draw otherwise, so all is assigned anew.
            played_without(costed, &without, case)
        };
    }
    Propensities {
        chosen,
        drew: drawn.agents.iter().map(Option::is_some).collect(),
        undrawn,
        draws: drawn.shares,
        exploration: costed.settings.exploration,
    }
}

fn undrawn(drawn: &Drawn) -> Vec<usize> {
    (0..drawn.agents.len())
        .filter(|case| drawn.agents[*case].is_none())
        .collect()
}

fn played_without(costed: &Costed<'_>, drawn: &Drawn, case: usize) -> Option<usize> {
    let cases = undrawn(drawn);
    let place = cases.binary_search(&case).ok()?;
    costed.problem.solve(&cases, &drawn.rooms).chosen[place]
}

impl<'a> Lots<'a> {
    fn of(costed: &'a Costed<'a>) -> Self {
        let leaving = &costed.problem.leaving;
        let mut order: Vec<usize> = (0..leaving.len()).collect();
        order.sort_by(|a, b| leaving[*b].total_cmp(&leaving[*a]).then(a.cmp(b)));
        let mut lots = Self {
            costed,
            draws: Vec::new(),
            order,
        };
        let draws = (0..leaving.len()).map(|case| lots.lot(case, 0) < costed.settings.exploration);
        lots.draws = draws.collect();
        lots
    }

    /// A number from 0 to below 1 of a case: number 0 says whether it draws, the others are its agents'.
    fn lot(&self, case: usize, which: u64) -> f64 {
        let request = self.costed.request;
        let name = [request.id.as_bytes(), &[0xff], request.cases[case].id.as_bytes()].concat();
        unit(
            &name,
            self.costed.settings.seed.wrapping_mul(1 << 20).wrapping_add(which),
        )
    }

    /// Draws for all cases whose lot says so, `but` one.
    fn draw(&self, but: Option<usize>) -> Drawn {
        let problem = &self.costed.problem;
        let cases = problem.leaving.len();
        let mut drawn = Drawn {
            agents: vec![None; cases],
            shares: vec![Vec::new(); cases],
            rooms: problem.rooms.clone(),
        };
        if self.costed.settings.exploration == 0.0 {
            return drawn;
        }
        for &case in &self.order {
            let draws = self.draws[case] && but != Some(case);
            // What the others' shares would be is asked for once only.
            if !draws && but.is_some() {
                continue;
            }
            let shares = shares(problem.row(case), &drawn.rooms, self.costed.settings.temperature_s);
            if draws && !shares.is_empty() {
                let agent = self.drawn(case, &shares);
                drawn.rooms[agent] -= 1;
                drawn.agents[case] = Some(agent);
            }
            drawn.shares[case] = shares;
        }
        drawn
    }

    /// The agent that a case draws: that of the first of exponential clocks whose rates are the shares. So an agent more
    /// or less changes a draw only if that agent comes first.
    fn drawn(&self, case: usize, shares: &[f64]) -> usize {
        let clock = |agent: usize| -(1.0 - self.lot(case, agent as u64 + 1)).ln() / shares[agent];
        let possible = (0..shares.len()).filter(|agent| shares[*agent] > 0.0);
        let times = possible.map(|agent| (agent, clock(agent)));
        times.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |first| first.0)
    }
}

/// The probability of each agent in a draw; empty if none may be drawn.
fn shares(costs: &[f64], rooms: &[u32], temperature_s: f64) -> Vec<f64> {
    let open = |agent: usize| rooms[agent] > 0 && costs[agent].is_finite();
    let costs_open = (0..costs.len()).filter(|agent| open(*agent)).map(|agent| costs[agent]);
    let least = costs_open.fold(f64::INFINITY, f64::min);
    if least == f64::INFINITY {
        return Vec::new();
    }
    let weight = |agent: usize| {
        if open(agent) {
            (-(costs[agent] - least) / temperature_s).exp()
        } else {
            0.0
        }
    };
    let mut shares: Vec<f64> = (0..costs.len()).map(weight).collect();
    let sum: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    shares
}

/// A number from 0 to below 1 that hangs on all of the name: FNV-1a (Fowler, Noll and Vo) mixed by SplitMix64 (Steele,
/// Lea, Flood, OOPSLA 2014).
fn unit(name: &[u8], seed: u64) -> f64 {
    let hash = name.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut z = (hash ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}
