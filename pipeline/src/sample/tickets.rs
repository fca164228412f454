//! The ticket files: one row a case in chronological order, a new file after each stretch, the bought-up shop's cases in
//! its own file, and the faults a desk's tables really have.

use std::path::{Path, PathBuf};

use super::SampleError;
use super::case::{Case, World};
use super::clock::push_time;
use super::files::{BROKEN_MARK, CsvFile, Fields};
use super::intents::name_of;
use super::orders::Order;
use super::people::{Agent, Customer};
use super::truth::{FileTruth, Truth};

const HEADER: &str = "ticket_id,customer_id,order_id,channel,opened_at,first_reply_at,closed_at,waiting_minutes,reopened,\
    transfers,agent_id,language,subject,body,intent,handle_minutes,coin";
const COLUMN_OPENED: usize = 4;
const COLUMN_WAITING: usize = 7;
const COLUMN_SUBJECT: usize = 12;
const COLUMN_BODY: usize = 13;
const ROWS_PER_FILE_MAX: u64 = 500_000;
/// Kept below the limit, for rows that stand twice and re-sent messages.
const CASES_PER_FILE_MAX: u64 = 480_000;
const MALFORMED_SHARE: f64 = 0.007;
const EXACT_DUPLICATE_SHARE: f64 = 0.006;
const LEGACY: &str = "raw/tickets/legacy-zh.csv";

const _: () = assert!(CASES_PER_FILE_MAX < ROWS_PER_FILE_MAX);

/// What is wrong with a malformed row. The row stands in place of the good one.
#[derive(Clone, Copy)]
enum Fault {
    TooFewFields,
    TooManyFields,
    UnclosedQuote,
    InvalidBytes,
    NulByte,
    ImpossibleDate,
    TextInWaiting,
    EmptyTicketId,
}

impl Fault {
    const ALL: [(Self, &'static str); 8] = [
        (Self::TooFewFields, "too_few_fields"),
        (Self::TooManyFields, "too_many_fields"),
        (Self::UnclosedQuote, "unclosed_quote"),
        (Self::InvalidBytes, "invalid_bytes"),
        (Self::NulByte, "nul_byte"),
        (Self::ImpossibleDate, "impossible_date"),
        (Self::TextInWaiting, "text_in_waiting_minutes"),
        (Self::EmptyTicketId, "empty_ticket_id"),
    ];
}

/// The file being written and what was planted in it.
struct Part {
    relative: String,
    csv: CsvFile,
    truth: FileTruth,
}

impl Part {
    fn create(root: &Path, relative: String, legacy: bool) -> Result<Self, SampleError> {
        let csv = CsvFile::create(root, &relative, legacy, HEADER)?;
        Ok(Self {
            relative,
            csv,
            truth: FileTruth::default(),
        })
    }

    fn finish(mut self, truth: &mut Truth) -> Result<(), SampleError> {
        self.truth.bytes = self.csv.finish()?;
        truth.add_file(self.relative, self.truth);
        Ok(())
    }
}

/// Writes all ticket files.
pub(super) struct Tickets {
    root: PathBuf,
    cases_per_file: u64,
    parts: u64,
    current: Option<Part>,
    legacy: Part,
    fields: Fields,
    faults_planted: usize,
}

impl Tickets {
    pub(super) fn create(root: &Path, cases: u64) -> Result<Self, SampleError> {
        Ok(Self {
            root: root.to_path_buf(),
            cases_per_file: cases.div_ceil(6).min(CASES_PER_FILE_MAX),
            parts: 0,
            current: None,
            legacy: Part::create(root, LEGACY.to_owned(), true)?,
            fields: Fields::default(),
            faults_planted: 0,
        })
    }

    /// Writes the row or rows of a case.
    pub(super) fn write(&mut self, world: &World, case: &mut Case, truth: &mut Truth) -> Result<(), SampleError> {
        self.turn_page(case.index, truth)?;
        fill_fields(case, None, &mut self.fields);
        let part = match (&mut self.current, case.customer.legacy) {
            (Some(current), false) => current,
            _ => &mut self.legacy,
        };
        part.truth.rows += 1;
        if case.dice.chance(MALFORMED_SHARE) {
            // Faults take turns, so that even a small desk has each of them.
            let (fault, name) = Fault::ALL[self.faults_planted % Fault::ALL.len()];
            self.faults_planted += 1;
            part.truth.plant("malformed_rows");
            part.truth.plant(name);
            return write_fault(fault, &self.fields, &mut part.csv);
        }
        part.csv.row(self.fields.iter())?;
        truth.observe(world, case, case.label);
        note_good_row(case, case.label, &mut part.truth);
        if case.dice.chance(EXACT_DUPLICATE_SHARE) {
            part.truth.rows += 1;
            part.truth.plant("exact_duplicates");
            part.csv.row(self.fields.iter())?;
        }
        if let Some((body, label)) = case.resent.take() {
            fill_fields(case, Some((&body, label)), &mut self.fields);
            part.truth.rows += 1;
            part.truth.plant("near_duplicates");
            part.csv.row(self.fields.iter())?;
            note_good_row(case, label, &mut part.truth);
            truth.observe_label(case.intent, label);
        }
        Ok(())
    }

