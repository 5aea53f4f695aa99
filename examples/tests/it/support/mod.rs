//! A running program, and clients from the tests of the library.

pub(crate) mod clock;
pub(crate) mod comet;
pub(crate) mod program;
pub(crate) mod proxy;

#[expect(dead_code, reason = "not all of what the library's tests need is needed here")]
#[path = "../../../../comet/tests/it/support/client.rs"]
pub(crate) mod client;
#[path = "../../../../comet/tests/it/support/frame.rs"]
pub(crate) mod frame;
#[expect(dead_code, reason = "not all of what the library's tests need is needed here")]
#[path = "../../../../comet/tests/it/support/socket.rs"]
pub(crate) mod socket;
#[path = "../../../../comet/tests/it/support/websocket.rs"]
pub(crate) mod websocket;

use std::time::Duration;

/// Timeout that only a broken program reaches.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
