//! Where a shard's events go. The shard does not know routers.

use super::settle::{Connect, ConnectReply, Message, Receipt};
use crate::identity::Peer;
use crate::{Closed, Gap};

/// Takes events, on the shard's thread. Must not block.
pub(crate) trait Sink: Send + Sync {
    /// A peer wants a session.
    fn connect(&self, request: Connect, reply: ConnectReply);

    /// A question of the router has its answer, which this hands over.
    fn answer(&self, then: Box<dyn FnOnce() + Send>);

    /// A session is open.
    fn connected(&self, peer: &Peer) -> Result<(), Panicked>;

    /// A peer sent a message.
    fn receive(&self, peer: &Peer, message: Message, receipt: Receipt) -> Result<(), Panicked>;

    /// A peer acknowledged a delivery.
    fn acked(&self, peer: &Peer, tag: u64) -> Result<(), Panicked>;

    /// Deliveries to a peer became a gap.
    fn gap(&self, peer: &Peer, gap: &Gap) -> Result<(), Panicked>;

    /// A session is kept without its connection.
    fn parked(&self, peer: &Peer, closed: &Closed);

    /// A session that was kept has a connection again.
    fn resumed(&self, peer: &Peer) -> Result<(), Panicked>;

    /// A session that was open has ended.
    fn disconnected(&self, peer: &Peer, closed: &Closed);
}

/// The code behind the sink panicked; the session in question is to be closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panicked;
