//! Deliveries to peers, and their guarantees.
//!
//! * [`Window`]: at-least-once and in order, until acknowledged;
//! * [`Queue`]: deliveries that wait for room in the window, in lanes;
//! * [`Log`]: unread deliveries of a room, stored once;
//! * [`Slots`]: the newest delivery of each key;
//! * [`Gap`]: missing deliveries, counted; [`Losses`]: those without numbers, until reported;
//! * [`Pass`] and [`Replay`]: in-order replay by a router that has a record;
//! * `Rtt`: retransmission time-out;
//! * [`Inbox`] and [`Upstream`]: the other direction: replies leave in the order of the messages.
//!
//! Not here: bytes on the wire (`comet_protocol`), sockets (`shard`).

mod answer;
mod gap;
mod held;
mod inbox;
mod log;
mod losses;
mod queue;
mod replay;
mod rtt;
mod slots;
mod upstream;
mod window;

use std::sync::Arc;

use bytes::Bytes;

pub(crate) use answer::Answer;
pub use comet_protocol::comet::Class;
pub use gap::{Gap, GapReason};
pub(crate) use held::{Held, Item};
pub(crate) use inbox::Inbox;
pub(crate) use log::{Log, Logged, SharedLog};
pub(crate) use losses::Losses;
pub(crate) use queue::{Queue, QueueError, QueueLimits};
pub use replay::{Pass, Replay};
pub(crate) use slots::Slots;
pub(crate) use upstream::{Taken, Upstream};
pub(crate) use window::{Ack, Due, Pushed, Transmit, Window, WindowLimits, with_signals};

/// Longest body that may be pushed or replied: its length must fit the frame head, with room for
/// the other parts counted in it. No peer takes that much by default.
pub(crate) const MAX_BODY: usize = 1 << 30;

/// Priority of the acked deliveries of a session that wait.
///
/// Order is kept within a lane. Deliveries in flight are not overtaken, but on QUIC and
/// WebTransport, where a peer can have a stream for each lane. A lane concerns those that wait for
/// room in the window, of which [`Signal`](Self::Signal) has an eighth more than the others.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Lane {
    /// Before everything else: call signalling, revocations, answers that a user waits for.
    Signal,
    /// Messages.
    #[default]
    Normal,
    /// History, receipts and other bulk: one for every four of [`Normal`](Self::Normal) that wait.
    Bulk,
}

/// WebSocket message type of a body; other transports make no distinction.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Kind {
    /// Bytes.
    #[default]
    Binary,
    /// UTF-8 text. Only raw peers get text messages.
    Text,
}

/// A body to be pushed, and its options. The body is shared, not copied, among all receivers.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub(crate) body: Bytes,
    pub(crate) class: Class,
    pub(crate) kind: Kind,
    pub(crate) lane: Lane,
    pub(crate) tag: u64,
    pub(crate) position: u64,
    /// Set for replayable deliveries.
    pub(crate) pass: Option<Pass>,
    /// Set for latest deliveries.
    pub(crate) key: Option<Arc<[u8]>>,
    /// Whether peers that do not know the class get it as best effort.
    pub(crate) falls_back: bool,
    /// Whether it leaves as a datagram where it can.
    pub(crate) datagram: bool,
}

impl Delivery {
    fn new(class: Class, body: Bytes) -> Self {
        let (kind, lane) = (Kind::default(), Lane::default());
        let (tag, position, pass, key) = (0, 0, None, None);
        let (falls_back, datagram) = (true, false);
        Self { body, class, kind, lane, tag, position, pass, key, falls_back, datagram }
    }

    /// A delivery of class [`Class::Acked`].
    #[must_use]
    pub fn acked(body: impl Into<Bytes>) -> Self {
        Self::new(Class::Acked, body.into())
    }

    /// A delivery of class [`Class::BestEffort`].
    #[must_use]
    pub fn best_effort(body: impl Into<Bytes>) -> Self {
        Self::new(Class::BestEffort, body.into())
    }

    /// A delivery of class [`Class::Latest`], which replaces an earlier one of the same key. Only
    /// the first 255 bytes of a key count.
    #[must_use]
    pub fn latest(key: impl AsRef<[u8]>, body: impl Into<Bytes>) -> Self {
        let key = key.as_ref();
        let key = &key[..key.len().min(comet_protocol::comet::limits::KEY)];
        Self { key: Some(key.into()), ..Self::new(Class::Latest, body.into()) }
    }

    /// Lane; only acked deliveries have lanes. Default [`Lane::Normal`].
    #[must_use]
    pub fn lane(mut self, lane: Lane) -> Self {
        self.lane = lane;
        self
    }

    /// Position in the record from which a peer that misses it can pull it: a dense number in the
    /// record of the room, or of the user. A [`Gap`] names the first position missing. Default 0:
    /// no record.
    #[must_use]
    pub fn position(mut self, position: u64) -> Self {
        self.position = position;
        self
    }

    /// Declares that the router pushes it again if it becomes a gap, together with everything
    /// replayable that it has pushed to the session since. Only for acked deliveries in one lane
    /// that are pushed to a session; each needs a [`tag`](Self::tag) by which the router finds it.
    /// Default: not replayable.
    ///
    /// Once a replayable delivery has been given up, the session takes no more of the same `pass`,
    /// so that nothing overtakes the missing one. A session begins with [`Pass::FIRST`]; the gap
    /// carries the next one, in [`Gap::replay`].
    #[must_use]
    pub fn replayable(mut self, pass: Pass) -> Self {
        self.pass = Some(pass);
        self
    }

    /// Skips peers that do not know the class, instead of falling back to best effort for them:
    /// they get nothing, and are told of no gap. For bodies that older clients would not
    /// understand. Default: every peer gets it.
    #[must_use]
    pub fn without_fallback(mut self) -> Self {
        self.falls_back = false;
        self
    }

    /// Asks that it leave as a datagram: it may be lost on the way, and waits for nothing that was
    /// sent before. For best-effort and latest deliveries to peers of the comet dialect that take
    /// datagrams, on QUIC and WebTransport, as far as it fits into one; all others get it as they
    /// do without this. A peer that misses some is told that it may. Default: not.
    #[must_use]
    pub fn datagram(mut self) -> Self {
        self.datagram = true;
        self
    }

    /// Reports each peer's ack to the router under this number; 0 for no report.
    #[must_use]
    pub fn tag(mut self, tag: u64) -> Self {
        self.tag = tag;
        self
    }

    /// WebSocket message type for raw peers. Text must be UTF-8.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }
}
