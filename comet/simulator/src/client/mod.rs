//! The clients: the real comet one, and a model of a dtalk one.
//!
//! Both are state machines: the world brings bytes and time, and takes bytes and wishes.
//!
//! Not here: how connections are made, and what breaks them.

mod comet;
mod dtalk;

use bytes::Bytes;

pub(crate) use comet::{CometClient, Habits};
pub(crate) use dtalk::DtalkClient;

use crate::history::{Attempt, ClientId, MessageId};

/// What a client wants of the world.
#[derive(Debug, PartialEq)]
pub(crate) enum Wish {
    /// Another connection.
    Dial,
    /// That its connection be closed, after what it wrote.
    HangUp,
    /// To be remembered: it was given this ticket.
    Keep(Bytes),
    /// Nothing any more: it is over.
    Rest,
}

/// Who a client is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person {
    pub(crate) client: ClientId,
    pub(crate) user: u32,
    pub(crate) device: u32,
}

/// A client of either kind.
#[derive(Debug)]
pub(crate) enum Client {
    Comet(Box<CometClient>),
    Dtalk(Box<DtalkClient>),
}

macro_rules! either {
    ($self:ident, $client:ident => $what:expr) => {
        match $self {
            Self::Comet($client) => $what,
            Self::Dtalk($client) => $what,
        }
    };
}

impl Client {
    /// A connection is about to be made.
    pub(crate) fn dialed(&mut self, attempt: Attempt) {
        either!(self, client => client.dialed(attempt));
    }

    pub(crate) fn handle_connected(&mut self, now: u64) {
        either!(self, client => client.handle_connected(now));
    }

    pub(crate) fn handle_disconnected(&mut self, now: u64) {
        either!(self, client => client.handle_disconnected(now));
    }

    pub(crate) fn handle_bytes(&mut self, now: u64, bytes: &[u8]) {
        either!(self, client => client.handle_bytes(now, bytes));
    }

    pub(crate) fn handle_timeout(&mut self, now: u64) {
        either!(self, client => client.handle_timeout(now));
    }

    pub(crate) fn poll_timeout(&self) -> Option<u64> {
        either!(self, client => client.poll_timeout())
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Bytes> {
        either!(self, client => client.poll_transmit())
    }

    /// Writes down what happened, and says what it wants; call after everything else.
    pub(crate) fn poll_wishes(&mut self, wishes: &mut Vec<Wish>) {
        either!(self, client => client.poll_wishes(wishes));
    }

    /// Sends a message, if it takes one more.
    pub(crate) fn send(&mut self, now: u64, message: MessageId, len: usize) -> bool {
        either!(self, client => client.send(now, message, len))
    }

    /// The connection by which it has an open session.
    pub(crate) fn standing(&self) -> Option<Attempt> {
        either!(self, client => client.standing())
    }

    /// Whether it waits for answers.
    pub(crate) fn has_questions(&self) -> bool {
        either!(self, client => client.has_questions())
    }

    /// Ends the session for good.
    pub(crate) fn leave(&mut self, now: u64) {
        either!(self, client => client.leave(now));
    }
}
