//! Session events: all notifications to a router beside messages.

use crate::{Closed, Gap};

/// An event of one session, passed to [`Router::event`](crate::Router::event).
///
/// The first event of a session is [`Connected`](Self::Connected) and the last one
/// [`Disconnected`](Self::Disconnected); each comes exactly once. All are delivered on the
/// session's home shard.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The session is open. Its auth reply is queued, so anything pushed from now on follows it.
    Connected,
    /// The peer acknowledged a delivery whose [tag](crate::Delivery::tag) is not 0.
    Acked {
        /// The delivery's tag.
        tag: u64,
    },
    /// A delivery whose [tag](crate::Delivery::tag) is not 0 has not been acknowledged for
    /// [`delivery.overdue`](crate::DeliveryConfig::overdue), counted from the push: it is in
    /// flight, waits for room in the window, or is kept for a parked session. The time to reach the
    /// device by other means, such as a phone's push service.
    ///
    /// Reported once per delivery and session, at most some 20 ms late, and possibly followed by
    /// [`Acked`](Self::Acked). A delivery to a peer whose dialect has no acks is never overdue, and
    /// one that is dropped is reported by its [`Gap`](Self::Gap) instead.
    Overdue {
        /// The delivery's tag.
        tag: u64,
    },
    /// Deliveries without a number were dropped: those of best-effort and latest class, and all
    /// deliveries to peers whose dialect has no acks. Nothing was promised about them.
    ///
    /// Reported once per stall and per run of dropped deliveries: when the backlog of the socket
    /// has drained, before [`Parked`](Self::Parked), after [`Resumed`](Self::Resumed), or before
    /// [`Disconnected`](Self::Disconnected). A peer of the comet dialect is told as well; for other
    /// dialects this is the only notice.
    Lost(&'a Gap),
    /// Acked deliveries were given up, and the gap has reached its turn: deliveries pushed from now
    /// on come after everything that is queued. A router with a record pushes the missing
    /// deliveries again here; if they are [replayable](crate::Delivery::replayable), from
    /// [`Gap::replay`] on, and their order is kept.
    ///
    /// Gaps whose turn has not come when the session ends are reported before
    /// [`Disconnected`](Self::Disconnected). Every loss is reported, as this event or as
    /// [`Lost`](Self::Lost), so that the counts add up to those of [`Stats`](crate::Stats).
    /// Deliveries that were queued or in flight when the session ended are not reported.
    Gap(&'a Gap),
    /// The session lost its connection and is kept for [`resume.ttl`](crate::ResumeConfig::ttl).
    /// Followed by [`Resumed`](Self::Resumed) or [`Disconnected`](Self::Disconnected).
    Parked(&'a Closed),
    /// The peer of a parked session is back on another connection, on which the acked deliveries
    /// that it missed are sent. The peer carries the identity accepted for that connection; the
    /// rooms are those the session was in.
    Resumed,
    /// The session has ended.
    Disconnected(&'a Closed),
}

impl Event<'_> {
    /// A short name, for logs.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Acked { .. } => "acked",
            Self::Overdue { .. } => "overdue",
            Self::Lost(_) => "lost",
            Self::Gap(_) => "gap",
            Self::Parked(_) => "parked",
            Self::Resumed => "resumed",
            Self::Disconnected(_) => "disconnected",
        }
    }
}
