//! A session of any dialect, without IO.

use bytes::Bytes;
use comet_protocol::client::{Full, Time};

use super::any::AnyCodec;
use super::comet::Comet;
use super::owner::{CallContext, ConnectionRequest, GiveUpReason, Side};
use super::plain::Plain;
use super::{ClientTiming, Destination, Dialect, Event, Identity, Outgoing};

/// A session.
#[derive(Debug)]
pub(crate) enum Client {
    Comet(Box<Comet>),
    Plain(Plain),
}

impl Client {
    pub(crate) fn new(
        now: Time,
        dialect: Dialect,
        me: &Identity,
        timing: &ClientTiming,
        seed: u64,
    ) -> Self {
        match AnyCodec::new(dialect) {
            Some(codec) => Self::Plain(Plain::new(codec, seed)),
            None => Self::Comet(Box::new(Comet::new(now, me, timing, seed))),
        }
    }

    /// The transport is open.
    pub(crate) fn handle_connected(
        &mut self,
        side: Side,
        at: &CallContext<'_>,
        out: &mut Outgoing<'_>,
        emit: &mut impl FnMut(Event<'_>),
    ) {
        match self {
            Self::Comet(comet) => comet.handle_connected(side, at.now),
            Self::Plain(plain) => plain.handle_connected(at, out, emit),
        }
    }

    /// The connection is lost, or could not be made.
    pub(crate) fn handle_disconnected(
        &mut self,
        side: Side,
        now: Time,
        why: &dyn std::fmt::Display,
    ) {
        match self {
            Self::Comet(comet) => comet.handle_disconnected(side, now),
            Self::Plain(plain) => plain.handle_disconnected(why),
        }
    }

    /// Bytes came: of a stream, cut anywhere; or a whole WebSocket message.
    pub(crate) fn handle_bytes(
        &mut self,
        side: Side,
        at: &CallContext<'_>,
        bytes: &[u8],
        out: &mut Outgoing<'_>,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Result<(), GiveUpReason> {
        match self {
            Self::Comet(comet) => {
                comet.handle_bytes(side, at.now, bytes);
                Ok(())
            }
            Self::Plain(plain) => plain.handle_bytes(at, bytes, out, emit),
        }
    }

    /// The transport received something that is not for the session.
    pub(crate) const fn handle_alive(&mut self) {
        if let Self::Plain(plain) = self {
            plain.handle_alive();
        }
    }

    /// Time has passed; there is somewhere to write if there is a connection.
    pub(crate) fn handle_timeout(
        &mut self,
        at: &CallContext<'_>,
        out: Option<&mut Outgoing<'_>>,
    ) -> Result<(), GiveUpReason> {
        match self {
            Self::Comet(comet) => {
                comet.handle_timeout(at.now);
                Ok(())
            }
            Self::Plain(plain) => plain.handle_timeout(at, out),
        }
    }

    /// Time at which [`handle_timeout`](Self::handle_timeout) is due.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        match self {
            Self::Comet(comet) => comet.poll_timeout(),
            Self::Plain(plain) => plain.poll_timeout(),
        }
    }

    /// Writes output that waited for the socket; returns whether there was some.
    pub(crate) fn transmit(&mut self, side: Side, out: &mut Outgoing<'_>) -> bool {
        match self {
            Self::Comet(comet) => comet.transmit(side, out),
            Self::Plain(_) => false,
        }
    }

    /// Begins a change to another connection, while the one that there is works on; whether there
    /// is to be one.
    pub(crate) fn switch(&mut self, now: Time) -> bool {
        match self {
            Self::Comet(comet) => comet.switch(now),
            Self::Plain(_) => false,
        }
    }

    /// Whether the session has changed to the other connection since the last time.
    pub(crate) fn has_moved(&mut self) -> bool {
        match self {
            Self::Comet(comet) => comet.has_moved(),
            Self::Plain(_) => false,
        }
    }

    /// Takes a message; there is somewhere to write it if there is a connection.
    pub(crate) fn send(
        &mut self,
        at: &CallContext<'_>,
        to: &Destination,
        body: Bytes,
        out: Option<&mut Outgoing<'_>>,
    ) -> Result<(), Full> {
        match self {
            Self::Comet(comet) => comet.send(at.now, at.me, to, body),
            Self::Plain(plain) => plain.send(at.me, to, body, out),
        }
    }

    /// Ends the session by its owner's wish; it has no events any more.
    pub(crate) fn leave(&mut self, now: Time, out: Option<&mut Outgoing<'_>>) {
        match self {
            Self::Comet(comet) => comet.leave(now),
            Self::Plain(plain) => plain.leave(out),
        }
    }

    /// Emits events, up to the next demand of the session.
    pub(crate) fn poll(
        &mut self,
        at: &CallContext<'_>,
        emit: &mut impl FnMut(Event<'_>),
    ) -> Option<ConnectionRequest> {
        match self {
            Self::Comet(comet) => comet.poll(at.me, emit),
            Self::Plain(plain) => plain.poll(at, emit),
        }
    }
}
