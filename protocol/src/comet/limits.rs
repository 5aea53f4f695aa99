//! How much of everything a frame may hold. A receiver refuses more before it decodes it.

/// Body of an auth frame: a token, the application's part, a ticket and what has arrived.
pub const AUTH_BODY: usize = 16_384;
/// Body of any other control frame.
pub const CONTROL_BODY: usize = 8_192;
/// A resume ticket.
pub const TICKET: usize = 512;
/// The application's bytes in a welcome or a refused.
pub const OPAQUE_BODY: usize = 4_096;
/// Name or version of a client.
pub const CLIENT_NAME: usize = 64;
/// Text for people beside a code.
pub const TEXT: usize = 256;
/// A room's name.
pub const ROOM: usize = 256;
/// Key of a latest delivery: its length is one byte.
pub const KEY: usize = 255;
/// Ranges in one ack.
pub const RANGES: usize = 32;
/// Bytes that the ranges of one ack take at most: two numbers of five bytes each.
pub const RANGES_LEN: usize = RANGES * 10;
/// How far numbers of one session may be apart, so that their order is certain.
pub const SPAN: u32 = i32::MAX as u32;
