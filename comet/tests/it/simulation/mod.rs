//! The gateway on virtual sockets and virtual time: what its peers see is what they see elsewhere,
//! and the same each time.

mod batches;
mod discards;
mod expiry;
mod faults;
mod moves;
mod others;
mod pressure;
mod repeats;
mod resend;
mod shortage;
mod silence;
mod talk;
mod unfinished;
mod world;
