//! Op numbers of the comet dialect.

/// Client to server: asks for a session; told from dtalk's by `ver` 2.
pub const AUTH: u32 = 1;

/// The least op that is this dialect's own. Unknown ones from here up are ignored.
pub const FIRST: u32 = 32;

/// Server to client: there is a session.
pub const WELCOME: u32 = 32;
/// Server to client: there is none.
pub const REFUSED: u32 = 33;
/// Server to client: a delivery that wants an ack.
pub const DELIVER: u32 = 34;
/// Server to client: a delivery at most once.
pub const DELIVER_BEST_EFFORT: u32 = 35;
/// Server to client: the newest of its key.
pub const DELIVER_LATEST: u32 = 36;
/// Client to server: what has arrived.
pub const ACK: u32 = 37;
/// Server to client: what will never arrive.
pub const GAP: u32 = 38;
/// Client to server: a message.
pub const SEND: u32 = 39;
/// Server to client: the answer to a message.
pub const SEND_REPLY: u32 = 40;
/// Server to client: a message that is not taken.
pub const REFUSAL: u32 = 41;
/// Server to client: why the connection ends.
pub const ERROR: u32 = 42;
/// Server to client: come back, here or elsewhere.
pub const GOING_AWAY: u32 = 43;
/// Either way: to be answered by a pong at once.
pub const PING: u32 = 44;
/// Either way: answers a ping.
pub const PONG: u32 = 45;
/// Client to server: the session ends for good.
pub const LEAVE: u32 = 46;
