//! What the tests stand on: a gateway of one's own, a router that records, and clients that know
//! nothing of the code under test.
//!
//! The clients write and read every byte themselves: no encoder or decoder of the workspace is
//! used, so that a mistake in one of them cannot hide itself. Only `comet` takes the frames of its
//! dialect from the protocol crate, whose own tests hold them to the written bytes. All waiting is
//! for a condition, up to [`PATIENCE`].

pub(crate) mod client;
pub(crate) mod clock;
pub(crate) mod comet;
pub(crate) mod frame;
pub(crate) mod gateway;
pub(crate) mod log;
pub(crate) mod place;
pub(crate) mod router;
pub(crate) mod socket;
#[cfg(feature = "tokio")]
pub(crate) mod streams;
pub(crate) mod websocket;

use std::time::Duration;

/// Waits that only a broken gateway makes long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
