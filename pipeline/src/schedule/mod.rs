//! Runs on a schedule: [`Cron`] says when they are due, [`decide`] what a scheduler does next, [`Keeper`] does it.
//!
//! Schedulers of one project share a [`State`] in the registry, each new one written by put-if-absent after the one it
//! was made from. So two schedulers that see the same due time cannot both begin its run, and a scheduler that dies
//! leaves a run that the next takes up when its lease has lapsed. A run is a process of its own, which can be stopped
//! at any moment because a run can be killed at any moment.

mod cron;
mod decide;
mod keeper;
mod looks;
mod policy;
mod state;
mod store;
#[cfg(test)]
mod tests;

pub use cron::{Cron, CronProblem, Moments};
pub use decide::{Act, Decision, Finished, Look, View, decide, let_go};
pub use keeper::{Keeper, Told, Worker};
pub use policy::{Overlap, Policy};
pub use state::{Active, Cause, Ended, Outcome, Phase, Run, Seen, State, Stop, Waiting};
pub use store::{cancel, read};
