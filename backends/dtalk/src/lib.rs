//! What the dtalk backends share, so that none of them needs another's insides.
//!
//! * [`message`]: the protobuf messages that clients exchange inside frames;
//! * [`code`]: the result codes that clients know;
//! * [`device`]: the device behind a session, which every backend may ask for;
//! * [`http`]: the envelope, the caller and the bodies of HTTP requests.

pub mod code;
pub mod device;
pub mod http;
pub mod message;
