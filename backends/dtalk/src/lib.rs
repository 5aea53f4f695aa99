//! Code shared by the dtalk backends, so that none of them depends on the internals of another.
//!
//! * [`message`]: protobuf messages that clients exchange inside frames;
//! * [`clock`]: time as seen by clients;
//! * [`code`]: result codes known to clients;
//! * [`device`]: the device of a session, available to every backend;
//! * [`group`]: protobuf messages about groups;
//! * [`http`]: envelope, caller and bodies of HTTP requests;
//! * [`id`]: ids ordered by time that every client can represent;
//! * [`rate`]: rate limits;
//! * [`user`]: ids of users of several apps.

pub mod clock;
pub mod code;
pub mod device;
pub mod group;
pub mod http;
pub mod id;
pub mod message;
pub mod newer;
pub mod rate;
pub mod user;
