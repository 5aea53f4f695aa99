//! In-order replay of a gap by a router that has a record.
//!
//! Between the moment at which a delivery is given up and the one at which the router learns of it,
//! the router goes on pushing. If those deliveries were kept, the replayed ones would come after
//! them. They are dropped instead: each carries the [`Pass`] in which the router pushed it, a loss
//! begins the next pass, and deliveries of an earlier pass are dropped and replayed in their place.

/// Number of a run of pushes to one session without a loss of a replayable delivery.
///
/// 16 bits that wrap: ambiguous only for a push in transit while 65,536 passes begin.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Pass(u16);

impl Pass {
    /// Pass in which a session begins.
    pub const FIRST: Self = Self(0);

    /// The pass that a loss begins.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// Request to the router to push again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Replay {
    /// Tag of the first missing delivery. All replayable deliveries pushed to the session since are
    /// missing as well.
    pub from: u64,
    /// Pass in which to push them.
    pub pass: Pass,
}
