//! Size limits of frames and fields. A receiver refuses larger ones before decoding.

/// Body of an auth frame: a token, the application's part, a ticket and the received ranges.
pub const AUTH_BODY: usize = 16_384;
/// Body of any other control frame.
pub const CONTROL_BODY: usize = 8_192;
/// A resume ticket.
pub const TICKET: usize = 512;
/// Application-defined bytes in a welcome or a refused.
pub const OPAQUE_BODY: usize = 4_096;
/// Name or version of a client.
pub const CLIENT_NAME: usize = 64;
/// Human-readable text beside a code.
pub const TEXT: usize = 256;
/// A room's name.
pub const ROOM: usize = 256;
/// Key of a latest delivery: its length is one byte.
pub const KEY: usize = 255;
/// Ranges in one ack.
pub const RANGES: usize = 32;
/// Maximum length of the ranges of one ack: two numbers of five bytes each.
pub const RANGES_LEN: usize = RANGES * 10;
/// Maximum distance of numbers of one session, within which their order is defined.
pub const SPAN: u32 = i32::MAX as u32;
