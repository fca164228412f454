//! `raw/chats.jsonl`: the turns of the cases that came by chat, a JSON object a line. A few lines were cut off.

use std::path::Path;

use serde::Serialize;

use super::SampleError;
use super::case::{Case, World, slots_of};
use super::causes::Channel;
use super::clock::push_time;
use super::compose::{fill, phrases};
use super::files::CountedFile;
use super::intents::causes_of;
use super::tickets::push_ticket_id;
use super::truth::{FileTruth, Truth};

const RELATIVE: &str = "raw/chats.jsonl";
const CUT_SHARE: f64 = 0.0015;
const CLIENTS: [Client; 4] = [
    Client {
        app: "web",
        version: "5.1.0",
    },
    Client {
        app: "android",
        version: "4.8.2",
    },
    Client {
        app: "ios",
        version: "4.9.0",
    },
    Client {
        app: "mini-program",
        version: "2.3.1",
    },
];

#[derive(Clone, Copy, Serialize)]
struct Client {
    app: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Turn<'a> {
    chat_id: &'a str,
    ticket_id: &'a str,
    turn: u32,
    at: &'a str,
    speaker: &'static str,
    text: &'a str,
    client: Client,
}

/// Writes the chats. The buffers are used again for every turn.
pub(super) struct Chats {
    file: CountedFile,
    counts: FileTruth,
    chat_id: String,
    ticket_id: String,
    at: String,
    line: Vec<u8>,
}

impl Chats {
    pub(super) fn create(root: &Path) -> Result<Self, SampleError> {
        Ok(Self {
            file: CountedFile::create(root, RELATIVE)?,
            counts: FileTruth::default(),
            chat_id: String::new(),
            ticket_id: String::new(),
            at: String::new(),
            line: Vec::new(),
        })
    }

    /// Writes the turns of a case, if it came by chat.
    pub(super) fn write(&mut self, world: &World, case: &mut Case) -> Result<(), SampleError> {
        if case.channel != Channel::Chat {
            return Ok(());
        }
        self.ticket_id.clear();
        push_ticket_id(case.index, &mut self.ticket_id);
        self.chat_id.clear();
        self.chat_id.push('H');
        self.chat_id.push_str(&self.ticket_id[1..]);
        let client = case.dice.pick(&CLIENTS);
        for (turn, (speaker, at_s, text)) in turns(world, case).into_iter().enumerate() {
            self.at.clear();
            push_time(&mut self.at, at_s);
            let turn = Turn {
                chat_id: &self.chat_id,
                ticket_id: &self.ticket_id,
                turn: turn as u32 + 1,
                at: &self.at,
                speaker,
                text: &text,
                client,
            };
            self.line.clear();
            serde_json::to_writer(&mut self.line, &turn).map_err(|source| SampleError::json(RELATIVE, source))?;
            self.counts.rows += 1;
            if case.dice.chance(CUT_SHARE) {
                self.cut_line();
            }
            self.line.push(b'\n');
            self.file.write(&self.line)?;
        }
        Ok(())
    }

    /// Cuts the line in its middle, at a character's start, so that it is text but no JSON.
    fn cut_line(&mut self) {
        self.counts.plant("malformed_rows");
        self.counts.plant("cut_json");
        let half = self.line.len() / 2;
        let boundary = (half..self.line.len())
            .find(|&at| self.line[at] & 0xC0 != 0x80)
            .unwrap_or(half);
        self.line.truncate(boundary);
    }

    pub(super) fn finish(mut self, truth: &mut Truth) -> Result<(), SampleError> {
        self.counts.bytes = self.file.finish()?;
        truth.add_file(RELATIVE.to_owned(), self.counts);
        Ok(())
    }
}

/// Who said what when: robot, question, agent, perhaps the order number, the solution, and how the customer takes it.
fn turns(world: &World, case: &mut Case) -> Vec<(&'static str, i64, String)> {
    let slots = slots_of(world, case);
    let words = phrases(slots.customer.language);
    let (group, _, _) = causes_of(case.intent);
    let (reply_s, closed_s) = (case.first_reply_s(), case.closed_s());
    let dice = &mut case.dice;
    let mut say = |choices: &[&str]| {
        let mut text = String::new();
        fill(dice.pick(choices), &slots, dice, &mut text);
        text
    };
    let mut turns = Vec::with_capacity(6);
    turns.push(("robot", case.opened_s, say(words.robot)));
    turns.push(("customer", case.opened_s + 20, case.body.clone()));
    turns.push(("agent", reply_s.max(case.opened_s + 25), say(words.agent_hello)));
    if case.order.is_some() {
        turns.push(("customer", reply_s + 40, say(words.order_detail)));
    }
    turns.push(("agent", closed_s - 15, say(words.agent_solves[group as usize])));
    // Only the tone of the first message is planted; the last word follows the customer's judgement.
    let last = if case.course.rating <= 2 {
        words.grumbles
    } else {
        words.thanks
    };
    turns.push(("customer", closed_s, say(last)));
    turns
}
