//! What the tests stand on besides the test kit: a gateway of one's own, and a router that records.
//! Clients come from the kit, which knows nothing of the code under test.

pub(crate) mod gateway;
pub(crate) mod log;
pub(crate) mod place;
pub(crate) mod router;
#[cfg(feature = "tokio")]
pub(crate) mod streams;
#[cfg(all(feature = "tls", feature = "tokio"))]
pub(crate) mod tls;
