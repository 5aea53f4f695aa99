//! Identification of clients behind trusted proxies, as soon as a header names them.

use super::super::endpoints::Endpoints;
use super::super::entrance::Full;
use super::authentication::peer_of;
use crate::proxies::Via;

/// The way of the connection in a slot.
pub(super) fn via_of(ep: &Endpoints, slot: u32) -> Via {
    let introduction = ep.connections.get(slot).and_then(|it| it.extras.introduction());
    Via::new(peer_of(ep, slot).ip(), introduction.and_then(|known| known.named))
}

/// Counts a connection for the client that a request on it names, unless it is counted already.
/// `values` returns the values of a header field.
pub(super) fn identify<'v>(
    ep: &mut Endpoints,
    slot: u32,
    values: impl FnOnce(&'static str) -> Vec<&'v [u8]>,
) -> Result<(), Full> {
    if ep.cx.shared.config.trusted_proxies.awaits_request(via_of(ep, slot)) {
        count(ep, slot, values)?;
    }
    Ok(())
}

/// Counts a connection for the client in its PROXY header, unless a request may still name another.
pub(super) fn identify_named(ep: &mut Endpoints, slot: u32) -> Result<(), Full> {
    if !ep.cx.shared.config.trusted_proxies.awaits_request(via_of(ep, slot)) {
        count(ep, slot, |_| Vec::new())?;
    }
    Ok(())
}

fn count<'v>(
    ep: &mut Endpoints,
    slot: u32,
    values: impl FnOnce(&'static str) -> Vec<&'v [u8]>,
) -> Result<(), Full> {
    let client = ep.cx.shared.config.trusted_proxies.client(via_of(ep, slot), values);
    let visitor = ep.cx.shared.entrance.identify(ep.cx.now, client)?;
    if let Some(connection) = ep.connections.get_mut(slot) {
        connection.extras.set_visitor(visitor);
    }
    Ok(())
}
