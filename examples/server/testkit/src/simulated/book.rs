//! Messages, as kept on a device.

use std::collections::BTreeMap;

use super::content::{Message, NOTICE, TEXT};

/// State of a message that was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// Sent, and not answered.
    Pending,
    /// The client has given up.
    Failed,
    /// It has the server's id.
    Known,
    /// Taken back.
    Revoked,
}

/// A message with its text.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As it came, or was sent.
    pub message: Message,
    /// Its text, opened; empty for notices.
    pub text: String,
    /// Its state.
    pub state: State,
    /// Somebody's phone has it.
    pub received: bool,
    /// Number of users who have marked it.
    pub focus: u64,
}

/// All messages of a device, by the client's id.
#[derive(Debug, Default)]
pub struct Book {
    entries: BTreeMap<String, Entry>,
    /// Ids in the order in which messages appeared.
    order: Vec<String>,
    /// Revoked before they came.
    revoked: Vec<i64>,
    /// Messages that came with more than one id of the server.
    doubles: Vec<String>,
}

impl Book {
    /// The message of this client's id.
    pub fn get(&self, msg_id: &str) -> Option<&Entry> {
        self.entries.get(msg_id)
    }

    /// Records a message; what is known by its id is dropped.
    pub fn add(&mut self, message: Message, text: String, state: State) {
        let msg_id = message.msg_id.clone();
        if let Some(known) = self.entries.get(&msg_id) {
            if ![0, message.log_id].contains(&known.message.log_id) {
                self.doubles.push(msg_id);
            }
            return;
        }
        let state = if self.revoked.contains(&message.log_id) { State::Revoked } else { state };
        let entry = Entry { message, text, state, received: false, focus: 0 };
        self.order.push(msg_id.clone());
        self.entries.insert(msg_id, entry);
    }

    /// Records the answer to an own message.
    pub fn answered(&mut self, msg_id: &str, log_id: i64, time: u64) {
        let entry = self.entries.get_mut(msg_id).expect("an own message");
        if entry.state != State::Revoked {
            entry.state = State::Known;
        }
        if ![0, log_id].contains(&entry.message.log_id) {
            self.doubles.push(msg_id.to_owned());
        }
        (entry.message.log_id, entry.message.time) = (log_id, time);
    }

    /// Records that an own message was given up, unless it was answered.
    pub fn failed(&mut self, msg_id: &str) {
        let entry = self.entries.get_mut(msg_id).expect("an own message");
        if entry.state == State::Pending {
            entry.state = State::Failed;
        }
    }

    /// Takes a message back.
    pub fn revoke(&mut self, log_id: i64) {
        match self.with_log_id(log_id) {
            Some(entry) => entry.state = State::Revoked,
            None => self.revoked.push(log_id),
        }
    }

    /// Records that a phone has a message.
    pub fn received(&mut self, log_id: i64) {
        if let Some(entry) = self.with_log_id(log_id) {
            entry.received = true;
        }
    }

    /// Records the number of marks of a message.
    pub fn focus(&mut self, log_id: i64, count: u64) {
        if let Some(entry) = self.with_log_id(log_id) {
            entry.focus = count;
        }
    }

    /// The greatest id of the server.
    pub fn newest(&self) -> Option<i64> {
        let ids = self.entries.values().map(|entry| entry.message.log_id);
        ids.max().filter(|id| *id > 0)
    }

    /// All messages in the order in which they appeared.
    pub fn in_order(&self) -> impl Iterator<Item = &Entry> {
        self.order.iter().map(|msg_id| &self.entries[msg_id])
    }

    /// Texts that were delivered, in the order in which they appeared.
    pub fn texts(&self) -> Vec<&str> {
        let is_text = |entry: &&Entry| entry.state == State::Known && entry.message.kind == TEXT;
        self.in_order().filter(is_text).map(|entry| &*entry.text).collect()
    }

    /// Ids of messages that came with more than one id of the server.
    pub fn doubles(&self) -> &[String] {
        &self.doubles
    }

    /// Number of notices.
    pub fn notices(&self) -> usize {
        self.entries.values().filter(|entry| entry.message.kind == NOTICE).count()
    }

    /// Messages that could not be opened so far.
    pub fn unopened(&self) -> impl Iterator<Item = &Message> {
        let unopened = self.entries.values().filter(|entry| entry.text.is_empty());
        unopened.map(|entry| &entry.message).filter(|message| message.kind == TEXT)
    }

    /// Records the text of a message.
    pub fn open(&mut self, msg_id: &str, text: String) {
        self.entries.get_mut(msg_id).expect("a message").text = text;
    }

    fn with_log_id(&mut self, log_id: i64) -> Option<&mut Entry> {
        self.entries.values_mut().find(|entry| entry.message.log_id == log_id)
    }
}
