//! Routers around other routers.

use crate::gateway::Gateway;
use crate::gateway::Router;
use crate::{Connect, ConnectReply, Event, Message, Peer, Receipt, RoomRequest};

/// A router around another one, which receives every call that is not overridden.
///
/// Implement this instead of [`Router`] for a wrapper of an inner router, to authenticate or to
/// track presence for instance; it is then a `Router`. Each method forwards by default, so that a
/// wrapper cannot forget a call, nor an event that a later version adds.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// use comet::{Event, Gateway, Middleware, Peer, Router};
///
/// /// Counts deliveries that have arrived.
/// struct Arrivals<R> {
///     inner: R,
///     count: AtomicUsize,
/// }
///
/// impl<R: Router> Middleware for Arrivals<R> {
///     type Inner = R;
///
///     fn inner(&self) -> &R {
///         &self.inner
///     }
///
///     fn event(&self, gateway: &Gateway, peer: &Peer, event: Event<'_>) {
///         if let Event::Acked { .. } = event {
///             self.count.fetch_add(1, Ordering::Relaxed);
///         }
///         self.inner.event(gateway, peer, event);
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Router`",
    label = "not a `Router`",
    note = "implement `Router`, or `Middleware` if it wraps another router",
    note = "an `AsyncRouter` becomes one by `comet::tokio::OnTokio::new`, with feature `tokio`"
)]
pub trait Middleware: Send + Sync + 'static {
    /// Type of the inner router.
    type Inner: Router + ?Sized;

    /// The inner router.
    fn inner(&self) -> &Self::Inner;

    /// A peer asks for a session: see [`Router::connect`].
    fn connect(&self, gateway: &Gateway, request: Connect, reply: ConnectReply) {
        self.inner().connect(gateway, request, reply);
    }

    /// A peer sent a message: see [`Router::receive`].
    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        self.inner().receive(gateway, peer, message, receipt);
    }

    /// A peer sends a request about a room: see [`Router::room`].
    fn room(&self, gateway: &Gateway, peer: &Peer, request: RoomRequest, receipt: Receipt) {
        self.inner().room(gateway, peer, request, receipt);
    }

    /// Any other event of a session: see [`Router::event`].
    fn event(&self, gateway: &Gateway, peer: &Peer, event: Event<'_>) {
        self.inner().event(gateway, peer, event);
    }
}

impl<M: Middleware> Router for M {
    fn connect(&self, gateway: &Gateway, request: Connect, reply: ConnectReply) {
        Middleware::connect(self, gateway, request, reply);
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        Middleware::receive(self, gateway, peer, message, receipt);
    }

    fn room(&self, gateway: &Gateway, peer: &Peer, request: RoomRequest, receipt: Receipt) {
        Middleware::room(self, gateway, peer, request, receipt);
    }

    fn event(&self, gateway: &Gateway, peer: &Peer, event: Event<'_>) {
        Middleware::event(self, gateway, peer, event);
    }
}
