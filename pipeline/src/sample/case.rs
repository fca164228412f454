//! One customer contact, simulated from its number alone: who, about what, in which words, what became of it.

use super::causes::{Channel, Circumstances, Course, is_angry};
use super::clock::{Clock, DAY_S, EXPORT_S, hour_of_day};
use super::compose::{Manner, Slots, push_body, push_resent, push_subject};
use super::dice::{Dice, Seeds, Stream};
use super::intents::{INTENTS, OTHER, causes_of};
use super::names::PRODUCTS;
use super::orders::{Order, OrderBook};
use super::people::{Customer, Staff};

/// Share of questions outside every intent, and of labels an agent got wrong.
const OTHER_SHARE: f64 = 0.05;
const WRONG_LABEL_SHARE: f64 = 0.03;
/// In a bad spell at the carriers, questions about deliveries come this many times more often.
const BAD_SPELL_DELIVERIES: f64 = 2.5;
const RESENT_SHARE: f64 = 0.015;
/// A reopened case closes this much later.
const REOPENED_S: i64 = DAY_S / 2;

/// Everything of a desk that does not grow with its cases.
pub(super) struct World {
    pub(super) seeds: Seeds,
    pub(super) clock: Clock,
    pub(super) book: OrderBook,
    pub(super) staff: Staff,
    /// Cumulative intent weights, on usual days and in a bad spell.
    intents_usual: Vec<f64>,
    intents_bad: Vec<f64>,
}

/// One case. The strings are used again for the next one.
pub(super) struct Case {
    pub(super) index: u64,
    pub(super) customer: Customer,
    pub(super) order: Option<Order>,
    pub(super) product: usize,
    pub(super) channel: Channel,
    pub(super) opened_s: i64,
    pub(super) agent: usize,
    pub(super) subject: String,
    pub(super) body: String,
    /// What the customer really asks, and what the agent wrote down.
    pub(super) intent: usize,
    pub(super) label: usize,
    pub(super) angry: bool,
    pub(super) personal: bool,
    pub(super) course: Course,
    pub(super) heads: bool,
    /// The same message sent again with one word changed, and the label that one got.
    pub(super) resent: Option<(String, usize)>,
    /// Continues the case's own stream, for what is written about it.
    pub(super) dice: Dice,
}

impl World {
    pub(super) fn new(seed: u64, cases: u64) -> Self {
        let seeds = Seeds::new(seed);
        let cumulative = |deliveries: f64| {
            let factor = |about: bool| if about { deliveries } else { 1.0 };
            INTENTS
                .iter()
                .scan(0.0, |sum, intent| {
                    *sum += intent.weight * factor(intent.group == super::intents::Group::Delivery);
                    Some(*sum)
                })
                .collect()
        };
        Self {
            clock: Clock::new(&seeds, cases),
            book: OrderBook::new(cases),
            staff: Staff::new(&seeds, cases),
            intents_usual: cumulative(1.0),
            intents_bad: cumulative(BAD_SPELL_DELIVERIES),
            seeds,
        }
    }

    /// Simulates case `index`; `buffers` (a past case) lends its strings.
    pub(super) fn case(&self, index: u64, buffers: Option<Case>) -> Case {
        let mut dice = self.seeds.dice(Stream::Case, index);
        let opened_s = self.clock.arrival_s(index, dice.unit());
        let customer = Customer::of(&self.seeds, self.draw_customer(&mut dice));
        let intent = self.draw_intent(opened_s, &mut dice);
        let (group, _, effect) = causes_of(intent);
        let (mut subject, mut body) = buffers.map_or_else(Default::default, |case| (case.subject, case.body));
        subject.clear();
        body.clear();
        let mut case = Case {
            index,
            order: self.draw_order(intent, &customer, opened_s, &mut dice),
            product: dice.below(PRODUCTS.len()),
            channel: Channel::draw(&mut dice),
            agent: self
                .staff
                .assign(customer.language, hour_of_day(opened_s), group, &mut dice),
            angry: is_angry(customer.temper, effect, &mut dice),
            label: draw_label(intent, &mut dice),
            heads: dice.chance(0.5),
            customer,
            opened_s,
            intent,
            subject,
            body,
            personal: false,
            course: Course::default(),
            resent: None,
            dice,
        };
        case.product = case.order.map_or(case.product, |order| order.product);
        case.course = self.circumstances(&case).course(&mut case.dice);
        self.write_texts(&mut case);
        case
    }

