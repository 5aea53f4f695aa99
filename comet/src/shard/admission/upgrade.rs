//! Upgrade requests of WebSocket connections.

use bytes::Bytes;
use comet_protocol::ws::handshake::{self, HandshakeError, HandshakeLimits, Parse, Request};

use super::super::connections::{FramingState, Upgrade};
use super::super::effect::Effect;
use super::super::endpoints::Endpoints;
use super::super::sessions::Sessions;
use super::Admission;
use super::authentication::Question;
use super::identification::identify;
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
                let profile = self.listeners.profile(connection.listener);
                let is_ours = profile.is_none_or(|profile| profile.serves(request.path()));
                if !is_ours && self.hand_over(ep, slot, input) {
                    return Ok(Some(input.len()));
                }
                self.upgrade(sessions, slot, request)?;
                Ok(Some(consumed))
            }
            Err(_) if self.hand_over(ep, slot, input) => Ok(Some(input.len())),
            Err(error) => Err(ep.refuse_upgrade(slot, &error)),
        }
    }

    /// Hands a connection that is not an upgrade to the listener's handler of HTTP, with the bytes
    /// that were read; whether there is one.
    pub(super) fn hand_over(&self, ep: &mut Endpoints, slot: u32, read: &[u8]) -> bool {
        let connection = ep.connections.get(slot).filter(|it| it.transport.can_leave());
        let profile = connection.and_then(|it| self.listeners.profile(it.listener));
        let Some(handler) = profile.and_then(|profile| profile.http.clone()) else { return false };
        ep.effect(slot, Effect::HandOver(Box::new((handler, Bytes::copy_from_slice(read)))));
        true
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
        let deflate = match profile.agree(&request, ep.cx.shared.config.deflate.window()) {
            Ok(deflate) => deflate,
            Err(error) => return Err(ep.refuse_upgrade(slot, &error)),
        };
        let error = if !profile.serves(request.path()) {
            HandshakeError::NotFound
        } else if !profile.permits(request.origin(), request.host()) {
            HandshakeError::Forbidden
        } else if identify(ep, slot, |name| request.values(name).collect()).is_err() {
            HandshakeError::TooManyRequests
        } else if profile.is_raw() {
            let key = request.key().to_owned();
            let upgrade = Upgrade { key, subprotocol, deflate };
            return self.connect_raw(sessions, slot, request, upgrade);
        } else {
            if let Some(mut out) = ep.out(slot) {
                out.upgraded(request.key(), subprotocol.as_deref(), deflate);
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
        upgrade: Upgrade,
    ) -> Result<(), Closed> {
        let turned_away = self.turn_away(sessions);
        let ep = &mut sessions.endpoints;
        if turned_away {
            ep.refuse_upgrade(slot, &HandshakeError::Unavailable);
            return Err(Closed::TurnedAway);
        }
        let Some(connection) = ep.connections.get_mut(slot) else { return Ok(()) };
        connection.framing = FramingState::Deciding(Box::new(upgrade));
        if let Some(member) = ep.bucket.get_mut(slot) {
            member.session.state_mut().begin_authentication();
        }
        let question = Question { upgrade: Some(Box::new(request)), ..Question::first() };
        question.ask(ep, slot);
        Ok(())
    }
}
