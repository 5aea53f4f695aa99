//! The identity backend from outside: real tokens, a real database on disk, real sockets.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may panic as the tests do")]

mod forwarding;
mod jwt;
mod login;
mod socket;
mod superseded;
mod support;
