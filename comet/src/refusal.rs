//! Why a router does not take a message.

/// A refusal as data: for dialects that can tell the peer, and for the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Refusal {
    /// A number that the application defines.
    pub code: i32,
    /// Whether the same message may be taken later.
    pub retryable: bool,
}

impl Refusal {
    /// A refusal for good.
    #[must_use]
    pub const fn new(code: i32) -> Self {
        Self { code, retryable: false }
    }

    /// A refusal for now: the sender should try again.
    #[must_use]
    pub const fn later(code: i32) -> Self {
        Self { code, retryable: true }
    }
}
