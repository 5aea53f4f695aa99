//! Connections with HTTP that leave the gateway for a server of the embedder's.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;

use super::super::endpoints::Endpoints;
use super::{Lifecycle, forget_connection};
use crate::http::{HttpConnection, HttpHandler};
use crate::proxies::Via;

impl Lifecycle {
    /// Gives the connection in a slot, of which `read` was read, to a handler, and frees the slot.
    pub(in crate::shard) fn hand_to_http(
        &mut self,
        ep: &mut Endpoints,
        slot: u32,
        handler: &HttpHandler,
        read: Bytes,
    ) {
        if ep.bucket.is_closing(slot) {
            return;
        }
        let Some(mut connection) = self.take_out(ep, slot) else { return };
        ep.connections.unwatch(&mut connection);
        let visitor = connection.visitor();
        let named = connection.extras.introduction().and_then(|known| known.named);
        forget_connection(&ep.cx, visitor, connection.transport.holds());
        // A peer that is gone meanwhile has no address, and nothing to be answered.
        let Ok(peer) = connection.transport.peer_addr() else { return };
        let Some(carrier) = connection.transport.into_carrier() else { return };
        ep.cx.counters().handed_over.add(1);
        let connection = HttpConnection::new(carrier, read, Via::new(peer.ip(), named));
        // It stands on its own: nothing of the shard is left in the middle of a change.
        if catch_unwind(AssertUnwindSafe(|| handler.hand_over(connection))).is_err() {
            tracing::error!("the handler of HTTP connections panicked");
        }
    }
}
