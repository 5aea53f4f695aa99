//! Interface between the gateway and the application.

use std::sync::Arc;

use super::Gateway;
use crate::{Connect, ConnectReply, Event, Message, Peer, Receipt, Refusal, RoomRequest};

/// Decides which peers get a session, and takes their messages.
///
/// Called on shard threads, so an implementation **must not block**: it answers at once, or keeps
/// the [`ConnectReply`] or [`Receipt`] and answers later from any thread. With the `tokio` feature
/// an async implementation can be run instead; see [`comet::tokio`](crate::tokio).
///
/// A panic in [`connect`](Self::connect) refuses the peer; anywhere else it closes the session,
/// unless that is parked or has ended. Each panic is counted and logged.
///
/// Routers are combined by wrapping one in another, or by application with [`Mux`](crate::Mux).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Router`",
    label = "not a `Router`",
    note = "an `AsyncRouter` becomes one by `comet::tokio::OnTokio::new`, with feature `tokio`"
)]
pub trait Router: Send + Sync + 'static {
    /// A peer asks for a session.
    fn connect(&self, gateway: &Gateway, request: Connect, reply: ConnectReply);

    /// A peer sent a message. Messages of one session come in order.
    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt);

    /// A peer asks to join, leave or publish to a room. Requests and messages of a session come in
    /// one order and count against the same limits; so do their replies. Refused by default.
    ///
    /// A request that is granted is to be carried out before the receipt is settled: the gateway
    /// does nothing by itself.
    fn room(&self, gateway: &Gateway, peer: &Peer, request: RoomRequest, receipt: Receipt) {
        let _ = (gateway, peer, request);
        receipt.refuse(Refusal::new(comet_protocol::comet::Code::FORBIDDEN.get()));
    }

    /// Any other event of a session. Ignored by default.
    fn event(&self, gateway: &Gateway, peer: &Peer, event: Event<'_>) {
        let _ = (gateway, peer, event);
    }
}

impl<R: Router + ?Sized> Router for Arc<R> {
    fn connect(&self, gateway: &Gateway, request: Connect, reply: ConnectReply) {
        (**self).connect(gateway, request, reply);
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        (**self).receive(gateway, peer, message, receipt);
    }

    fn room(&self, gateway: &Gateway, peer: &Peer, request: RoomRequest, receipt: Receipt) {
        (**self).room(gateway, peer, request, receipt);
    }

    fn event(&self, gateway: &Gateway, peer: &Peer, event: Event<'_>) {
        (**self).event(gateway, peer, event);
    }
}
