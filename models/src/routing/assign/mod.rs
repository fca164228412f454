//! Which free agent takes which waiting case, why, and how another way of choosing can be judged by the records. Knows
//! nothing of models: predictions come as two plain tables.
//!
//! **The cost**, in seconds of handling time. Giving case `c` to agent `a` costs
//! `priority * (handle_weight * handle_s + outcome_s * (1 - outcome)) + fairness_s * load(a)`, where `load` is what the
//! agent took today over what the busiest agent did. Leaving the case costs `priority * ageing_s * (waited / service
//! level)^2`: at half the service level a quarter, at the service level `ageing_s`, at twice of it four times as much. On top
//! of it comes a sum larger than all costs of all pairs, so that no case is left while an agent for it is free.
//! Pairs without a skill or the language, and agents without capacity or at their cap of the day, are never chosen.
//! `flow` finds the assignment of least total cost.
//!
//! **Exploring.** Judging another policy needs choices that could have been others. With probability `exploration` each
//! case by itself draws its agent, the likelier the less it costs, before the others are assigned: see `explore`.

mod answer;
mod cost;
mod explore;
mod flow;
mod json;
mod judge;
mod request;
#[cfg(test)]
mod tests;

pub use answer::{Alternative, Assigned, Assignment, Left, LeftReason, assign};
pub use cost::CostParts;
pub use explore::{Propensities, propensities};
pub use json::{Asked, example, from_json};
pub use judge::{Estimate, Judgement, LoggedChoice, judge};
pub use request::{AssignRequest, AssignSettings, FreeAgent, Predicted, WaitingCase, check_settings};
