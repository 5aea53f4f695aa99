//! The peer's end of a connection.

use std::sync::Arc;

use crate::shard::simulated::Wire;

/// The peer's end of a virtual connection, including the network up to the gateway.
///
/// Bytes are transferred only by these methods. Dropping it has no effect: the peer falls silent.
#[derive(Debug)]
pub struct Endpoint(Arc<Wire>);

impl Endpoint {
    pub(super) fn new(wire: Arc<Wire>) -> Self {
        Self(wire)
    }

    /// Puts bytes into the gateway's receive buffer, as far as there is room, to be seen in its
    /// shard's next turn. Returns their number; 0 after the connection's end.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        self.0.send(bytes)
    }

    /// Takes up to `max` of the bytes that the gateway has written, and appends them to `out`.
    /// Returns their number. A gateway that waits for room is woken.
    pub fn read(&mut self, out: &mut Vec<u8>, max: usize) -> usize {
        self.0.fetch(out, max)
    }

    /// Sets the number of bytes that can be in transit in each direction, 64 KiB initially. With 0
    /// no more can be sent; bytes in transit stay.
    pub fn set_capacity(&mut self, to_gateway: usize, from_gateway: usize) {
        self.0.set_capacity(to_gateway, from_gateway);
    }

    /// Discards all further output of the gateway, at no cost: to measure the gateway alone. Unread
    /// bytes are dropped. When this end is dropped before the gateway's next write, nothing remains
    /// of the connection but the gateway's part. Writes no longer notice a reset.
    pub fn discard(&mut self) {
        self.0.discard();
    }

    /// Ends the peer's stream (FIN), after the bytes it has written.
    pub fn shutdown(&mut self) {
        self.0.shutdown();
    }

    /// Resets the connection (RST). Unread output of the gateway is lost; the gateway gets an
    /// error, but can read the bytes that had arrived.
    pub fn reset(&mut self) {
        self.0.reset();
    }

    /// Whether the gateway has ended its stream (FIN), and all bytes before that were read.
    #[must_use]
    pub fn is_shutdown(&self) -> bool {
        self.0.is_shut()
    }

    /// Whether the gateway has reset the connection (RST): it closed its socket with unread input,
    /// or did not accept the connection. Unread bytes are lost.
    #[must_use]
    pub fn is_reset(&self) -> bool {
        self.0.is_reset()
    }

    /// Whether the gateway has closed its socket, with FIN or RST. Output before a FIN can still be
    /// read.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}
