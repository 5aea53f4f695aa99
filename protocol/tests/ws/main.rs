//! The WebSocket layer against the examples of RFC 6455, hand-made offenders and random streams.

mod golden;
mod handshake;
mod peer;
mod refused;
mod response;
mod streams;
mod text;