    /// Opens the next file when the case begins one.
    fn turn_page(&mut self, index: u64, truth: &mut Truth) -> Result<(), SampleError> {
        if !index.is_multiple_of(self.cases_per_file) {
            return Ok(());
        }
        self.parts += 1;
        let relative = format!("raw/tickets/tickets-{:04}.csv", self.parts);
        if let Some(done) = self.current.replace(Part::create(&self.root, relative, false)?) {
            done.finish(truth)?;
        }
        Ok(())
    }

    pub(super) fn finish(self, truth: &mut Truth) -> Result<(), SampleError> {
        if let Some(part) = self.current {
            part.finish(truth)?;
        }
        self.legacy.finish(truth)
    }
}

fn note_good_row(case: &Case, label: usize, truth: &mut FileTruth) {
    if label != case.intent {
        truth.plant("contradictory_labels");
    }
    if case.intent == super::intents::OTHER {
        truth.plant("out_of_intent_questions");
    }
    if case.personal {
        truth.plant("rows_with_personal_data");
    }
}

/// Appends the id of a case's ticket; a re-sent one ends in `R`.
pub(super) fn push_ticket_id(index: u64, out: &mut String) {
    use std::fmt::Write as _;
    let _ = write!(out, "T{index:08}");
}

/// The row of a case, or of its re-sent message (text and label), which came two minutes later.
fn fill_fields(case: &Case, resent: Option<(&str, usize)>, fields: &mut Fields) {
    let later_s = if resent.is_some() { 120 } else { 0 };
    let (body, label) = resent.unwrap_or((&case.body, case.label));
    fields.clear();
    fields.push_with(|out| {
        push_ticket_id(case.index, out);
        if resent.is_some() {
            out.push('R');
        }
    });
    fields.push_with(|out| Customer::push_id(case.customer.index, out));
    fields.push_with(|out| {
        if let Some(order) = case.order {
            Order::push_id(order.index, out);
        }
    });
    fields.push(case.channel.name());
    for at_s in [case.opened_s, case.first_reply_s(), case.closed_s()] {
        fields.push_with(|out| push_time(out, at_s + later_s));
    }
    fields.push_with(|out| push_number(case.course.waiting_minutes, out));
    fields.push(if case.course.reopened { "1" } else { "0" });
    fields.push_with(|out| push_number(case.course.transfers, out));
    fields.push_with(|out| Agent::push_id(case.agent, out));
    fields.push(case.customer.language.code());
    fields.push(&case.subject);
    fields.push(body);
    fields.push(name_of(label));
    fields.push_with(|out| push_number(case.course.handle_minutes, out));
    fields.push(if case.heads { "heads" } else { "tails" });
}

fn push_number(number: u32, out: &mut String) {
    use std::fmt::Write as _;
    let _ = write!(out, "{number}");
}

fn write_fault(fault: Fault, good: &Fields, csv: &mut CsvFile) -> Result<(), SampleError> {
    let replace = |column: usize, value: &str| -> Vec<String> {
        good.iter()
            .enumerate()
            .map(|(k, field)| if k == column { value } else { field }.to_owned())
            .collect()
    };
    let body = || good.iter().nth(COLUMN_BODY).unwrap_or_default();
    // A character boundary near the middle of the body, where broken bytes go.
    let broken = |mark: char| {
        let text = body();
        let middle = text
            .char_indices()
            .nth(text.chars().count() / 2)
            .map_or(0, |(at, _)| at);
        format!("{}{mark}{}", &text[..middle], &text[middle..])
    };
    let spoil = match fault {
        Fault::TooFewFields => return csv.row(good.iter().take(good.len() - 5)),
        Fault::TooManyFields => return csv.row(good.iter().chain(["", "see note"])),
        Fault::UnclosedQuote => return csv.unclosed_row(good.iter(), COLUMN_SUBJECT),
        Fault::InvalidBytes => {
            return csv.spoiled_row(replace(COLUMN_BODY, &broken(BROKEN_MARK)).iter().map(String::as_str));
        }
        Fault::NulByte => replace(COLUMN_BODY, &broken('\0')),
        Fault::ImpossibleDate => replace(COLUMN_OPENED, "2026-02-30T10:00:00Z"),
        Fault::TextInWaiting => replace(COLUMN_WAITING, "about an hour"),
        Fault::EmptyTicketId => replace(0, ""),
    };
    csv.row(spoil.iter().map(String::as_str))
}
