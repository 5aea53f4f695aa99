//! The seam between the gateway and whoever decides what messages mean.

use std::sync::Arc;

use crate::gateway::Gateway;
use crate::{Closed, Connect, ConnectReply, Gap, Message, Peer, Receipt};

/// Decides who gets a session, and takes messages.
///
/// Called on shard threads, so an implementation **must not block**: it answers at once, or keeps
/// the [`ConnectReply`] or [`Receipt`] and answers later from any thread. With the `tokio` feature
/// an async implementation can be run instead; see [`asynchronous`](crate::asynchronous).
///
/// A panic in [`receive`](Self::receive), [`connected`](Self::connected) or [`acked`](Self::acked)
/// closes that session, in [`connect`](Self::connect) refuses the peer; each is counted and logged.
///
/// Two ways of making one router from several: wrap one in another, or dispatch with
/// [`Mux`](crate::Mux).
pub trait Router: Send + Sync + 'static {
    /// A peer wants a session.
    fn connect(&self, gateway: &Gateway, request: Connect, reply: ConnectReply);

    /// A session is open: its auth reply is queued, what is pushed now comes after it.
    ///
    /// Called on the session's home shard, exactly once for each session, before anything else
    /// about it.
    fn connected(&self, gateway: &Gateway, peer: &Peer) {
        let _ = (gateway, peer);
    }

    /// A peer sent a message. Messages of one session come in order.
    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt);

    /// A peer acknowledged a delivery whose [`tag`](crate::Delivery::tag) is not 0.
    fn acked(&self, gateway: &Gateway, peer: &Peer, tag: u64) {
        let _ = (gateway, peer, tag);
    }

    /// A session will not get deliveries that were pushed to it, whatever was promised about them:
    /// [`Gap::class`] says what that was. All are reported, so that the counts here add up to what
    /// [`Stats`](crate::Stats) counts as dropped and lost. A peer of the comet dialect is told as
    /// well; this is the only word of it for others. A router with a record pushes what is missing
    /// again, in order if its deliveries are [replayable](crate::Delivery::replayable): then from
    /// [`Gap::replay`] on.
    ///
    /// Of acked deliveries it is told when the turn of the gap has come: what is pushed from here
    /// on comes after everything that waits already, so that a router with a record can push what
    /// was missed. Of others it is told once for each stall and each run of what was dropped: when
    /// what waited for the socket has left, before [`parked`](Self::parked), after
    /// [`resumed`](Self::resumed), or before [`disconnected`](Self::disconnected). What waited for
    /// a session, or was on its way, when it ended is not reported: that is what its end says.
    fn gap(&self, gateway: &Gateway, peer: &Peer, gap: &Gap) {
        let _ = (gateway, peer, gap);
    }

    /// A session has lost its connection, for this reason, and is kept in case its peer comes back
    /// within [`Config::resume_ttl`](crate::Config::resume_ttl): followed by
    /// [`resumed`](Self::resumed) or by [`disconnected`](Self::disconnected).
    fn parked(&self, gateway: &Gateway, peer: &Peer, closed: &Closed) {
        let _ = (gateway, peer, closed);
    }

    /// The peer of a parked session is back on another connection, to which the acked deliveries
    /// that it missed are sent. `peer` carries what the router said when it accepted that
    /// connection; the rooms are those that the session was in.
    fn resumed(&self, gateway: &Gateway, peer: &Peer) {
        let _ = (gateway, peer);
    }

    /// A session has ended: exactly once for each that was [`connected`](Self::connected), after
    /// everything else about it.
    fn disconnected(&self, gateway: &Gateway, peer: &Peer, closed: &Closed) {
        let _ = (gateway, peer, closed);
    }
}

impl<R: Router + ?Sized> Router for Arc<R> {
    fn connect(&self, gateway: &Gateway, request: Connect, reply: ConnectReply) {
        (**self).connect(gateway, request, reply);
    }

    fn connected(&self, gateway: &Gateway, peer: &Peer) {
        (**self).connected(gateway, peer);
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        (**self).receive(gateway, peer, message, receipt);
    }

    fn acked(&self, gateway: &Gateway, peer: &Peer, tag: u64) {
        (**self).acked(gateway, peer, tag);
    }

    fn gap(&self, gateway: &Gateway, peer: &Peer, gap: &Gap) {
        (**self).gap(gateway, peer, gap);
    }

    fn parked(&self, gateway: &Gateway, peer: &Peer, closed: &Closed) {
        (**self).parked(gateway, peer, closed);
    }

    fn resumed(&self, gateway: &Gateway, peer: &Peer) {
        (**self).resumed(gateway, peer);
    }

    fn disconnected(&self, gateway: &Gateway, peer: &Peer, closed: &Closed) {
        (**self).disconnected(gateway, peer, closed);
    }
}
