//! Clients: the real comet client, and a model of a dtalk client.
//!
//! Both are state machines: the world passes bytes and time, and takes bytes and requests.
//!
//! Not here: connections, and their faults.

mod comet;
mod dtalk;

use bytes::Bytes;

pub(crate) use comet::CometClient;
pub(crate) use dtalk::DtalkClient;

use crate::history::{Attempt, MessageId};

/// A request of a client to the world.
#[derive(Debug, PartialEq)]
pub(crate) enum Request {
    /// Open another connection.
    Dial,
    /// Close its connection after writing its output.
    HangUp,
    /// Remember this ticket, which it was given.
    KeepTicket(Bytes),
    /// Nothing more: the client is over.
    End,
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
    /// A connection attempt starts.
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

    /// Bytes of a lane, without its first one.
    pub(crate) fn handle_lane(&mut self, now: u64, lane: u8, bytes: &[u8]) {
        if let Self::Comet(client) = self {
            client.handle_lane(now, lane, bytes);
        }
    }

    pub(crate) fn handle_datagram(&mut self, now: u64, bytes: &[u8]) {
        if let Self::Comet(client) = self {
            client.handle_datagram(now, bytes);
        }
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

    /// Records events and returns requests; to be called after every other method.
    pub(crate) fn poll_requests(&mut self, requests: &mut Vec<Request>) {
        either!(self, client => client.poll_requests(requests));
    }

    /// Sends a message; false if the client takes no more.
    pub(crate) fn send(&mut self, now: u64, message: MessageId, len: usize) -> bool {
        either!(self, client => client.send(now, message, len))
    }

    /// The connection of its open session.
    pub(crate) fn standing(&self) -> Option<Attempt> {
        either!(self, client => client.standing())
    }

    /// Whether it has unanswered messages.
    pub(crate) fn has_unanswered(&self) -> bool {
        either!(self, client => client.has_unanswered())
    }

    /// Ends the session for good.
    pub(crate) fn leave(&mut self, now: u64) {
        either!(self, client => client.leave(now));
    }
}
