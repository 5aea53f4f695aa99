//! The harness against gateways that keep their promises, and against one that does not.

mod bundled;
mod centrifugo;
mod comet;
mod dialects;
mod driver;
mod liar;
mod networks;
mod party;
mod peers;
mod planned;
mod rooms;
mod runs;
mod stalls;
mod storm;
mod suite;
mod tls;
mod transports;
