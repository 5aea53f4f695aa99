//! Counts what the gateway's hot paths cost, without a kernel.
//!
//! * [`benchmarks`]: one operation each, from the reading of a head to a publish to 10,000 members;
//! * [`callgrind`]: how many instructions an operation takes;
//! * [`record`]: how many it took when somebody last looked, and whether that still holds;
//! * [`fanout`]: CPU time for each member of a room;
//! * [`footprint`]: bytes for each session;
//! * [`world`]: the gateway, its members, and a network that costs nothing.
//!
//! Not here: sockets, other servers, rates and latencies, all of which are `comet-bench`'s.

pub mod benchmarks;
pub mod callgrind;
pub mod fanout;
pub mod footprint;
pub mod meter;
pub mod record;
pub mod world;
