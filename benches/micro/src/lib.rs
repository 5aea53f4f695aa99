//! Costs of the gateway's hot paths, without a kernel.
//!
//! * [`benchmarks`]: one operation each, from parsing a head to a publish to 10,000 members;
//! * [`callgrind`]: instructions per operation;
//! * [`record`]: the recorded counts, and the comparison with new ones;
//! * [`fanout`]: CPU time per member of a room;
//! * [`footprint`]: bytes per session;
//! * [`world`]: the gateway, its members, and a network without cost.
//!
//! Not here: sockets, other servers, rates and latencies, all of which belong to `comet-bench`.

pub mod benchmarks;
pub mod callgrind;
pub mod compression;
pub mod fanout;
pub mod footprint;
pub mod meter;
pub mod record;
pub mod world;
