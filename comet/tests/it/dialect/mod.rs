//! The comet dialect over real sockets: what nobody but its peers can see of the gateway.

mod budget;
mod gaps;
mod lanes;
mod messages;
mod returning;
mod tickets;
