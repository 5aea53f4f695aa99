//! Op numbers of the comet dialect.

/// Client to server: request for a session; distinguished from dtalk's by `ver` 2.
pub const AUTH: u32 = 1;

/// Lowest op specific to this dialect. Unknown ones from here up are ignored.
pub const FIRST: u32 = 32;

/// Server to client: a session is granted.
pub const WELCOME: u32 = 32;
/// Server to client: a session is refused.
pub const REFUSED: u32 = 33;
/// Server to client: a delivery to be acknowledged.
pub const DELIVER: u32 = 34;
/// Server to client: an at-most-once delivery.
pub const DELIVER_BEST_EFFORT: u32 = 35;
/// Server to client: the newest delivery of a key.
pub const DELIVER_LATEST: u32 = 36;
/// Client to server: received deliveries.
pub const ACK: u32 = 37;
/// Server to client: deliveries that will never arrive.
pub const GAP: u32 = 38;
/// Client to server: a message.
pub const SEND: u32 = 39;
/// Server to client: the answer to a message.
pub const SEND_REPLY: u32 = 40;
/// Server to client: a refusal of a message.
pub const REFUSAL: u32 = 41;
/// Server to client: reason for the end of the connection.
pub const ERROR: u32 = 42;
/// Server to client: request to come back, here or elsewhere.
pub const GOING_AWAY: u32 = 43;
/// Either way: ping, to be answered by a pong at once.
pub const PING: u32 = 44;
/// Either way: answer to a ping.
pub const PONG: u32 = 45;
/// Client to server: end of the session, for good.
pub const LEAVE: u32 = 46;
