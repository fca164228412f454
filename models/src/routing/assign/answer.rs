//! The assignment with its reasons: for each case what it costs, what else there was, and how likely the choice was.

use serde::Serialize;

use super::cost::{Bar, CostParts, Costed, ageing, bar};
use super::explore::{Propensities, explore};
use super::request::{AssignRequest, AssignSettings, Predicted, WaitingCase, check};
use crate::error::Result;

/// Which agent takes which case, as it is answered and recorded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assignment {
    /// The request's name.
    pub request: String,
    /// What chose, with all that its choices hang on.
    pub policy: String,
    /// Cases with an agent, in the order of the request.
    pub assigned: Vec<Assigned>,
    /// Cases that are left, in the order of the request.
    pub left: Vec<Left>,
    /// What the assigned pairs cost, in seconds.
    pub cost_s: f64,
}

/// A case and its agent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assigned {
    /// The case.
    pub case: String,
    /// The agent.
    pub agent: String,
    /// What the pair costs, in seconds.
    pub cost: CostParts,
    /// What leaving the case would have cost for its waiting, in seconds.
    pub ageing_s: f64,
    /// Whether the agent was drawn to explore.
    pub explored: bool,
    /// How likely this choice was.
    pub propensity: f64,
    /// The next best agents, the cheapest first.
    pub alternatives: Vec<Alternative>,
    /// The same in words.
    pub why: String,
}

/// Another agent who may take a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alternative {
    /// The agent.
    pub agent: String,
    /// What the pair costs, in seconds.
    pub cost_s: f64,
    /// How much more than the chosen one; below 0 for an agent whom other cases needed more. Absent if none was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_s: Option<f64>,
    /// Whether the agent's room is used up by this assignment.
    pub is_full: bool,
    /// How likely it was to be chosen.
    pub propensity: f64,
}

/// A case that waits on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Left {
    /// The case.
    pub case: String,
    /// Why.
    pub reason: LeftReason,
    /// What leaving it costs for its waiting, in seconds; the more urgent cases had more.
    pub ageing_s: f64,
    /// How likely it was to be left.
    pub propensity: f64,
    /// The cheapest agents who may take it.
    pub alternatives: Vec<Alternative>,
    /// The reason in words.
    pub why: String,
}

/// Why a case is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftReason {
    /// There is no agent at all.
    NoAgent,
    /// No agent has all skills.
    NoSkill,
    /// No agent with the skills speaks the language.
    NoLanguage,
    /// Every agent with skills and language is at the cap of the day, or takes nothing now.
    NoRoom,
    /// Its agents took cases that are more urgent, cost less elsewhere, or were drawn.
    Outweighed,
}

/// Assigns at the least total cost, but for what is explored. The same request gives the same assignment.
///
/// # Errors
/// When a number is out of its range, a name is given twice, or predictions are not one a pair; names the JSON path.
pub fn assign(request: &AssignRequest, predicted: &Predicted, settings: &AssignSettings) -> Result<Assignment> {
    check(request, predicted, settings)?;
    let costed = Costed::new(request, predicted, settings);
    let chosen = explore(&costed);
    let mut rooms = costed.problem.rooms.clone();
    chosen.chosen.iter().flatten().for_each(|agent| rooms[*agent] -= 1);
    let report = Report {
        costed: &costed,
        chosen: &chosen,
        rooms,
    };
    let mut assignment = Assignment {
        request: request.id.clone(),
        policy: policy(settings),
        assigned: Vec::new(),
        left: Vec::new(),
        cost_s: 0.0,
    };
    for (case, agent) in chosen.chosen.iter().enumerate() {
        match agent {
            Some(agent) => {
                assignment.cost_s += costed.parts(case, *agent).total();
                assignment.assigned.push(report.assigned(case, *agent));
            }
            None => assignment.left.push(report.left(case)),
        }
    }
    Ok(assignment)
}

/// The name of a policy says all that its choices hang on, so that records of two settings are never taken for one.
fn policy(settings: &AssignSettings) -> String {
    let AssignSettings {
        handle_weight,
        outcome_s,
        ageing_s,
        fairness_s,
        exploration,
        temperature_s,
        ..
    } = settings;
    let least =
        format!("least-cost handle={handle_weight} outcome_s={outcome_s} ageing_s={ageing_s} fairness_s={fairness_s}");
    if *exploration > 0.0 {
        format!(
            "{least} draw={exploration} temperature_s={temperature_s} seed={}",
            settings.seed
        )
    } else {
        least
    }
}

