//! Upgrade requests of WebSocket connections.

use comet_protocol::ws::handshake::{self, HandshakeError, HandshakeLimits, Parse, Request};

use super::super::connections::{FramingState, Upgrade};
use super::super::endpoints::Endpoints;
use super::super::entrance::Full;
use super::super::introduction::Introduction;
use super::super::sessions::Sessions;
use super::Admission;
use super::authentication::{Question, peer_of};
use crate::Closed;

impl Admission {
    /// Reads an upgrade request. The bytes it took; `None` if it is incomplete.
    pub(in crate::shard) fn handle_upgrade(
        &mut self,
        sessions: &mut Sessions,
        slot: u32,
        input: &[u8],
    ) -> Result<Option<usize>, Closed> {
        let ep = &mut sessions.endpoints;
        let config = &ep.cx.shared.config;
        let limits = HandshakeLimits {
            max_head: config.handshake.max_upgrade,
            max_headers: config.handshake.max_upgrade_headers,
        };
        let Some(connection) = ep.connections.get_mut(slot) else { return Ok(None) };
        let FramingState::Upgrading { searched } = connection.framing else { return Ok(None) };
        match handshake::parse(input, searched, &limits) {
            Ok(Parse::Partial) => {
                connection.framing = FramingState::Upgrading { searched: input.len() };
                Ok(None)
            }
            Ok(Parse::Complete { request, consumed }) => {
                self.upgrade(sessions, slot, request)?;
                Ok(Some(consumed))
            }
            Err(error) => Err(ep.refuse_upgrade(slot, &error)),
        }
    }

    fn upgrade(
        &mut self,
        sessions: &mut Sessions,
        slot: u32,
        request: Request,
    ) -> Result<(), Closed> {
        let ep = &mut sessions.endpoints;
        let Some(listener) = ep.connections.get(slot).map(|connection| connection.listener) else {
            return Ok(());
        };
        let Some(profile) = self.listeners.profile(listener) else {
            // A gateway that drains has no listeners.
            return Err(ep.refuse_upgrade(slot, &HandshakeError::Unavailable));
        };
        let subprotocol = profile.subprotocol_for(&request).map(str::to_owned);
        let error = if !profile.serves(request.path()) {
            HandshakeError::NotFound
        } else if !profile.permits(request.origin(), request.host()) {
            HandshakeError::Forbidden
        } else if identify(ep, slot, &request).is_err() {
            HandshakeError::TooManyRequests
        } else if profile.is_raw() {
            return self.connect_raw(sessions, slot, request, subprotocol);
        } else {
            if let Some(mut out) = ep.out(slot) {
                out.upgraded(request.key(), subprotocol.as_deref());
            }
            return Ok(());
        };
        Err(ep.refuse_upgrade(slot, &error))
    }

    /// Asks the router about a raw peer: its upgrade request is all there is to know.
    fn connect_raw(
        &mut self,
        sessions: &mut Sessions,
        slot: u32,
        request: Request,
        subprotocol: Option<String>,
    ) -> Result<(), Closed> {
        let turned_away = self.turn_away(sessions);
        let ep = &mut sessions.endpoints;
        if turned_away {
            ep.refuse_upgrade(slot, &HandshakeError::Unavailable);
            return Err(Closed::TurnedAway);
        }
        let Some(connection) = ep.connections.get_mut(slot) else { return Ok(()) };
        let upgrade = Upgrade { key: request.key().to_owned(), subprotocol };
        connection.framing = FramingState::Deciding(Box::new(upgrade));
        if let Some(member) = ep.bucket.get_mut(slot) {
            member.session.state_mut().begin_authentication();
        }
        let question = Question { upgrade: Some(Box::new(request)), ..Question::first() };
        question.ask(ep, slot);
        Ok(())
    }
}

/// Learns for whom a trusted proxy speaks, and counts it.
fn identify(ep: &mut Endpoints, slot: u32, request: &Request) -> Result<(), Full> {
    let remote = peer_of(ep, slot).ip();
    let proxies = &ep.cx.shared.config.trusted_proxies;
    if proxies.header_of(remote).is_none() {
        return Ok(());
    }
    let values = |name| request.values(name).collect::<Vec<_>>();
    let client = proxies.client(remote, values);
    let visitor = ep.cx.shared.entrance.identify(ep.cx.now, client)?;
    if let Some(connection) = ep.connections.get_mut(slot) {
        connection.extras.introduce(Introduction::of(visitor));
    }
    Ok(())
}
