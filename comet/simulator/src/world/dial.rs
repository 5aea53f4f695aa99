//! Connections of clients: opening, writing, closing.

use bytes::Bytes;
use comet_protocol::comet::{ClientFrame, is_auth};
use comet_protocol::{Layout, frames_of};

use super::World;
use super::schedule::Act;
use crate::history::{Attempt, Dial, What};
use crate::network::{Ending, Line, Reading};

const MILLIS: u64 = 1_000;

impl World {
    /// Starts a connection attempt of a client, which takes time.
    pub(super) fn dial(&mut self, actor: usize) {
        let part = self.actors[actor].part;
        let attempt = self.next_attempt();
        let is_websocket = self.random.percent(part.websocket);
        let person = part.person;
        self.log.note(What::Dialed(Dial {
            attempt,
            client: person.client,
            user: person.user,
            device: person.device,
            wire: part.wire,
            websocket: is_websocket,
            ghost: false,
            steady: part.steady,
        }));
        self.actors[actor].attempt = Some(attempt);
        self.actors[actor].client.dialed(attempt);
        let wait = self.random.between(1, 80) * MILLIS;
        self.schedule.put(self.now + wait, Act::Connect { actor, attempt, is_websocket });
    }

    pub(super) fn next_attempt(&mut self) -> Attempt {
        let attempt = Attempt(self.attempts);
        self.attempts += 1;
        attempt
    }

    pub(super) fn connect(&mut self, actor: usize, attempt: Attempt, is_websocket: bool) {
        if self.actors[actor].attempt != Some(attempt) {
            return;
        }
        if !self.is_calm && self.random.percent(self.plan.weather.refused) {
            self.actors[actor].attempt = None;
            self.actors[actor].client.handle_disconnected(self.now);
            return self.listen(actor);
        }
        let line = self.line(attempt, is_websocket);
        self.lines.push(line);
        if !is_websocket {
            self.actors[actor].client.handle_connected(self.now);
            self.listen(actor);
        }
    }

    /// A connection to the newest gateway, of random quality.
    pub(super) fn line(&mut self, attempt: Attempt, is_websocket: bool) -> Line {
        let gateway = self.hosts.len() - 1;
        let endpoint = self.hosts[gateway].connect(attempt, is_websocket);
        let random = &mut self.random;
        let mut line = Line::new(self.now, attempt, endpoint, is_websocket, random);
        if self.is_calm {
            return line;
        }
        if random.percent(self.plan.weather.narrow) {
            let sizes = [64, 300, 2_000, 65_536];
            line.set_capacity(random.of(&sizes), random.of(&sizes));
        }
        if random.percent(self.plan.weather.slow) {
            let every = random.between(20, 400) * MILLIS;
            let bytes = random.of(&[20, 100, 1_000]);
            line.set_reading(Reading::Paced { every, bytes, next: self.now });
        }
        line
    }

    /// Sends bytes of a client.
    pub(super) fn transmit(&mut self, actor: usize, bytes: &Bytes) {
        let Some(attempt) = self.actors[actor].attempt else { return };
        self.remember_auth(actor, attempt, bytes);
        if let Some(line) = self.lines.iter_mut().find(|line| line.attempt == attempt) {
            line.send(self.now, bytes, &mut self.random);
        }
    }

    /// Keeps the auth for ghosts, and records the ticket it presents.
    fn remember_auth(&mut self, actor: usize, attempt: Attempt, bytes: &Bytes) {
        if self.auths.last().is_some_and(|(_, last, _)| *last >= attempt)
            && self.auths.iter().any(|(_, known, _)| *known == attempt)
        {
            return;
        }
        self.auths.push((actor, attempt, bytes.clone()));
        let Ok(frames) = frames_of(Layout::Dtalk, bytes, 1 << 20) else { return };
        let Some(frame) = frames.first().filter(|frame| is_auth(frame.head)) else { return };
        if let Ok(ClientFrame::Auth { auth, .. }) = ClientFrame::decode(frame.head, &frame.body)
            && !auth.ticket.is_empty()
        {
            // A ticket that came with no welcome was issued when a gateway drained.
            let of = self.given_on(&auth.ticket).or(self.actors[actor].opened);
            self.log.note(What::ShowedTicket { attempt, of });
        }
    }

    /// The connection on which a ticket was issued.
    pub(super) fn given_on(&self, ticket: &[u8]) -> Option<Attempt> {
        self.tickets.iter().find(|(known, _)| *known == ticket).map(|(_, attempt)| *attempt)
    }

    /// Closes a client's connection, orderly or not.
    pub(super) fn hang_up(&mut self, actor: usize) {
        let Some(attempt) = self.actors[actor].attempt.take() else { return };
        let ending = match self.random.below(10) {
            0 if !self.is_calm => None,
            1 | 2 => Some(Ending::Reset),
            _ => Some(Ending::Fin),
        };
        if let Some(line) = self.lines.iter_mut().find(|line| line.attempt == attempt) {
            line.leave(self.now, ending, &mut self.random);
        }
    }

    /// Ends a client: after a while another one takes its place.
    pub(super) fn rest(&mut self, actor: usize) {
        self.actors[actor].is_over = true;
        let wait = self.random.between(100, 3_000) * MILLIS;
        self.schedule.put(self.now + wait, Act::Begin { actor });
    }

    pub(super) fn begin(&mut self, actor: usize) {
        let part = self.actors[actor].part;
        self.actors[actor].client = self.client(part);
        self.actors[actor].is_over = false;
        self.listen(actor);
    }
}
