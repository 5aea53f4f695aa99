//! The only caller of the router, which catches its panics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Gateway;
use super::router::Router;
use crate::shard::sink::{Panicked, Sink};
use crate::{Connect, ConnectReply, Event, Message, Peer, Receipt, RoomRequest};

/// The sink of all shards of a gateway.
pub(crate) struct Dispatch<R> {
    router: R,
    gateway: Gateway,
}

impl<R: Router> Dispatch<R> {
    pub(crate) fn new(router: R, gateway: Gateway) -> Self {
        Self { router, gateway }
    }

    fn call(&self, what: &'static str, call: impl FnOnce(&R, &Gateway)) -> Result<(), Panicked> {
        // The router is shared by threads already: state left behind by a panic is no different
        // from what any other caller could see.
        let result = catch_unwind(AssertUnwindSafe(|| call(&self.router, &self.gateway)));
        result.map_err(|_| {
            if let Some(more) = self.gateway.count_panic() {
                tracing::error!(what, "the router panicked{more}");
            }
            Panicked
        })
    }
}

impl<R: Router> Sink for Dispatch<R> {
    fn connect(&self, request: Connect, reply: ConnectReply) {
        // A panic has dropped the reply, which refuses the peer.
        let _ = self.call("connect", |router, gateway| router.connect(gateway, request, reply));
    }

    fn answer(&self, then: Box<dyn FnOnce() + Send>) {
        // Captured state that waits for the answer is dropped with the closure.
        let _ = self.call("answer", |_, _| then());
    }

    fn receive(&self, peer: &Peer, message: Message, receipt: Receipt) -> Result<(), Panicked> {
        self.call("receive", |router, gateway| router.receive(gateway, peer, message, receipt))
    }

    fn room(&self, peer: &Peer, request: RoomRequest, receipt: Receipt) -> Result<(), Panicked> {
        self.call("room", |router, gateway| router.room(gateway, peer, request, receipt))
    }

    fn event(&self, peer: &Peer, event: Event<'_>) -> Result<(), Panicked> {
        self.call(event.label(), |router, gateway| router.event(gateway, peer, event))
    }
}
