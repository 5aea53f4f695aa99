//! What the dtalk backends share, so that none of them needs another's insides.
//!
//! * [`message`]: the protobuf messages that clients exchange inside frames;
//! * [`clock`]: the time that clients see;
//! * [`code`]: the result codes that clients know;
//! * [`device`]: the device behind a session, which every backend may ask for;
//! * [`http`]: the envelope, the caller and the bodies of HTTP requests;
//! * [`id`]: ids that order by time and that every client can hold;
//! * [`rate`]: how often something may happen.

pub mod clock;
pub mod code;
pub mod device;
pub mod http;
pub mod id;
pub mod message;
pub mod rate;
