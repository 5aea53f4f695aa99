//! Destination of a shard's events. A shard does not know routers.

use super::requests::{Connect, ConnectReply, Message, Receipt};
use crate::event::Event;
use crate::identity::Peer;
use crate::room_request::RoomRequest;

/// Takes events, on the shard's thread. Must not block.
pub(crate) trait Sink: Send + Sync {
    /// A peer wants a session.
    fn connect(&self, request: Connect, reply: ConnectReply);

    /// The answer to a question of the router, handed over by `then`.
    fn answer(&self, then: Box<dyn FnOnce() + Send>);

    /// A peer sent a message.
    fn receive(&self, peer: &Peer, message: Message, receipt: Receipt) -> Result<(), Panicked>;

    /// A peer asks something about a room.
    fn room(&self, peer: &Peer, request: RoomRequest, receipt: Receipt) -> Result<(), Panicked>;

    /// Something else happened to a session.
    fn event(&self, peer: &Peer, event: Event<'_>) -> Result<(), Panicked>;
}

/// The code behind the sink panicked; the session in question is to be closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panicked;
