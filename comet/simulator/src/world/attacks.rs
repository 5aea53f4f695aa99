//! Attacks on connections unknown to any client: replays of a client's bytes, and uses of another
//! client's ticket.

use bytes::Bytes;
use comet_protocol::comet::{Auth, ClientFrame};
use comet_protocol::{AuthMsg, Frame, Layout, frames_of};

use super::World;
use super::schedule::{Act, Forged};
use crate::history::{Attempt, ClientId, Dial, Dialect, Event, Transport};
use crate::names;
use crate::network::Arrived;
use crate::plan::ClientIdentity;

const MILLIS: u64 = 1_000;

impl World {
    /// Replays the auth of a client, the last one or an older one.
    pub(super) fn replay(&mut self) {
        if let Some((actor, auth)) = self.attacker.recent_auth(&mut self.random) {
            let participant = self.actors[actor].participant;
            self.dial_forged(participant.identity, participant.dialect, &auth);
        }
    }

    /// Presents the ticket of one client in the name of another.
    pub(super) fn steal(&mut self) {
        let Some((victim, auth)) = self.attacker.any_auth(&mut self.random) else { return };
        if self.actors[victim].participant.dialect == Dialect::Dtalk {
            return;
        }
        let thief = self.random.index(self.actors.len());
        let user = self.actors[thief].participant.identity.user;
        // An unused device.
        let device = 100 + self.network.attempts();
        let client = ClientId(device);
        self.dial_forged(ClientIdentity { client, user, device }, Dialect::Comet, &auth);
    }

    /// Sends the same auth, with another identity and connection.
    fn dial_forged(&mut self, identity: ClientIdentity, dialect: Dialect, auth: &[u8]) {
        let attempt = self.network.next_attempt();
        let Some((auth, ticket)) = forge(auth, dialect, identity, attempt) else { return };
        let is_websocket = self.random.percent(50);
        let transport = if is_websocket { Transport::WebSocket } else { Transport::Tcp };
        let ClientIdentity { client, user, device } = identity;
        let dial =
            Dial { attempt, client, user, device, dialect, transport, forged: true, steady: false };
        self.log.record(Event::Dialed(dial));
        if let Some(ticket) = ticket {
            let of = self.attacker.issued_on(&ticket);
            self.log.record(Event::ShowedTicket { attempt, of });
        }
        let wait = self.random.choose(&[0, 1, 30, 200]) * MILLIS;
        let forged = Forged { attempt, auth, is_dtalk: dialect == Dialect::Dtalk };
        self.schedule.put(self.now + wait, Act::ConnectForged { forged, transport });
    }

    pub(super) fn connect_forged(&mut self, forged: Forged, transport: Transport) {
        let Forged { attempt, auth, is_dtalk } = forged;
        self.open_connection(attempt, transport);
        if transport == Transport::Tcp {
            self.network.send(self.now, attempt, &auth, &mut self.random);
        }
        self.attacker.connect(
            attempt,
            if is_dtalk { Dialect::Dtalk } else { Dialect::Comet },
            auth,
        );
    }

    /// Handles an arrival on a connection of the attacker.
    pub(super) fn receive_attacker(&mut self, attempt: Attempt, arrived: Arrived) {
        if let Some(bytes) = self.attacker.receive(attempt, arrived) {
            self.network.send(self.now, attempt, &bytes, &mut self.random);
        }
    }
}

/// An auth with another identity and connection, and the ticket in it.
fn forge(
    auth: &[u8],
    dialect: Dialect,
    identity: ClientIdentity,
    attempt: Attempt,
) -> Option<(Bytes, Option<Bytes>)> {
    let frames = frames_of(Layout::Dtalk, auth, 1 << 20).ok()?;
    let Frame { head, body } = frames.into_iter().next()?;
    let (token, ext) = (names::token(identity.user), names::ext(attempt, identity.device));
    let mut frame = Vec::new();
    match dialect {
        Dialect::Dtalk => {
            let auth = AuthMsg { app_id: names::APP.into(), token, ext };
            head.write(Layout::Dtalk, &auth.to_vec(), &mut frame);
            Some((frame.into(), None))
        }
        Dialect::Comet => {
            let Ok(ClientFrame::Auth { seq, auth }) = ClientFrame::decode(head, &body) else {
                return None;
            };
            let auth = Box::new(Auth { token, ext, ..*auth });
            let ticket = Some(auth.ticket.clone()).filter(|ticket| !ticket.is_empty());
            ClientFrame::Auth { seq, auth }.write(&mut frame);
            Some((frame.into(), ticket))
        }
    }
}
