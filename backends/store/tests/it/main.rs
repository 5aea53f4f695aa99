//! The store behind a real gateway, over sockets and HTTP.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may panic as the tests do")]

mod deadlock;
mod doubt;
mod groups;
mod http;
mod load;
mod newer;
mod restart;
mod retention;
mod session;
mod support;
mod unreceived;
