//! The plain tables: customers, orders, agents and ratings.

use std::path::Path;

use super::SampleError;
use super::case::{Case, World, slots_of};
use super::clock::{push_date, push_time};
use super::compose::{Slots, fill, phrases};
use super::dice::{Dice, Stream};
use super::files::{CsvFile, Fields};
use super::intents::Group;
use super::names::PRODUCTS;
use super::orders::Order;
use super::people::{Agent, Customer, Language};
use super::tickets::push_ticket_id;
use super::truth::{FileTruth, Truth};

const BAD_AMOUNT_SHARE: f64 = 0.002;
const DUPLICATE_CUSTOMER_SHARE: f64 = 0.003;
const BAD_RATING_SHARE: f64 = 0.003;
/// Draws about files, not people, come from the desk's own streams from this number on.
const FILE_STREAM: u64 = 100;

/// Writes `customers.csv`; a few customers stand in it twice.
pub(super) fn write_customers(world: &World, root: &Path, truth: &mut Truth) -> Result<(), SampleError> {
    let relative = "raw/customers.csv";
    let mut csv = CsvFile::create(
        root,
        relative,
        false,
        "customer_id,name,email,phone,city,language,tier,signup_date",
    )?;
    let mut counts = FileTruth::default();
    let mut dice = world.seeds.dice(Stream::Desk, FILE_STREAM);
    let mut fields = Fields::default();
    for index in 0..world.book.customers {
        let customer = Customer::of(&world.seeds, index);
        fields.clear();
        fields.push_with(|out| Customer::push_id(index, out));
        fields.push_with(|out| customer.name.push(out));
        fields.push_with(|out| customer.push_email(out));
        fields.push_with(|out| customer.push_phone(out));
        fields.push(customer.city);
        fields.push(customer.language.code());
        fields.push(customer.tier.name());
        fields.push_with(|out| customer.push_signup(out));
        counts.rows += 1;
        csv.row(fields.iter())?;
        if dice.chance(DUPLICATE_CUSTOMER_SHARE) {
            counts.rows += 1;
            counts.plant("exact_duplicates");
            csv.row(fields.iter())?;
        }
    }
    counts.bytes = csv.finish()?;
    truth.add_file(relative.to_owned(), counts);
    Ok(())
}

/// Writes `orders.csv`; a few amounts are no numbers.
pub(super) fn write_orders(world: &World, root: &Path, truth: &mut Truth) -> Result<(), SampleError> {
    let relative = "raw/orders.csv";
    let mut csv = CsvFile::create(
        root,
        relative,
        false,
        "order_id,customer_id,product,category,amount,currency,ordered_at,status",
    )?;
    let mut counts = FileTruth::default();
    let mut dice = world.seeds.dice(Stream::Desk, FILE_STREAM + 1);
    let mut fields = Fields::default();
    for index in 0..world.book.orders {
        let order = world.book.order(&world.seeds, index);
        let customer = Customer::of(&world.seeds, world.book.customer_of(index));
        let bad = dice.chance(BAD_AMOUNT_SHARE);
        fields.clear();
        fields.push_with(|out| Order::push_id(index, out));
        fields.push_with(|out| Customer::push_id(customer.index, out));
        let product = &PRODUCTS[order.product];
        fields.push(if customer.language == Language::En {
            product.en
        } else {
            product.zh
        });
        fields.push(product.category);
        fields.push_with(|out| {
            if bad {
                out.push_str("n/a")
            } else {
                order.push_amount(customer.language, out)
            }
        });
        fields.push(if customer.language == Language::En {
            "USD"
        } else {
            "CNY"
        });
        fields.push_with(|out| push_time(out, order.ordered_s));
        fields.push(order.status);
        counts.rows += 1;
        if bad {
            counts.plant("malformed_rows");
            counts.plant("text_in_amount");
        }
        csv.row(fields.iter())?;
    }
    counts.bytes = csv.finish()?;
    truth.add_file(relative.to_owned(), counts);
    Ok(())
}

