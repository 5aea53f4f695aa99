//! A party that records the auths and tickets of clients, and holds connections of its own on which
//! it uses them.
//!
//! Not here: the times of attacks, and the identities used for them (`attacks`).

use bytes::Bytes;
use comet_protocol::comet::{ClientFrame, ServerFrame, is_auth};
use comet_protocol::{Decoder, Frame, Layout, frames_of};

use crate::body::Body;
use crate::history::{Attempt, Dialect, Event, Log, Loss};
use crate::network::Arrived;
use crate::random::Random;

/// Recordings, and open connections.
#[derive(Debug)]
pub(super) struct Attacker {
    log: Log,
    /// The first bytes of each connection of a client, with the client's index.
    auths: Vec<(usize, Attempt, Bytes)>,
    /// Tickets, and the connection on which each was issued.
    tickets: Vec<(Bytes, Attempt)>,
    connections: Vec<AttackerConnection>,
}

/// A connection of its own.
#[derive(Debug)]
struct AttackerConnection {
    attempt: Attempt,
    dialect: Dialect,
    /// To be sent once the connection is open.
    auth: Bytes,
    decoder: Decoder,
}

impl Attacker {
    pub(super) const fn new(log: Log) -> Self {
        Self { log, auths: Vec::new(), tickets: Vec::new(), connections: Vec::new() }
    }

    pub(super) fn record_ticket(&mut self, ticket: Bytes, attempt: Attempt) {
        self.tickets.push((ticket, attempt));
    }

    /// Records the first bytes of each connection. Returns the ticket that they present, if any.
    pub(super) fn record_auth(
        &mut self,
        actor: usize,
        attempt: Attempt,
        bytes: &Bytes,
    ) -> Option<Bytes> {
        if self.auths.last().is_some_and(|(_, last, _)| *last >= attempt)
            && self.auths.iter().any(|(_, known, _)| *known == attempt)
        {
            return None;
        }
        self.auths.push((actor, attempt, bytes.clone()));
        let frames = frames_of(Layout::Dtalk, bytes, 1 << 20).ok()?;
        let frame = frames.first().filter(|frame| is_auth(frame.head))?;
        match ClientFrame::decode(frame.head, &frame.body) {
            Ok(ClientFrame::Auth { auth, .. }) if !auth.ticket.is_empty() => Some(auth.ticket),
            _ => None,
        }
    }

    /// The connection on which a ticket was issued.
    pub(super) fn issued_on(&self, ticket: &[u8]) -> Option<Attempt> {
        self.tickets.iter().find(|(known, _)| *known == ticket).map(|(_, attempt)| *attempt)
    }

    /// A recorded auth and its client, mostly the last one.
    pub(super) fn recent_auth(&self, random: &mut Random) -> Option<(usize, Bytes)> {
        let last = self.auths.len().checked_sub(1)?;
        let at = if random.percent(60) { last } else { random.index(last + 1) };
        self.auth(at)
    }

    /// A recorded auth and its client, any.
    pub(super) fn any_auth(&self, random: &mut Random) -> Option<(usize, Bytes)> {
        if self.auths.is_empty() {
            return None;
        }
        self.auth(random.index(self.auths.len()))
    }

    fn auth(&self, at: usize) -> Option<(usize, Bytes)> {
        self.auths.get(at).map(|(actor, _, bytes)| (*actor, bytes.clone()))
    }

    /// Adds a connection of its own, on which an auth will be sent.
    pub(super) fn connect(&mut self, attempt: Attempt, dialect: Dialect, auth: Bytes) {
        let decoder = Decoder::new(Layout::Dtalk, 1 << 20);
        self.connections.push(AttackerConnection { attempt, dialect, auth, decoder });
    }

    /// Handles an arrival on one of its connections. Returns bytes to be sent in reply.
    pub(super) fn receive(&mut self, attempt: Attempt, arrived: Arrived) -> Option<Bytes> {
        let at = self.connections.iter().position(|connection| connection.attempt == attempt)?;
        match arrived {
            Arrived::Open => Some(self.connections[at].auth.clone()),
            Arrived::Bytes(bytes) => {
                self.connections[at].read(&bytes, &self.log);
                None
            }
            // It asks for neither.
            Arrived::Lane(..) | Arrived::Datagram(_) => None,
            Arrived::Closed | Arrived::Invalid => {
                self.connections.swap_remove(at);
                None
            }
        }
    }

    /// Gives up its connections.
    pub(super) fn disconnect(&mut self) -> impl Iterator<Item = Attempt> {
        std::mem::take(&mut self.connections).into_iter().map(|connection| connection.attempt)
    }
}

impl AttackerConnection {
    fn read(&mut self, bytes: &[u8], log: &Log) {
        self.decoder.push(bytes);
        while let Ok(Some(frame)) = self.decoder.next_frame() {
            let event = match self.dialect {
                Dialect::Dtalk => seen_in_dtalk(self.attempt, &frame),
                Dialect::Comet => seen_in_comet(self.attempt, frame),
            };
            if let Some(event) = event {
                log.record(event);
            }
        }
    }
}

fn saw(attempt: Attempt, body: &[u8], seq: u32) -> Option<Event> {
    match Body::parse(body) {
        Some(Body::Push(push)) => Some(Event::Saw { attempt, push, seq }),
        _ => None,
    }
}

fn seen_in_dtalk(attempt: Attempt, frame: &Frame) -> Option<Event> {
    match frame.head.op {
        comet_protocol::op::DELIVER => saw(attempt, &frame.body, frame.head.seq),
        _ => None,
    }
}

fn seen_in_comet(attempt: Attempt, frame: Frame) -> Option<Event> {
    match ServerFrame::decode(frame.head, frame.body).ok()? {
        ServerFrame::Welcome { welcome, .. } => {
            let loss = Loss::from(welcome.loss());
            Some(Event::Opened { attempt, resumed: welcome.resumed, loss })
        }
        ServerFrame::Deliver { seq, body } => saw(attempt, &body, seq.get()),
        ServerFrame::BestEffort { body, .. } | ServerFrame::Latest { body, .. } => {
            saw(attempt, &body, 0)
        }
        _ => None,
    }
}
