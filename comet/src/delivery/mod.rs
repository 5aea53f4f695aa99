//! Deliveries: what is pushed to peers, and what is promised about it.
//!
//! * [`Window`]: at-least-once and in order, until acknowledged;
//! * [`Queue`]: what waits for room in the window, in lanes;
//! * [`Log`]: what a room's readers have not read, kept once;
//! * [`Slots`]: the newest of each key;
//! * [`Gap`]: what is missing, counted; [`Losses`]: of what had no numbers, until it is told;
//! * [`Pass`] and [`Replay`]: how a router with a record sends it again in order;
//! * `Rtt`: how long to wait for an acknowledgement;
//! * [`Inbox`] and [`Upstream`]: the other direction: replies leave in the order of the messages.
//!
//! Not here: bytes on the wire (`comet_protocol`), sockets (`shard`).

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

pub use gap::{Gap, GapReason};
pub(crate) use held::{Held, Item};
pub(crate) use inbox::{Inbox, Reply};
pub(crate) use log::{Log, Logged, SharedLog};
pub(crate) use losses::Losses;
pub(crate) use queue::{Overflow, Queue, QueueLimits};
pub use replay::{Pass, Replay};
pub(crate) use slots::Slots;
pub(crate) use upstream::{Answer, Taken, Upstream};
pub(crate) use window::{Ack, Due, Pushed, Transmit, Window, WindowLimits, with_signals};

/// The longest body that may be pushed or replied: its length must fit the head, with room for what
/// else counts into it. No peer takes so much by default.
pub(crate) const MAX_BODY: usize = 1 << 30;

/// What is promised about a delivery.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Class {
    /// Sent again until acknowledged, in order within its [`Lane`], while the session lives. Peers
    /// whose dialect has no acks get it as best effort.
    Acked,
    /// Sent once, in order with other best-effort deliveries; dropped for a peer that reads too
    /// slowly, which is told so if its dialect can. May overtake acked ones that wait for room in
    /// the window.
    BestEffort,
    /// Sent once, and only the newest of its key: while the peer cannot take it, a newer one takes
    /// its place. Peers whose dialect knows no keys get it as best effort.
    Latest,
}

/// Which acked deliveries of a session go first while several wait.
///
/// Order is kept within a lane. What has been sent has been sent: a lane is about what waits for
/// room in the window, in which [`Signal`](Self::Signal) has an eighth more than the others.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Lane {
    /// Before everything else: call signalling, revocations, what somebody waits for.
    Signal,
    /// Messages.
    #[default]
    Normal,
    /// History, receipts and other bulk: one for each four of [`Normal`](Self::Normal) that wait.
    Bulk,
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
    pub(crate) lane: Lane,
    pub(crate) tag: u64,
    pub(crate) position: u64,
    /// Of a delivery that the router can push again.
    pub(crate) pass: Option<Pass>,
    /// Of a latest delivery.
    pub(crate) key: Option<Arc<[u8]>>,
}

impl Delivery {
    fn new(class: Class, body: Bytes) -> Self {
        let (kind, lane) = (Kind::default(), Lane::default());
        Self { body, class, kind, lane, tag: 0, position: 0, pass: None, key: None }
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

    /// A delivery of class [`Class::Latest`], which takes the place of what came before under the
    /// same key. Of a key longer than 255 bytes only that many count.
    #[must_use]
    pub fn latest(key: impl AsRef<[u8]>, body: impl Into<Bytes>) -> Self {
        let key = key.as_ref();
        let key = &key[..key.len().min(comet_protocol::comet::limits::KEY)];
        Self { key: Some(key.into()), ..Self::new(Class::Latest, body.into()) }
    }

    /// Which lane it takes; only acked deliveries have lanes. Default [`Lane::Normal`].
    #[must_use]
    pub fn lane(mut self, lane: Lane) -> Self {
        self.lane = lane;
        self
    }

    /// Where it stands in the record from which a peer that misses it can pull it: a number that is
    /// dense in the record of the room, or of the user. A [`Gap`] names the first that is missing.
    /// Default 0: in no record.
    #[must_use]
    pub fn position(mut self, position: u64) -> Self {
        self.position = position;
        self
    }

    /// Says that the router pushes it again if it becomes a gap, and everything replayable that it
    /// has pushed to the session since. Only for acked deliveries in one lane that are pushed to a
    /// session; each needs a [`tag`](Self::tag) by which the router finds it. Default: not.
    ///
    /// Once a replayable delivery has been given up, the session takes no more of the same `pass`,
    /// so that nothing overtakes what is missing. A session begins with [`Pass::FIRST`]; the gap
    /// brings the next one, in [`Gap::replay`].
    #[must_use]
    pub fn replayable(mut self, pass: Pass) -> Self {
        self.pass = Some(pass);
        self
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