    /// Some customers come much more often than others: a part of the draws favours low numbers.
    fn draw_customer(&self, dice: &mut Dice) -> u64 {
        let all = self.book.customers;
        let few = if dice.chance(0.3) { (all / 8).max(1) } else { all };
        dice.below_u64(few)
    }

    fn draw_intent(&self, opened_s: i64, dice: &mut Dice) -> usize {
        if dice.chance(OTHER_SHARE) {
            return OTHER;
        }
        dice.weighted(if self.clock.in_bad_spell(opened_s) {
            &self.intents_bad
        } else {
            &self.intents_usual
        })
    }

    fn draw_order(&self, intent: usize, customer: &Customer, opened_s: i64, dice: &mut Dice) -> Option<Order> {
        let about_order = INTENTS.get(intent).is_some_and(|intent| intent.about_order);
        if !dice.chance(if about_order { 0.97 } else { 0.15 }) {
            return None;
        }
        self.book
            .last_before(customer, opened_s)
            .map(|order| self.book.order(&self.seeds, order))
    }

    fn circumstances(&self, case: &Case) -> Circumstances {
        let agent = &self.staff.agents[case.agent];
        let (group, difficulty, effect) = causes_of(case.intent);
        Circumstances {
            channel: case.channel,
            tier: case.customer.tier,
            load: self.clock.load(case.opened_s),
            difficulty,
            effect,
            skill: agent.skill(group),
            quality: agent.quality,
            foreign_language: !agent.speaks(case.customer.language),
            angry: case.angry,
        }
    }

    fn write_texts(&self, case: &mut Case) {
        let slots = slots_of(self, case);
        let manner = Manner {
            angry: case.angry,
            phone_note: case.channel == Channel::Phone && case.index.is_multiple_of(3),
        };
        push_subject(case.intent, &slots, &mut case.dice, &mut case.subject);
        case.personal = push_body(case.intent, &manner, &slots, &mut case.dice, &mut case.body);
        if case.dice.chance(RESENT_SHARE) {
            let mut body = String::new();
            push_resent(case.customer.language, &case.body, &mut case.dice, &mut body);
            case.resent = Some((body, draw_label(case.intent, &mut case.dice)));
        }
    }
}

impl Case {
    pub(super) fn first_reply_s(&self) -> i64 {
        self.opened_s + i64::from(self.course.waiting_minutes) * 60
    }

    pub(super) fn closed_s(&self) -> i64 {
        let extra = if self.course.reopened { REOPENED_S } else { 0 };
        self.first_reply_s() + i64::from(self.course.handle_minutes) * 60 + extra
    }

    /// When the rating comes in, 1 to 14 days after the case was closed; none if the customer does not answer or the
    /// export was made before.
    pub(super) fn rated_s(&mut self) -> Option<i64> {
        let days = 1.0 + 13.0 * self.dice.unit() * self.dice.unit();
        let at = self.closed_s() + (days * DAY_S as f64) as i64;
        (self.course.answers && at < EXPORT_S).then_some(at)
    }
}

/// The label an agent gives: mostly the true intent, else mostly another one of the same group.
fn draw_label(intent: usize, dice: &mut Dice) -> usize {
    if !dice.chance(WRONG_LABEL_SHARE) {
        return intent;
    }
    let same_group = dice.chance(0.8);
    let (group, _, _) = causes_of(intent);
    let start = dice.below(INTENTS.len());
    (0..INTENTS.len())
        .map(|k| (start + k) % INTENTS.len())
        .find(|&k| k != intent && (!same_group || INTENTS[k].group == group))
        .unwrap_or(intent)
}

/// What the slots of texts about a case are filled from. The customer is copied, so that the case's dice stay free.
pub(super) fn slots_of(world: &World, case: &Case) -> Slots {
    Slots {
        customer: case.customer,
        order: case.order,
        product: case.product,
        at_s: case.opened_s,
        agent: world.staff.agents[case.agent].name,
    }
}
