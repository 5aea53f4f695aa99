//! The end of a peer's bytes, and bytes that come after that of its session.
//!
//! Not here: the end of the session itself (`lifecycle`).

use std::io::{self, ErrorKind};

use super::super::connections::Side;
use super::super::effect::Effect;
use super::super::endpoints::Endpoints;
use super::super::sessions::Sessions;
use super::super::transport::Received;
use super::Progress;
use crate::Closed;

/// Remembers whether an event announced the end of the peer's bytes.
pub(super) fn note_end(sessions: &mut Sessions, slot: u32, is_announced: bool) {
    if let Some(connection) = sessions.endpoints.connections.get_mut(slot) {
        connection.state.note_end(is_announced);
    }
    if is_announced && sessions.lifecycle.is_held(slot) {
        sessions.lifecycle.release_refused(&mut sessions.endpoints, slot);
    }
}

/// The peer sends no more.
pub(super) fn end_of_input(ep: &mut Endpoints, slot: u32) {
    if let Some(connection) = ep.connections.get_mut(slot) {
        connection.state.peer = Side::Ended;
    }
    ep.effect(slot, Effect::End(Closed::ByPeer));
}

/// Discards input of a closing connection.
pub(super) fn discard(sessions: &mut Sessions, slot: u32, buffer: &mut [u8]) -> Progress {
    let Some(connection) = sessions.endpoints.connections.get_mut(slot) else {
        return Progress::Stop;
    };
    match connection.transport.read(buffer) {
        Ok(Received { len: 0, .. }) => {
            connection.state.peer = Side::Ended;
            if connection.out.is_none() && !connection.has_lane_output() {
                sessions.remove(slot);
            }
            Progress::Stop
        }
        Ok(_) => Progress::More,
        Err(error) if error.kind() == ErrorKind::WouldBlock => Progress::Stop,
        Err(error) if error.kind() == ErrorKind::Interrupted => Progress::More,
        Err(_) => {
            sessions.remove(slot);
            Progress::Stop
        }
    }
}

/// The transport in a slot failed, which may be a fault of the peer.
pub(super) fn fail(ep: &mut Endpoints, slot: u32, error: &io::Error) {
    match Closed::by_transport(error) {
        Closed::Lost(kind) => ep.lose(slot, kind),
        closed => ep.effect(slot, Effect::End(closed)),
    }
}
