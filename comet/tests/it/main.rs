//! The gateway as its peers and its embedders see it: over real sockets, from outside.
//!
//! A module holds what belongs to one promise; `traps` holds one test for each fault by which a
//! gateway before this one lost messages or stood still, and `hostile` what strangers may try.

#![expect(clippy::cast_possible_truncation, reason = "numbers in tests are small")]
#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

#[cfg(feature = "tokio")]
mod adopted;
mod auth;
#[cfg(feature = "deflate")]
mod deflate;
mod delivery;
mod dialect;
mod drain;
mod frames;
mod goim;
#[cfg(target_os = "linux")]
mod half_open;
mod hostile;
mod inbox;
mod io;
mod last_moments;
mod lifecycle;
mod losses;
mod one_port;
mod overdue;
mod pings;
mod proxy_protocol;
mod raw;
mod refusing;
mod renewing;
mod resend;
mod resume;
mod rooms;
#[cfg(feature = "simulation")]
mod simulation;
mod start;
mod support;
mod text;
mod timings;
#[cfg(all(feature = "tls", feature = "tokio"))]
mod tls;
mod traps;
mod ways_in;
mod ws;
