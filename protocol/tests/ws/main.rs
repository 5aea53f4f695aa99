//! The WebSocket layer against the examples of RFC 6455, hand-made offenders and random streams.

#[cfg(feature = "deflate")]
mod deflate;
mod golden;
mod handshake;
#[cfg(feature = "deflate")]
mod offers;
mod peer;
mod refused;
mod response;
mod streams;
mod text;
