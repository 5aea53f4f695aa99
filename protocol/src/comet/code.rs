//! Reasons of refusals, ends and losses.

use std::fmt;

/// Reason code: 1 to 999 are the gateway's own, all others the application's.
///
/// Whether to try again is a separate field on the wire, so that a client can act on a code it does
/// not know.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Code(i32);

impl Code {
    /// Internal error of the server.
    pub const INTERNAL: Self = Self(1);
    /// The peer broke the frame format, or sent a frame that is not allowed in the current state.
    pub const PROTOCOL: Self = Self(2);
    /// A body is longer than the limit of the welcome.
    pub const TOO_LARGE: Self = Self(3);
    /// A send skips numbers.
    pub const SEQUENCE: Self = Self(4);
    /// The token is invalid.
    pub const UNAUTHENTICATED: Self = Self(5);
    /// The user is known but not permitted to do this.
    pub const FORBIDDEN: Self = Self(6);
    /// The peer did not authenticate in time.
    pub const HANDSHAKE_TIMEOUT: Self = Self(7);
    /// The server has no capacity at the moment.
    pub const OVERLOADED: Self = Self(8);
    /// The peer sends too fast.
    pub const RATE: Self = Self(9);
    /// The peer reads too slowly.
    pub const SLOW: Self = Self(10);
    /// Nothing arrived for too long.
    pub const IDLE: Self = Self(11);
    /// A newer connection has taken the session over.
    pub const REPLACED: Self = Self(12);
    /// The application or an operator ended the session.
    pub const KICKED: Self = Self(13);
    /// Deliveries stay unacknowledged.
    pub const UNRESPONSIVE: Self = Self(14);
    /// A service that the server depends on does not answer.
    pub const UNAVAILABLE: Self = Self(15);
    /// More unanswered sends than the window of the welcome.
    pub const WINDOW: Self = Self(16);

    /// The number on the wire.
    #[must_use]
    pub const fn new(code: i32) -> Self {
        Self(code)
    }

    /// The number on the wire.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }

    /// Whether the code is the application's.
    #[must_use]
    pub const fn is_of_application(self) -> bool {
        self.0 < 1 || self.0 > 999
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reason for which deliveries are missing. Unknown numbers decode as `Unspecified`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, prost::Enumeration)]
#[repr(i32)]
pub enum GapReason {
    /// No reason given.
    Unspecified = 0,
    /// The client reads too slowly: its queue was full.
    Slow = 1,
    /// They waited longer than the retention time.
    Expired = 2,
    /// The server had to free memory.
    Memory = 3,
    /// They are longer than the client's limit.
    TooLarge = 4,
    /// The server that kept them is gone.
    Failover = 5,
}

/// Reason for which the server goes away. Unknown numbers decode as `Unspecified`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, prost::Enumeration)]
#[repr(i32)]
pub enum AwayReason {
    /// No reason given.
    Unspecified = 0,
    /// It restarts, and comes back under the same address.
    Restart = 1,
    /// It is taken out of service.
    Shutdown = 2,
    /// Sessions are redistributed over the servers.
    Rebalance = 3,
    /// It sheds load.
    Overload = 4,
}

/// Reason for which a ticket was not honoured. Unknown numbers decode as `None`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, prost::Enumeration)]
#[repr(i32)]
pub enum Loss {
    /// Nothing was lost: there was no ticket, or the session is resumed.
    None = 0,
    /// The session was parked for too long.
    Expired = 1,
    /// This server knows no session of the ticket.
    Unknown = 2,
    /// The session has ended for good: it was left, kicked, or belongs to another user.
    Ended = 3,
}
