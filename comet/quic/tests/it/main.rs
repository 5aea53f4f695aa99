//! A QUIC listener from outside: clients over UDP sockets of this machine.

#![expect(clippy::cast_possible_truncation, reason = "numbers in tests are small")]
#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

mod aioquic;
mod corpora;
mod early;
mod hostile;
mod lanes;
mod moving;
mod sessions;
mod stopping;
mod support;
mod webtransport;
