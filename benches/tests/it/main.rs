//! The harness against gateways that keep their promises, and against one that does not.

mod liar;
mod runs;
