//! The peer's end of a connection.

use std::sync::Arc;

use crate::shard::simulated::Wire;

/// The peer's end of a virtual connection, and all of the network up to the gateway.
///
/// Bytes cross when these methods say so and at no other time. Dropping it does nothing: a peer
/// that has fallen silent without a word.
#[derive(Debug)]
pub struct Endpoint(Arc<Wire>);

impl Endpoint {
    pub(super) fn new(wire: Arc<Wire>) -> Self {
        Self(wire)
    }

    /// Lets bytes arrive in the gateway's receive buffer, as far as there is room, to be seen with
    /// its shard's next turn. How many that was; none after the connection's end.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        self.0.send(bytes)
    }

    /// Takes up to `max` of the bytes that the gateway has written, and appends them to `out`. How
    /// many that was. The room that it makes is seen by a gateway that waits for it.
    pub fn read(&mut self, out: &mut Vec<u8>, max: usize) -> usize {
        self.0.fetch(out, max)
    }

    /// Sets how many bytes can be on their way in each direction, 64 KiB at first. With 0 none
    /// goes; what is there stays.
    pub fn set_capacity(&mut self, to_gateway: usize, from_gateway: usize) {
        self.0.set_capacity(to_gateway, from_gateway);
    }

    /// Takes whatever the gateway writes from now on, at no cost and without keeping it: to measure
    /// the gateway alone. What was not read is gone. When this end is dropped before the gateway
    /// writes next, nothing remains of the connection but the gateway's part. A reset is not felt
    /// by writes any more.
    pub fn discard(&mut self) {
        self.0.discard();
    }

    /// The peer sends no more (FIN), after what it has written.
    pub fn shutdown(&mut self) {
        self.0.shutdown();
    }

    /// Breaks the connection (RST). What the gateway has written and was not read is lost; it hears
    /// of it as an error, but can read what had arrived.
    pub fn reset(&mut self) {
        self.0.reset();
    }

    /// Whether the gateway has ended its stream (FIN), and everything before that was read.
    #[must_use]
    pub fn is_shutdown(&self) -> bool {
        self.0.is_shut()
    }

    /// Whether the gateway has reset the connection (RST): it closed its socket before it had read
    /// everything, or did not take the connection. What was not read is lost.
    #[must_use]
    pub fn is_reset(&self) -> bool {
        self.0.is_reset()
    }

    /// Whether the gateway has closed its socket, with an end or a reset. What it wrote before an
    /// end can still be read.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}
