//! The example programs as others run them: started with flags, spoken to over sockets.

#![expect(clippy::cast_possible_truncation, reason = "numbers in tests are small")]
#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

mod chat;
mod comet;
mod echo;
mod relay;
mod relay_raw;
mod relay_text;
#[cfg(target_os = "linux")]
mod starved;
mod support;
