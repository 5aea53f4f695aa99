//! Events of a client session for its owner.

use bytes::Bytes;

use super::Time;
use crate::comet::{Failure, Gap, Key, Refusal, Refused, Seq, Welcome};

/// One connection, or connection attempt. Inputs that name an older one are ignored, so that a late
/// report about an abandoned connection does no harm.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Link(pub(super) u32);

/// Events, in order.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A connection is requested: answer with `handle_connected` or `handle_disconnected`.
    Connect(Link),
    /// This connection is to be closed, once all output has been transmitted.
    Disconnect(Link),
    /// There is no connection; the next is requested at this time.
    Waiting {
        /// Time of the next attempt.
        until: Time,
    },
    /// The session is open.
    Opened {
        /// Whether the session was resumed: if not, missed deliveries are to be pulled.
        resumed: bool,
        /// The server's welcome.
        welcome: Box<Welcome>,
    },
    /// An acked delivery, exactly once and in order: within its lane where the connection has
    /// lanes.
    Delivery {
        /// Its number.
        seq: Seq,
        /// Application-defined body.
        body: Bytes,
    },
    /// A best-effort delivery.
    BestEffort {
        /// Application-defined body.
        body: Bytes,
    },
    /// The newest delivery of its key.
    Latest {
        /// Key by which it replaces others.
        key: Key,
        /// Application-defined body.
        body: Bytes,
    },
    /// Deliveries that will never arrive: pull them. Without numbers and count, that some may be
    /// missing among those of the other classes.
    Gap {
        /// First number missing; none if they had no numbers.
        from: Seq,
        /// Last number missing.
        to: Seq,
        /// The other fields of the gap.
        gap: Gap,
    },
    /// A message was answered.
    Replied {
        /// Its number.
        seq: Seq,
        /// Application-defined body.
        body: Bytes,
    },
    /// A message was refused.
    Refused {
        /// Its number.
        seq: Seq,
        /// The refusal.
        refusal: Refusal,
    },
    /// The session has ended; no event follows.
    Closed(Closed),
}

/// Reason for the end of a session.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Closed {
    /// The owner left.
    #[error("left")]
    Left,
    /// The server refuses a session permanently.
    #[error("refused with code {}", .0.code)]
    Refused(Refused),
    /// The server ended the connection, and the client is not to reconnect.
    #[error("ended with code {}", .0.code)]
    Failed(Failure),
}
