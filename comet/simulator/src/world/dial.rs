//! Connections of clients: opening, writing, closing.

use bytes::Bytes;

use super::World;
use super::schedule::Act;
use crate::history::{Attempt, Dial, Event, Transport};
use crate::network::{Connection, Ending};
use crate::plan::Participant;

const MILLIS: u64 = 1_000;

impl World {
    /// Starts a connection attempt of a client, which takes time.
    pub(super) fn dial(&mut self, actor: usize) {
        let participant = self.actors[actor].participant;
        let attempt = self.network.next_attempt();
        let transport = self.transport(participant);
        let identity = participant.identity;
        self.log.record(Event::Dialed(Dial {
            attempt,
            client: identity.client,
            user: identity.user,
            device: identity.device,
            dialect: participant.dialect,
            transport,
            forged: false,
            steady: participant.steady,
        }));
        self.actors[actor].attempt = Some(attempt);
        self.actors[actor].client.dialed(attempt);
        let wait = self.random.between(1, 80) * MILLIS;
        self.schedule.put(self.now + wait, Act::Connect { actor, attempt, transport });
    }

    fn transport(&mut self, participant: Participant) -> Transport {
        // Worlds without lanes draw nothing for them.
        if participant.lanes > 0 && self.random.percent(participant.lanes) {
            return Transport::Lanes;
        }
        match self.random.percent(participant.websocket) {
            true => Transport::WebSocket,
            false => Transport::Tcp,
        }
    }

    pub(super) fn connect(&mut self, actor: usize, attempt: Attempt, transport: Transport) {
        if self.actors[actor].attempt != Some(attempt) {
            return;
        }
        if !self.is_healed && self.random.percent(self.plan.rates.refused_dials) {
            self.actors[actor].attempt = None;
            self.actors[actor].client.handle_disconnected(self.now);
            return self.take_output(actor);
        }
        self.open_connection(attempt, transport);
        if transport != Transport::WebSocket {
            self.actors[actor].client.handle_connected(self.now);
            self.take_output(actor);
        }
    }

    /// Opens a connection to the newest gateway, of random quality.
    pub(super) fn open_connection(&mut self, attempt: Attempt, transport: Transport) {
        let endpoint = self.gateways.connect(attempt, transport);
        let random = &mut self.random;
        let mut connection = Connection::new(self.now, attempt, endpoint, transport, random);
        if !self.is_healed {
            connection.draw_quality(self.now, &self.plan.rates, random);
        }
        self.network.add(connection);
    }

    /// Sends bytes of a client, of which the attacker records the first.
    pub(super) fn transmit(&mut self, actor: usize, bytes: &Bytes) {
        let Some(attempt) = self.actors[actor].attempt else { return };
        if let Some(ticket) = self.attacker.record_auth(actor, attempt, bytes) {
            // A ticket that came with no welcome was issued when a gateway drained.
            let of = self.attacker.issued_on(&ticket).or(self.actors[actor].opened);
            self.log.record(Event::ShowedTicket { attempt, of });
        }
        self.network.send(self.now, attempt, bytes, &mut self.random);
    }

    /// Closes a client's connection, orderly or not.
    pub(super) fn hang_up(&mut self, actor: usize) {
        let Some(attempt) = self.actors[actor].attempt.take() else { return };
        let ending = match self.random.below(10) {
            0 if !self.is_healed => None,
            1 | 2 => Some(Ending::Reset),
            _ => Some(Ending::Fin),
        };
        self.network.leave(self.now, attempt, ending, &mut self.random);
    }

    /// Ends a client: after a while another one takes its place.
    pub(super) fn replace_later(&mut self, actor: usize) {
        self.actors[actor].is_over = true;
        let wait = self.random.between(100, 3_000) * MILLIS;
        self.schedule.put(self.now + wait, Act::Start { actor });
    }

    pub(super) fn start(&mut self, actor: usize) {
        let participant = self.actors[actor].participant;
        self.actors[actor].client = self.client(participant);
        self.actors[actor].is_over = false;
        self.take_output(actor);
    }
}
