//! The example programs from the outside: started with flags, used over sockets.

#![expect(clippy::cast_possible_truncation, reason = "numbers in tests are small")]
#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

mod axum;
mod backend;
mod chat;
mod clients;
mod comet;
mod echo;
mod example;
mod relay;
mod relay_quic;
mod relay_raw;
mod relay_text;
mod relay_tls;
mod scanners;
mod secured;

#[cfg(target_os = "linux")]
mod starved;
