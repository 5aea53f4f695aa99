//! The test kit: clients written by hand, child processes, and waiting with deadlines.
//!
//! It is a dev-dependency of other crates and never a dependency. It uses no other crate of the
//! workspace: heads, WebSocket frames and protobuf fields are written and read here byte by byte,
//! from `protocol/README.md` and RFC 6455, so that a mistake of an encoder or decoder cannot hide
//! itself. All waiting is for a condition, up to [`clock::PATIENCE`].
//!
//! Everything here panics, with a message, where a test would have failed: a client that is sent
//! anything else than expected, a program that does not start, a deadline that passes.
//!
//! Not here: what needs a gateway in the same process (`comet/tests/it/support`), or the bundled
//! server (`examples/server/testkit`).

#![expect(clippy::cast_possible_truncation, reason = "numbers in tests are small")]
#![expect(clippy::missing_panics_doc, reason = "a panic is how a test fails, see above")]
#![expect(clippy::must_use_candidate, reason = "what a call checks is its result too")]

pub mod client;
pub mod clock;
pub mod comet;
pub mod frame;
pub mod ports;
pub mod program;
pub mod protobuf;
pub mod proxy;
pub mod socket;
#[cfg(target_os = "linux")]
pub mod usage;
pub mod websocket;
