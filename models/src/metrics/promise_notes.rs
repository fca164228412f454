//! Promises in words, for a report.

use super::{AnswerPromise, MissPromise, PromiseReport};

impl PromiseReport {
    /// The promises in words: what was promised, what the held-back rows prove, what was seen here.
    pub fn notes(&self) -> Vec<(String, String)> {
        let answer = |one: &AnswerPromise| {
            let name = one.label.as_deref().unwrap_or("all other labels");
            let asked = format!(
                "at least {} of the accepted answers right, with confidence {}",
                one.promised, one.confidence
            );
            let proof = &one.threshold;
            let text = match proof.score {
                Some(score) => format!(
                    "{asked}: {} of {} accepted held-back rows were right from score {score:.4} on, so at least {:.4} are; \
                 here {} of {} accepted, {} right.",
                    proof.right, proof.accepted, proof.bound, one.accepted, one.rows, one.right
                ),
                None => format!("{asked}: NOT PROVED, so no answer is accepted. {}", way_out(one)),
            };
            (format!("promise: {name}"), text)
        };
        let miss = |one: &MissPromise| {
            let proof = &one.threshold;
            let asked = format!(
                "at most {} missed, with confidence {}",
                proof.promised, proof.confidence
            );
            let text = if proof.possible() {
                format!(
                    "{asked}: flagged from probability {:.4} on, which missed {} of {} held-back rows, so at most {:.4} are; \
                 here {} of {} missed, and {:.1}% of all rows flagged.",
                    proof.score,
                    proof.missed,
                    proof.rows,
                    proof.bound,
                    one.missed,
                    one.rows,
                    100.0 * one.flagged
                )
            } else {
                format!(
                    "{asked}: NOT PROVED, so every row is flagged. {} held-back rows of the label cannot show it, at least {} \
                 are needed (a quarter of those held back is not counted).",
                    proof.rows, proof.rows_needed
                )
            };
            (format!("promise: {} not missed", one.label), text)
        };
        let answers = self.answers.iter().map(answer);
        answers.chain(self.misses.iter().map(miss)).collect()
    }
}

fn way_out(one: &AnswerPromise) -> String {
    match one.threshold.rows_needed {
        Some(needed) => format!(
            "{} held-back rows were too few; about {needed} are needed: hold more back or promise less.",
            one.threshold.rows
        ),
        None if one.threshold.rows == 0 => "There are no held-back rows.".into(),
        None => format!(
            "Among {} held-back rows no part is right often enough; more rows of the same kind would not help.",
            one.threshold.rows
        ),
    }
}
