//! Connections unknown to any client: replays of a client's bytes, and uses of another client's
//! ticket.

use comet_protocol::comet::{Auth, ClientFrame, ServerFrame};
use comet_protocol::{AuthMsg, Decoder, Frame, Layout, frames_of};

use super::World;
use super::schedule::{Act, Haunting};
use crate::body::Body;
use crate::history::{Attempt, ClientId, Dial, Loss, What, Wire};
use crate::names;
use crate::network::{Arrived, Ending};
use crate::plan::Person;

const MILLIS: u64 = 1_000;

/// The state of a ghost.
#[derive(Debug)]
pub(super) struct Ghost {
    pub(super) attempt: Attempt,
    auth: Vec<u8>,
    decoder: Decoder,
    is_dtalk: bool,
}

impl World {
    /// Replays the auth of a client, the last one or an older one.
    pub(super) fn haunt(&mut self) {
        if self.auths.is_empty() {
            return;
        }
        let last = self.auths.len() - 1;
        let at = if self.random.percent(60) { last } else { self.random.place(last + 1) };
        let (actor, _, bytes) = self.auths[at].clone();
        let part = self.actors[actor].part;
        self.dial_ghost(part.person, part.wire, &bytes);
    }

    /// Presents the ticket of one client in the name of another.
    pub(super) fn steal(&mut self) {
        if self.auths.is_empty() {
            return;
        }
        let at = self.random.place(self.auths.len());
        let (victim, _, bytes) = self.auths[at].clone();
        if self.actors[victim].part.wire == Wire::Dtalk {
            return;
        }
        let thief = self.random.place(self.actors.len());
        let user = self.actors[thief].part.person.user;
        // An unused device.
        let device = 100 + self.attempts;
        let client = ClientId(device);
        self.dial_ghost(Person { client, user, device }, Wire::Comet, &bytes);
    }

    /// Sends the same auth, with another identity and connection.
    fn dial_ghost(&mut self, person: Person, wire: Wire, auth: &[u8]) {
        let Ok(frames) = frames_of(Layout::Dtalk, auth, 1 << 20) else { return };
        let Some(Frame { head, body }) = frames.into_iter().next() else { return };
        let attempt = self.next_attempt();
        let (token, ext) = (names::token(person.user), names::ext(attempt, person.device));
        let mut frame = Vec::new();
        let mut ticket = None;
        match wire {
            Wire::Dtalk => {
                let auth = AuthMsg { app_id: names::APP.into(), token, ext };
                head.write(Layout::Dtalk, &auth.to_vec(), &mut frame);
            }
            Wire::Comet => {
                let Ok(ClientFrame::Auth { seq, auth }) = ClientFrame::decode(head, &body) else {
                    return;
                };
                let auth = Box::new(Auth { token, ext, ..*auth });
                ticket = Some(auth.ticket.clone()).filter(|ticket| !ticket.is_empty());
                ClientFrame::Auth { seq, auth }.write(&mut frame);
            }
        }
        let websocket = self.random.percent(50);
        let Person { client, user, device } = person;
        let dial =
            Dial { attempt, client, user, device, wire, websocket, ghost: true, steady: false };
        self.log.note(What::Dialed(dial));
        if let Some(ticket) = ticket {
            let of = self.given_on(&ticket);
            self.log.note(What::ShowedTicket { attempt, of });
        }
        let wait = self.random.of(&[0, 1, 30, 200]) * MILLIS;
        let is_dtalk = wire == Wire::Dtalk;
        let auth = Haunting { attempt, frame: frame.into(), is_dtalk };
        self.schedule.put(self.now + wait, Act::GhostConnect { auth, is_websocket: websocket });
    }

    pub(super) fn connect_ghost(&mut self, haunting: &Haunting, is_websocket: bool) {
        let attempt = haunting.attempt;
        let mut line = self.line(attempt, is_websocket);
        let auth = haunting.frame.to_vec();
        if !is_websocket {
            line.send(self.now, &auth, &mut self.random);
        }
        self.lines.push(line);
        let decoder = Decoder::new(Layout::Dtalk, 1 << 20);
        self.ghosts.push(Ghost { attempt, auth, decoder, is_dtalk: haunting.is_dtalk });
    }

    /// Handles a ghost's input, without a reply.
    pub(super) fn hear_ghost(&mut self, attempt: Attempt, arrived: Arrived) {
        let Some(at) = self.ghosts.iter().position(|ghost| ghost.attempt == attempt) else {
            return;
        };
        match arrived {
            Arrived::Open => {
                let auth = std::mem::take(&mut self.ghosts[at].auth);
                if let Some(line) = self.lines.iter_mut().find(|line| line.attempt == attempt) {
                    line.send(self.now, &auth, &mut self.random);
                }
            }
            Arrived::Bytes(bytes) => self.read_ghost(at, &bytes),
            Arrived::Closed | Arrived::Broken => {
                self.ghosts.swap_remove(at);
            }
        }
    }

    fn read_ghost(&mut self, at: usize, bytes: &[u8]) {
        let Ghost { attempt, decoder, is_dtalk, .. } = &mut self.ghosts[at];
        decoder.push(bytes);
        while let Ok(Some(frame)) = decoder.next_frame() {
            let what = if *is_dtalk { dtalk(*attempt, &frame) } else { comet(*attempt, frame) };
            if let Some(what) = what {
                self.log.note(what);
            }
        }
    }

    /// Closes all ghosts.
    pub(super) fn banish(&mut self) {
        for ghost in self.ghosts.drain(..) {
            let line = self.lines.iter_mut().find(|line| line.attempt == ghost.attempt);
            if let Some(line) = line {
                line.leave(self.now, Some(Ending::Reset), &mut self.random);
            }
        }
    }
}

fn saw(attempt: Attempt, body: &[u8], seq: u32) -> Option<What> {
    match Body::parse(body) {
        Some(Body::Push(push)) => Some(What::Saw { attempt, push, seq }),
        _ => None,
    }
}

fn dtalk(attempt: Attempt, frame: &Frame) -> Option<What> {
    match frame.head.op {
        comet_protocol::op::DELIVER => saw(attempt, &frame.body, frame.head.seq),
        _ => None,
    }
}

fn comet(attempt: Attempt, frame: Frame) -> Option<What> {
    match ServerFrame::decode(frame.head, frame.body).ok()? {
        ServerFrame::Welcome { welcome, .. } => {
            let loss = match welcome.loss() {
                comet_protocol::comet::Loss::None => Loss::None,
                comet_protocol::comet::Loss::Expired => Loss::Expired,
                comet_protocol::comet::Loss::Unknown => Loss::Unknown,
                comet_protocol::comet::Loss::Ended => Loss::Ended,
            };
            Some(What::Opened { attempt, resumed: welcome.resumed, loss })
        }
        ServerFrame::Deliver { seq, body } => saw(attempt, &body, seq.get()),
        ServerFrame::BestEffort { body } | ServerFrame::Latest { body, .. } => {
            saw(attempt, &body, 0)
        }
        _ => None,
    }
}
