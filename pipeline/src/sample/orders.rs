//! Orders. Which order belongs to which customer is a permutation of numbers, so the orders of a customer are found
//! without an index, and any order is drawn again from its number.

use std::fmt::Write as _;

use super::clock::{DAY_S, DESK_START_S};
use super::dice::{Seeds, Stream};
use super::names::PRODUCTS;
use super::people::{Customer, Language};

/// Orders were placed in the 60 days before the desk's first case and in its 180 days.
const SPAN_S: i64 = (60 + 180) * DAY_S;
const FIRST_S: i64 = DESK_START_S - 60 * DAY_S;

/// An order as drawn from its number.
#[derive(Clone, Copy)]
pub(super) struct Order {
    pub(super) index: u64,
    pub(super) product: usize,
    pub(super) ordered_s: i64,
    pub(super) cents: u32,
    pub(super) status: &'static str,
}

impl Order {
    pub(super) fn push_id(index: u64, out: &mut String) {
        let _ = write!(out, "SO{index:08}");
    }

    /// Appends the amount as `12.90`; Chinese customers pay in yuan at seven to the dollar.
    pub(super) fn push_amount(&self, language: Language, out: &mut String) {
        let cents = match language {
            Language::En => self.cents,
            Language::Zh => self.cents * 7,
        };
        let _ = write!(out, "{}.{:02}", cents / 100, cents % 100);
    }
}

/// The order book: sizes and the permutation between customers and orders.
pub(super) struct OrderBook {
    pub(super) customers: u64,
    pub(super) orders: u64,
    step: u64,
    step_back: u64,
}

impl OrderBook {
    /// About a customer per three cases (at least 20) and four orders per five cases.
    pub(super) fn new(cases: u64) -> Self {
        let customers = (cases / 3).max(20);
        let orders = (cases / 5 * 4).max(40);
        // A step near the golden section spreads neighbours well; it must share no divisor with the customer count.
        let mut step = (customers * 618 / 1000).max(1);
        let step_back = loop {
            match inverse(step, customers) {
                Some(inverse) => break inverse,
                None => step += 1,
            }
        };
        Self {
            customers,
            orders,
            step,
            step_back,
        }
    }

    /// The customer who placed an order.
    pub(super) fn customer_of(&self, order: u64) -> u64 {
        let within = u128::from(order % self.customers);
        ((within * u128::from(self.step) + u128::from(order / self.customers)) % u128::from(self.customers)) as u64
    }

    /// When an order was placed: rises with its number, so the wobble (by the golden section) stays below one step.
    fn ordered_s(&self, order: u64) -> i64 {
        let wobble = (order.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / f64::from(1 << 24);
        FIRST_S + ((order as f64 + wobble) / self.orders as f64 * SPAN_S as f64) as i64
    }

    /// The order itself.
    pub(super) fn order(&self, seeds: &Seeds, index: u64) -> Order {
        let mut dice = seeds.dice(Stream::Order, index);
        let product = dice.below(PRODUCTS.len());
        let cents = PRODUCTS[product].price_cents / 100 * (80 + dice.below(60) as u32);
        let status = match dice.unit() {
            share if share < 0.78 => "delivered",
            share if share < 0.90 => "shipped",
            share if share < 0.95 => "returned",
            _ => "cancelled",
        };
        Order {
            index,
            product,
            ordered_s: self.ordered_s(index),
            cents,
            status,
        }
    }

    /// The customer's last order before a time, if there is one.
    pub(super) fn last_before(&self, customer: &Customer, at_s: i64) -> Option<u64> {
        let rounds = self.orders.div_ceil(self.customers);
        (0..rounds)
            .rev()
            .map(|round| self.nth_of(customer.index, round))
            .find(|&order| order < self.orders && self.ordered_s(order) < at_s)
    }

    /// The customer's order number of a round (a round is one pass over all customers).
    fn nth_of(&self, customer: u64, round: u64) -> u64 {
        let size = u128::from(self.customers);
        let shifted = (u128::from(customer) + size - u128::from(round) % size) % size;
        round * self.customers + (shifted * u128::from(self.step_back) % size) as u64
    }
}

/// The multiplicative inverse of `a` modulo `m`, by the extended Euclidean algorithm; none if they share a divisor.
fn inverse(a: u64, m: u64) -> Option<u64> {
    let (mut old_r, mut r) = (i128::from(a), i128::from(m));
    let (mut old_s, mut s) = (1_i128, 0_i128);
    while r != 0 {
        let quotient = old_r / r;
        (old_r, r) = (r, old_r - quotient * r);
        (old_s, s) = (s, old_s - quotient * s);
    }
    (old_r == 1).then(|| old_s.rem_euclid(i128::from(m)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_found_from_its_customer() {
        for cases in [1, 60, 61, 100, 997, 3000] {
            let book = OrderBook::new(cases);
            for order in 0..book.orders {
                let customer = book.customer_of(order);
                assert!(customer < book.customers);
                assert_eq!(book.nth_of(customer, order / book.customers), order, "{cases} cases");
            }
        }
    }
}
