//! What the dtalk backends share, so that none of them needs another's insides.
//!
//! * [`message`]: the protobuf messages that clients exchange inside frames;
//! * [`code`]: the result codes that clients know.

pub mod code;
pub mod message;
