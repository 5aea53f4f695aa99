//! What a client session tells its owner.

use bytes::Bytes;

use super::Time;
use crate::comet::{Failure, Gap, Key, Refusal, Refused, Seq, Welcome};

/// One connection, or the attempt at it. Inputs that name an older one are ignored, so that a
/// late word about a connection that was given up does no harm.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Link(pub(super) u32);

/// What happened, in order.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A connection is wanted: answer with `handle_connected` or `handle_disconnected`.
    Connect(Link),
    /// This connection is to be closed, after what was to be transmitted.
    Disconnect(Link),
    /// There is no connection; the next is wanted at this time.
    Waiting {
        /// When.
        until: Time,
    },
    /// The session is open.
    Opened {
        /// Whether it is the same as before: if not, what was missed is to be pulled.
        resumed: bool,
        /// What the server said.
        welcome: Box<Welcome>,
    },
    /// An acked delivery, in order and once.
    Delivery {
        /// Its number.
        seq: Seq,
        /// The application's.
        body: Bytes,
    },
    /// A best-effort delivery.
    BestEffort {
        /// The application's.
        body: Bytes,
    },
    /// The newest of its key.
    Latest {
        /// What it replaces others by.
        key: Key,
        /// The application's.
        body: Bytes,
    },
    /// Deliveries will never come: pull them.
    Gap {
        /// The first number missing; none if they had no numbers.
        from: Seq,
        /// The last number missing.
        to: Seq,
        /// Everything else about them.
        gap: Gap,
    },
    /// A message was answered.
    Replied {
        /// Its number.
        seq: Seq,
        /// The application's.
        body: Bytes,
    },
    /// A message was not taken.
    Refused {
        /// Its number.
        seq: Seq,
        /// Why.
        refusal: Refusal,
    },
    /// The session is over; nothing follows.
    Closed(Closed),
}

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Closed {
    /// The owner left.
    #[error("left")]
    Left,
    /// The server does not give a session, and will not give one later.
    #[error("refused with code {}", .0.code)]
    Refused(Refused),
    /// The server ended the connection, and wants no other.
    #[error("ended with code {}", .0.code)]
    Failed(Failure),
}
