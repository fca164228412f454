//! `[schedule]`: when runs are due, and what becomes of those that meet, fail or were missed. The doc comment of a field
//! is its reference page.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::cron::Cron;

/// `[schedule]`: when `deskmill schedule` runs the project. At least one of `cron`, `new_data`, `data_age_max_h` and
/// `project_changed` is there.
#[derive(Debug, Clone, Serialize)]
pub struct Policy {
    /// `cron`: a list of cron expressions of five fields (`"30 2 * * mon-fri"`). Default: none.
    #[serde(serialize_with = "as_texts")]
    pub crons: Vec<Cron>,
    /// `time_zone`: the IANA name of the zone whose local time they mean. Default `UTC`.
    pub time_zone: String,
    /// That zone.
    #[serde(skip)]
    pub zone: TimeZone,
    /// `jitter_max_s`: a due time is put off by up to so many seconds, and never to the next one; how many follows from
    /// the project's seed and the time, so that it is the same whoever asks. Default 0; 0 to 86400.
    pub jitter_max_s: u64,
    /// `project.seed`, for the jitter.
    pub seed: u64,
    /// `overlap`: what happens when a due time comes while a run is under way: `skip` it, `queue` it, or `replace` the
    /// run. Default `skip`.
    pub overlap: Overlap,
    /// `queue_max`: due times that may wait, with `overlap = "queue"`; more are skipped. Default 3; 1 to 100.
    pub queue_max: usize,
    /// `catch_up_max`: of the due times that nobody noticed for a minute (the scheduler was down), the last so many are
    /// made up for, one after the other. Default 1; 0 to 100.
    pub catch_up_max: usize,
    /// `new_data`: run when files of a source come, go or change. Sources elsewhere are not looked at. Default false.
    pub new_data: bool,
    /// `project_changed`: run when the project file or a SQL file it names changed. Default false.
    pub project_changed: bool,
    /// `settle_s`: changes start a run when they have rested for so long. Default 60; 0 to 86400.
    pub settle_s: u64,
    /// `data_age_max_h`: run when the last good run began more than so many hours ago. Default: never; 1 to 8784.
    pub data_age_max_h: Option<u64>,
    /// `retries_max`: how often a run that failed is tried again. What the data or the gate refused is not: it would be
    /// refused again. Default 3; 0 to 100.
    pub retries_max: u32,
    /// `retry_after_s`: the wait before the first retry, doubled for each one after. Default 60; 1 to 86400.
    pub retry_after_s: u64,
    /// `retry_after_max_s`: the longest wait before a retry. Default 3600; 1 to 604800.
    pub retry_after_max_s: u64,
    /// `deadline_s`: a run that takes longer, retries among it, is stopped. Default 21600 (6 h); 10 to 2592000.
    pub deadline_s: u64,
    /// `lease_s`: a scheduler that was not heard of for so long has lost its run to another, which resumes it. Clocks of
    /// machines that share a registry may differ by a third of it. Default 60; 3 to 3600.
    pub lease_s: u64,
    /// `look_every_s`: how often files and the registry are looked at. Default 10; 1 to 3600, a third of `lease_s` at most.
    pub look_every_s: u64,
    /// `stop_grace_s`: how long the run under way may take to end after a stop signal; then it is left to the next
    /// scheduler. Default 30; 0 to 86400.
    pub stop_grace_s: u64,
}

/// What happens when a due time comes while a run is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// It is passed over.
    Skip,
    /// It waits.
    Queue,
    /// The run is stopped, and so is what waits.
    Replace,
}

fn as_texts<S: serde::Serializer>(crons: &[Cron], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(crons.iter().map(ToString::to_string))
}

/// A due time, and when it starts a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DueTime {
    pub(super) due: Timestamp,
    pub(super) starts: Timestamp,
}

impl Policy {
    /// The due times after another, in order, each once.
    pub(super) fn due_after(&self, time: Timestamp) -> impl Iterator<Item = DueTime> + '_ {
        let mut moments: Vec<_> = self
            .crons
            .iter()
            .map(|cron| cron.after(&self.zone, time).peekable())
            .collect();
        let mut next = move || {
            let first = moments.iter_mut().filter_map(|of_one| of_one.peek().copied()).min()?;
            for of_one in &mut moments {
                of_one.next_if_eq(&first);
            }
            Some(first)
        };
        let mut coming = next();
        std::iter::from_fn(move || {
            let due = coming?;
            coming = next();
            Some(DueTime {
                due,
                starts: due.checked_add(seconds(self.jitter_s(due, coming))).unwrap_or(due),
            })
        })
    }

    /// When the first due time after `time` starts a run; none if there are no due times.
    pub fn next_start(&self, time: Timestamp) -> Option<Timestamp> {
        self.due_after(time).next().map(|time| time.starts)
    }

    /// How long a due time is put off: less than the way to the next, so that the order stays.
    fn jitter_s(&self, due: Timestamp, next: Option<Timestamp>) -> u64 {
        let room = next.map_or(i64::MAX, |next| next.as_second() - due.as_second() - 1);
        let max = self.jitter_max_s.min(u64::try_from(room).unwrap_or(0));
        mixed(self.seed ^ mixed(due.as_second().unsigned_abs())) % (max + 1)
    }

    /// The wait after so many failed tries, the first of which is 1.
    pub(super) fn retry_after(&self, tries: u32) -> SignedDuration {
        let doubled = 1_u64.checked_shl(tries.saturating_sub(1)).unwrap_or(u64::MAX);
        seconds(self.retry_after_s.saturating_mul(doubled).min(self.retry_after_max_s))
    }

    pub(super) fn lease(&self) -> SignedDuration {
        seconds(self.lease_s)
    }
}

/// A duration of whole seconds; a thousand years at most, so that no sum of it and a time overflows.
pub(super) fn seconds(seconds: u64) -> SignedDuration {
    const MAX: u64 = 1000 * 366 * 86_400;
    SignedDuration::from_secs(i64::try_from(seconds.min(MAX)).unwrap_or(0))
}

/// The mixer of splitmix64.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