/// Writes `agents.csv`. Shifts are local times of the agent's zone; an end before the start is on the next day.
pub(super) fn write_agents(world: &World, root: &Path, truth: &mut Truth) -> Result<(), SampleError> {
    let relative = "raw/agents.csv";
    let header = "agent_id,name,languages,skills,shift_start,shift_end,time_zone,hired_on";
    let mut csv = CsvFile::create(root, relative, false, header)?;
    let mut counts = FileTruth::default();
    let mut fields = Fields::default();
    for (index, agent) in world.staff.agents.iter().enumerate() {
        fields.clear();
        fields.push_with(|out| Agent::push_id(index, out));
        fields.push_with(|out| agent.name.push(out));
        let languages = [Language::En, Language::Zh]
            .into_iter()
            .filter(|&language| agent.speaks(language));
        fields.push(&languages.map(Language::code).collect::<Vec<_>>().join(";"));
        let skills = Group::ALL.into_iter().filter(|&group| agent.skill(group) > 0);
        fields.push(
            &skills
                .map(|group| format!("{}:{}", group.name(), agent.skill(group)))
                .collect::<Vec<_>>()
                .join(";"),
        );
        fields.push(&format!("{:02}:00", agent.shift_start));
        fields.push(&format!("{:02}:00", agent.shift_end()));
        fields.push(agent.zone);
        fields.push_with(|out| push_date(out, agent.hired_s));
        counts.rows += 1;
        csv.row(fields.iter())?;
    }
    counts.bytes = csv.finish()?;
    truth.add_file(relative.to_owned(), counts);
    Ok(())
}

/// `ratings.csv`, in the order of the cases: the answers to a survey that most customers ignore.
pub(super) struct Ratings {
    csv: CsvFile,
    counts: FileTruth,
    fields: Fields,
}

impl Ratings {
    const RELATIVE: &str = "raw/ratings.csv";

    pub(super) fn create(root: &Path) -> Result<Self, SampleError> {
        let csv = CsvFile::create(root, Self::RELATIVE, false, "ticket_id,rating,comment,rated_at")?;
        Ok(Self {
            csv,
            counts: FileTruth::default(),
            fields: Fields::default(),
        })
    }

    /// Writes the rating of a case, if it came in.
    pub(super) fn write(&mut self, world: &World, case: &mut Case, truth: &mut Truth) -> Result<(), SampleError> {
        let Some(rated_s) = case.rated_s() else { return Ok(()) };
        let bad = case.dice.chance(BAD_RATING_SHARE);
        self.fields.clear();
        self.fields.push_with(|out| push_ticket_id(case.index, out));
        self.fields.push_with(|out| {
            if bad {
                out.push_str("11")
            } else {
                out.push(char::from(b'0' + case.course.rating))
            }
        });
        let slots = slots_of(world, case);
        let (rating, dice) = (case.course.rating, &mut case.dice);
        self.fields.push_with(|out| push_comment(rating, &slots, dice, out));
        self.fields.push_with(|out| push_time(out, rated_s));
        self.counts.rows += 1;
        if bad {
            self.counts.plant("malformed_rows");
            self.counts.plant("rating_out_of_range");
        } else {
            truth.observe_rating(case);
        }
        self.csv.row(self.fields.iter())
    }

    pub(super) fn finish(mut self, truth: &mut Truth) -> Result<(), SampleError> {
        self.counts.bytes = self.csv.finish()?;
        truth.add_file(Self::RELATIVE.to_owned(), self.counts);
        Ok(())
    }
}

fn push_comment(rating: u8, slots: &Slots, dice: &mut Dice, out: &mut String) {
    let words = phrases(slots.customer.language);
    let comments = match rating {
        1 | 2 => words.comments_bad,
        4 | 5 => words.comments_good,
        _ => return,
    };
    if dice.chance(0.4) {
        fill(dice.pick(comments), slots, dice, out);
    }
}
