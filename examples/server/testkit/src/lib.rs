//! What the bundled server's tests and attacks stand on: the server as a process, its users, and
//! clients that share no code with it.
//!
//! It is a dev-dependency of `comet-server` alone. Frames come from the test kit, and HTTP is
//! written and read here byte by byte, from the documents. Only the protobuf messages and the keys
//! that sign tokens are taken from the server's own crates.
//!
//! Like the test kit it panics, with a message, where a test would have failed.

#![expect(clippy::cast_possible_truncation, reason = "numbers in tests are small")]
#![expect(clippy::missing_panics_doc, reason = "a panic is how a test fails, see above")]
#![expect(clippy::must_use_candidate, reason = "what a call checks is its result too")]

pub mod client;
pub mod comet;
pub mod deployed;
pub mod http;
pub mod message;
pub mod nginx;
pub mod person;
pub mod server;
pub mod simulated;
