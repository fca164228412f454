//! The true model of the desk: what makes people wait, cases long and customers unhappy. The constants are the truth that
//! `truth.json` tells and that models of a project may find.

use serde::Serialize;

use super::arithmetic::{exp, ln, logistic};
use super::dice::Dice;
use super::people::Tier;

/// The way a customer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Web,
    Phone,
    Email,
    Chat,
}

impl Channel {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Chat => "chat",
        }
    }

    /// Draws a channel: 38% web, 22% phone, 15% e-mail, 25% chat.
    pub(super) fn draw(dice: &mut Dice) -> Self {
        match dice.unit() {
            share if share < 0.38 => Self::Web,
            share if share < 0.60 => Self::Phone,
            share if share < 0.75 => Self::Email,
            _ => Self::Chat,
        }
    }
}

/// All coefficients, as written to `truth.json`. Logits are natural; times are minutes.
#[derive(Serialize)]
pub(super) struct Coefficients {
    /// ln(waiting) by channel web, phone, email, chat.
    waiting_channel: [f64; 4],
    waiting_load: f64,
    /// ln(waiting) by tier free, plus, business.
    waiting_tier: [f64; 3],
    waiting_noise_sd: f64,
    transfer_logit: f64,
    transfer_difficulty: f64,
    transfer_skill: f64,
    transfer_foreign_language: f64,
    reopen_logit: f64,
    reopen_difficulty: f64,
    reopen_skill: f64,
    reopen_transfers: f64,
    handle_base: f64,
    handle_difficulty: f64,
    handle_skill: f64,
    handle_foreign_language: f64,
    handle_load: f64,
    handle_noise_sd: f64,
    angry_logit: f64,
    angry_temper: f64,
    angry_intent_effect: f64,
    dissatisfied_logit: f64,
    dissatisfied_log_waiting: f64,
    dissatisfied_reopened: f64,
    dissatisfied_transfers: f64,
    dissatisfied_angry: f64,
    dissatisfied_agent_quality: f64,
    dissatisfied_intent_effect: f64,
    /// Latent value below which a rating is 5, 4, 3, 2 (above: 1); 2 and 1 are dissatisfied.
    rating_steps: [f64; 4],
    /// Chance of answering the survey by rating 1 to 5.
    answers_by_rating: [f64; 5],
}

/// The truth.
pub(super) const TRUTH: Coefficients = Coefficients {
    waiting_channel: [4.2, 1.6, 5.3, 1.1],
    waiting_load: 0.9,
    waiting_tier: [0.0, -0.25, -0.7],
    waiting_noise_sd: 0.6,
    transfer_logit: -1.9,
    transfer_difficulty: 1.4,
    transfer_skill: -0.55,
    transfer_foreign_language: 0.9,
    reopen_logit: -2.6,
    reopen_difficulty: 1.4,
    reopen_skill: -0.35,
    reopen_transfers: 0.35,
    handle_base: 1.9,
    handle_difficulty: 1.3,
    handle_skill: -0.18,
    handle_foreign_language: 0.45,
    handle_load: 0.2,
    handle_noise_sd: 0.35,
    angry_logit: -2.1,
    angry_temper: 0.9,
    angry_intent_effect: 0.9,
    dissatisfied_logit: -1.5,
    dissatisfied_log_waiting: 0.5,
    dissatisfied_reopened: 1.1,
    dissatisfied_transfers: 0.5,
    dissatisfied_angry: 1.5,
    dissatisfied_agent_quality: -0.6,
    dissatisfied_intent_effect: 0.8,
    rating_steps: [-2.4, -0.9, 0.0, 1.1],
    answers_by_rating: [0.55, 0.38, 0.20, 0.26, 0.40],
};

/// The middle of ln(1 + waiting) over the desk, so that the intercept of dissatisfaction is easy to read.
const LOG_WAITING_CENTRE: f64 = 3.2;
const WAITING_MAX_MINUTES: f64 = 2_880.0;
const HANDLE_MAX_MINUTES: f64 = 240.0;
const TRANSFERS_MAX: u32 = 3;

