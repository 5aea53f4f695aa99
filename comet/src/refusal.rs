//! Refusals of messages by a router.

/// A refusal as data: for dialects that can tell the peer, and for the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Refusal {
    /// Application-defined code.
    pub code: i32,
    /// Whether the same message may be accepted later.
    pub retryable: bool,
}

impl Refusal {
    /// A permanent refusal.
    #[must_use]
    pub const fn new(code: i32) -> Self {
        Self { code, retryable: false }
    }

    /// A temporary refusal: the sender should try again.
    #[must_use]
    pub const fn later(code: i32) -> Self {
        Self { code, retryable: true }
    }
}
