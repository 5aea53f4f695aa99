//! A gateway with a QUIC listener, and its clients.

pub(crate) mod browser;
pub(crate) mod client;
pub(crate) mod gateway;
pub(crate) mod lanes;
pub(crate) mod link;
