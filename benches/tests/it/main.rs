//! The harness against gateways that keep their promises, and against one that does not.

mod comet;
mod driver;
mod liar;
mod runs;
