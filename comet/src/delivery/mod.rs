//! Deliveries: what is pushed to peers, and what is promised about it.
//!
//! * [`Window`]: at-least-once and in order, until acknowledged;
//! * `Rtt`: how long to wait for an acknowledgement;
//! * [`Inbox`]: the other direction: replies leave in the order of the messages.
//!
//! Not here: bytes on the wire (`comet_protocol`), sockets (`shard`).

mod inbox;
mod rtt;
mod window;

use bytes::Bytes;

pub(crate) use inbox::{Inbox, Reply};
pub(crate) use window::{Ack, Due, Overflow, Transmit, Window, WindowLimits};

/// The longest body that may be pushed or replied: its length must fit the head, with room for what
/// else counts into it. No peer takes so much by default.
pub(crate) const MAX_BODY: usize = 1 << 30;

/// What is promised about a delivery.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Class {
    /// Sent again until acknowledged, in order, while the session lives. Peers whose dialect has
    /// no acks get it as best effort.
    Acked,
    /// Sent once, in order with other best-effort deliveries; dropped for a peer that reads too
    /// slowly. May overtake acked ones that wait for room in the window.
    BestEffort,
}

/// Which WebSocket message a body came in or goes out as; other transports do not tell.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Kind {
    /// Bytes.
    #[default]
    Binary,
    /// UTF-8 text. Only raw peers get text messages.
    Text,
}

/// A body to be pushed, and how. The body is shared, not copied, however many peers it goes to.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub(crate) body: Bytes,
    pub(crate) class: Class,
    pub(crate) kind: Kind,
    pub(crate) tag: u64,
}

impl Delivery {
    /// A delivery of class [`Class::Acked`].
    #[must_use]
    pub fn acked(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), class: Class::Acked, kind: Kind::Binary, tag: 0 }
    }

    /// A delivery of class [`Class::BestEffort`].
    #[must_use]
    pub fn best_effort(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), class: Class::BestEffort, kind: Kind::Binary, tag: 0 }
    }

    /// Asks that the router learn of each peer's ack, by this number; 0 asks for nothing.
    #[must_use]
    pub fn tag(mut self, tag: u64) -> Self {
        self.tag = tag;
        self
    }

    /// The kind of message in which raw peers get it. Text must be UTF-8.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }
}
