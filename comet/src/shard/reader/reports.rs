//! Reports of the poll: which of them are of open sessions, and which of newcomers.

use super::super::connections::{ConnectionKey, Side};
use super::super::endpoints::Endpoints;
use super::super::readiness::Ready;

/// Whether a report says no more than that an open session that may be read can be.
pub(super) fn is_simple(ep: &Endpoints, ready: Ready) -> Option<ConnectionKey> {
    if ready.error || ready.read_closed || !ready.readable {
        return None;
    }
    let slot = u32::try_from(ready.token.0).ok()?;
    let session = &ep.bucket.get(slot)?.session;
    if !session.state().is_open() || !session.wants_frames(&ep.cx.limits) {
        return None;
    }
    let connection = ep.connections.get(slot)?;
    let state = &connection.state;
    let is_simple = !state.blocked
        && !state.paused
        && state.peer == Side::Open
        && connection.extras.tail().is_none()
        && connection.is_batchable()
        && connection.backlog() <= ep.cx.shared.config.memory.write_bytes;
    is_simple.then(|| ConnectionKey::new(slot, connection.serial))
}

/// Whether the connection has no session yet, and may get one.
pub(super) fn is_newcomer(ep: &Endpoints, slot: u32) -> bool {
    let session = ep.bucket.get(slot).map(|member| &member.session);
    session.is_some_and(|session| !session.state().is_open() && !session.state().is_closing())
}
