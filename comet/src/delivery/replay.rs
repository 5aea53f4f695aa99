//! How a router with a record sends again what became a gap, in order.
//!
//! Between the moment at which a delivery is given up and the one at which the router learns of it,
//! the router goes on pushing. If those deliveries were kept, what it sends again would come after
//! them. So they are not: each carries the [`Pass`] in which the router pushed it, a loss begins
//! the next pass, and what comes of an earlier one is dropped. It comes again, in its place.

/// Number of a run of pushes to one session without a loss of anything replayable.
///
/// 16 bits that wrap: a push would have to be on its way while 65,536 passes begin.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Pass(u16);

impl Pass {
    /// In which a session begins.
    pub const FIRST: Self = Self(0);

    /// The one that a loss begins.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// Asks the router to push again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Replay {
    /// Tag of the first delivery that is missing. Everything replayable that was pushed to the
    /// session since is missing as well.
    pub from: u64,
    /// In which to push it.
    pub pass: Pass,
}