/// What is given before a case takes its course.
pub(super) struct Circumstances {
    pub(super) channel: Channel,
    pub(super) tier: Tier,
    pub(super) load: f64,
    pub(super) difficulty: f64,
    pub(super) effect: f64,
    pub(super) skill: u8,
    pub(super) quality: f64,
    pub(super) foreign_language: bool,
    pub(super) angry: bool,
}

/// The course of a case.
#[derive(Clone, Copy, Default)]
pub(super) struct Course {
    pub(super) waiting_minutes: u32,
    pub(super) transfers: u32,
    pub(super) reopened: bool,
    pub(super) handle_minutes: u32,
    /// The mean of ln(handle_minutes) given everything but noise.
    pub(super) handle_log_mean: f64,
    /// Logit of the chance that the customer is dissatisfied (a rating of 1 or 2).
    pub(super) dissatisfied_logit: f64,
    /// What the customer would rate, 1 to 5.
    pub(super) rating: u8,
    /// Whether the customer answers the survey.
    pub(super) answers: bool,
}

/// Whether the message is written in anger.
pub(super) fn is_angry(temper: f64, effect: f64, dice: &mut Dice) -> bool {
    dice.chance(logistic(
        TRUTH.angry_logit + TRUTH.angry_temper * temper + TRUTH.angry_intent_effect * effect,
    ))
}

impl Circumstances {
    /// Draws the course of the case.
    pub(super) fn course(&self, dice: &mut Dice) -> Course {
        let waiting_minutes = self.waiting(dice);
        let skill = f64::from(self.skill);
        let foreign = f64::from(u8::from(self.foreign_language));
        let transfer = logistic(
            TRUTH.transfer_logit
                + TRUTH.transfer_difficulty * self.difficulty
                + TRUTH.transfer_skill * skill
                + TRUTH.transfer_foreign_language * foreign,
        );
        let transfers = (0..TRANSFERS_MAX).take_while(|_| dice.chance(transfer)).count() as u32;
        let reopened = dice.chance(logistic(
            TRUTH.reopen_logit
                + TRUTH.reopen_difficulty * self.difficulty
                + TRUTH.reopen_skill * skill
                + TRUTH.reopen_transfers * f64::from(transfers),
        ));
        let handle_log_mean = TRUTH.handle_base
            + TRUTH.handle_difficulty * self.difficulty
            + TRUTH.handle_skill * skill
            + TRUTH.handle_foreign_language * foreign
            + TRUTH.handle_load * (self.load - 1.0);
        let handle = exp(handle_log_mean + TRUTH.handle_noise_sd * dice.normal());
        let mut course = Course {
            waiting_minutes,
            transfers,
            reopened,
            handle_minutes: handle.round().clamp(1.0, HANDLE_MAX_MINUTES) as u32,
            handle_log_mean,
            ..Course::default()
        };
        self.judge(&mut course, dice);
        course
    }

    fn waiting(&self, dice: &mut Dice) -> u32 {
        let log = TRUTH.waiting_channel[self.channel as usize]
            + TRUTH.waiting_load * (self.load - 1.0)
            + TRUTH.waiting_tier[self.tier as usize]
            + TRUTH.waiting_noise_sd * dice.normal();
        exp(log).round().min(WAITING_MAX_MINUTES) as u32
    }

    /// The customer's judgement: one latent value, logit plus logistic noise, cut into ratings.
    fn judge(&self, course: &mut Course, dice: &mut Dice) {
        let log_waiting = ln(1.0 + f64::from(course.waiting_minutes)) - LOG_WAITING_CENTRE;
        course.dissatisfied_logit = TRUTH.dissatisfied_logit
            + TRUTH.dissatisfied_log_waiting * log_waiting
            + TRUTH.dissatisfied_reopened * f64::from(u8::from(course.reopened))
            + TRUTH.dissatisfied_transfers * f64::from(course.transfers)
            + TRUTH.dissatisfied_angry * f64::from(u8::from(self.angry))
            + TRUTH.dissatisfied_agent_quality * self.quality
            + TRUTH.dissatisfied_intent_effect * self.effect;
        let latent = course.dissatisfied_logit + dice.logistic();
        let passed = TRUTH.rating_steps.iter().filter(|&&step| latent > step).count();
        course.rating = 5 - passed as u8;
        course.answers = dice.chance(TRUTH.answers_by_rating[usize::from(course.rating) - 1]);
    }
}
