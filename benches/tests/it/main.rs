//! The harness against gateways that keep their promises, and against one that does not.

mod comet;
mod dialects;
mod driver;
mod liar;
mod party;
mod rooms;
mod runs;
mod tls;