struct Report<'a> {
    costed: &'a Costed<'a>,
    chosen: &'a Propensities,
    /// Room that is left with each agent.
    rooms: Vec<u32>,
}

impl Report<'_> {
    fn assigned(&self, case: usize, agent: usize) -> Assigned {
        let cost = self.costed.parts(case, agent);
        let alternatives = self.alternatives(case, Some(agent));
        let explored = self.chosen.drew[case];
        let why = if explored {
            format!("drawn to explore; costs {:.0} s", cost.total())
        } else {
            let next = alternatives.first().map_or("nobody else may take it".into(), |next| {
                let more = next.more_s.unwrap_or(0.0);
                match (next.is_full, more < 0.0) {
                    (true, true) => format!("{} would cost {:.0} s less but is needed elsewhere", next.agent, -more),
                    (false, true) => format!("{} would cost {:.0} s less", next.agent, -more),
                    _ => format!("{} would cost {more:.0} s more", next.agent),
                }
            });
            format!(
                "costs {:.0} s (handling {:.0}, outcome {:.0}, fairness {:.0}); {next}",
                cost.total(),
                cost.handle,
                cost.outcome,
                cost.fairness
            )
        };
        Assigned {
            case: self.costed.request.cases[case].id.clone(),
            agent: self.costed.request.agents[agent].id.clone(),
            cost,
            ageing_s: ageing(&self.costed.request.cases[case], self.costed.settings),
            explored,
            propensity: self.chosen.of(case, Some(agent)),
            alternatives,
            why,
        }
    }

    fn alternatives(&self, case: usize, chosen: Option<usize>) -> Vec<Alternative> {
        let row = self.costed.problem.row(case);
        let is_other = |agent: &usize| row[*agent].is_finite() && Some(*agent) != chosen;
        let mut others: Vec<usize> = (0..row.len()).filter(is_other).collect();
        let cheaper = |a: &usize, b: &usize| row[*a].total_cmp(&row[*b]).then(a.cmp(b));
        let named = self.costed.settings.alternatives;
        if others.len() > named {
            // Only the named ones need to be in order.
            others.select_nth_unstable_by(named, cheaper);
            others.truncate(named);
        }
        others.sort_unstable_by(cheaper);
        let least = chosen.map(|chosen| self.costed.parts(case, chosen).total());
        let alternative = |agent: usize| {
            let cost_s = self.costed.parts(case, agent).total();
            Alternative {
                agent: self.costed.request.agents[agent].id.clone(),
                cost_s,
                more_s: least.map(|least| cost_s - least),
                is_full: self.rooms[agent] == 0,
                propensity: self.chosen.of(case, Some(agent)),
            }
        };
        others.into_iter().map(alternative).collect()
    }

    fn left(&self, case: usize) -> Left {
        let waiting = &self.costed.request.cases[case];
        let (reason, why) = self.reason(waiting);
        Left {
            case: waiting.id.clone(),
            reason,
            ageing_s: ageing(waiting, self.costed.settings),
            propensity: self.chosen.of(case, None),
            alternatives: self.alternatives(case, None),
            why,
        }
    }

    fn reason(&self, case: &WaitingCase) -> (LeftReason, String) {
        let agents = &self.costed.request.agents;
        let bars: Vec<Option<Bar>> = agents.iter().map(|agent| bar(case, agent)).collect();
        let count = |wanted: Option<Bar>| bars.iter().filter(|bar| **bar == wanted).count();
        let able = agents.len() - count(Some(Bar::Skill)) - count(Some(Bar::Language));
        if agents.is_empty() {
            (LeftReason::NoAgent, "no agent is free".into())
        } else if count(None) > 0 {
            let why = format!(
                "the {} agents who may take it are needed for other cases; leaving it costs least",
                count(None)
            );
            (LeftReason::Outweighed, why)
        } else if able > 0 {
            let why = format!(
                "of {able} agents with the skills and the language {} are at their cap of the day and {} take nothing now",
                count(Some(Bar::Cap)),
                count(Some(Bar::Busy))
            );
            (LeftReason::NoRoom, why)
        } else if count(Some(Bar::Language)) > 0 {
            let language = case.language.as_deref().unwrap_or_default();
            let why = format!(
                "none of the {} agents with the skills speaks {language}",
                count(Some(Bar::Language))
            );
            (LeftReason::NoLanguage, why)
        } else {
            let why = format!(
                "none of the {} agents has all of: {}",
                agents.len(),
                case.skills.join(", ")
            );
            (LeftReason::NoSkill, why)
        }
    }
}
