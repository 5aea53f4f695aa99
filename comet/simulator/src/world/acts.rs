//! Execution of scheduled acts.

use std::time::Duration;

use comet::StartError;

use super::schedule::Act;
use super::{Actor, World};
use crate::history::{Event, MessageId, Target};
use crate::names;
use crate::plan::letters;

impl World {
    pub(super) fn act(&mut self, act: Act) -> Result<(), StartError> {
        match act {
            Act::Connect { actor, attempt, transport } => {
                self.connect(actor, attempt, transport);
            }
            Act::Push { count } => self.push(count),
            Act::Message => self.message(),
            Act::Break => self.break_one(),
            Act::Kick => self.kick(),
            Act::Move => self.change_room(),
            Act::Replay => self.replay(),
            Act::ConnectForged { forged, transport } => {
                self.connect_forged(forged, transport);
            }
            Act::Theft => self.steal(),
            Act::StepClock => self.step_clock(),
            Act::Drain => return self.drain(),
            Act::Start { actor } => self.start(actor),
            Act::Leave => self.leave(),
        }
        Ok(())
    }

    /// Pushes through the newest gateway, mostly to rooms.
    fn push(&mut self, count: usize) {
        if self.plan.kind.letters().is_some() {
            return (0..count).for_each(|_| self.send_external());
        }
        let Some((number, gateway)) = self.gateways.newest() else { return };
        let mut backend = self.backend.lock();
        let (room, user) = (self.random.below(3), self.random.below(3));
        for _ in 0..count {
            let here = backend.sessions_on(number);
            let target = match self.random.below(20) {
                0..=9 => Target::Room(if self.random.percent(70) { 0 } else { small(room) }),
                10..=13 => Target::User(small(user)),
                14..=17 if !here.is_empty() => {
                    Target::Session(here[self.random.index(here.len())].name)
                }
                18 => Target::All,
                _ => Target::Room(0),
            };
            backend.push((number, gateway), target);
        }
    }

    /// A message to a user from a sender without a session.
    fn send_external(&mut self) {
        let letter = MessageId(self.messages);
        self.messages += 1;
        let sender = letters::outsider(&mut self.random);
        self.backend.lock().receive_external(letter, sender);
    }

    fn message(&mut self) {
        let actor = self.random.index(self.actors.len());
        if self.actors[actor].is_over {
            return;
        }
        let len = 5 + self.random.index(60);
        let message = MessageId(self.messages);
        self.messages += 1;
        self.actors[actor].client.send(self.now, message, len);
        self.take_output(actor);
    }

    fn kick(&mut self) {
        let Some((number, gateway)) = self.gateways.newest() else { return };
        let here = self.backend.lock().sessions_on(number);
        if here.is_empty() {
            return;
        }
        let session = here[self.random.index(here.len())];
        if gateway.kick(session.id, "the router wants it").is_ok() {
            self.log.record(Event::Kicked { session: session.name });
        }
    }

    fn change_room(&mut self) {
        let Some((number, gateway)) = self.gateways.newest() else { return };
        let here = self.backend.lock().sessions_on(number);
        if here.is_empty() {
            return;
        }
        let live = here[self.random.index(here.len())];
        let (session, room) = (live.name, small(self.random.below(3)));
        let name = names::room(room);
        if self.random.percent(60) {
            if gateway.join(live.id, &name).is_ok() {
                self.log.record(Event::Joined { session, room });
            }
        } else if gateway.leave(live.id, &name).is_ok() {
            self.log.record(Event::Left { session, room });
        }
    }

    /// Applies a fault to a random connection, but to none of a client that must notice nothing.
    fn break_one(&mut self) {
        let is_steady =
            |actor: &Actor, attempt| actor.participant.steady && actor.attempt == Some(attempt);
        let may_fail = |attempt| !self.actors.iter().any(|actor| is_steady(actor, attempt));
        let kind = self.plan.kind;
        let broken = self.network.break_one(self.now, kind, may_fail, &mut self.random);
        if let Some((attempt, what)) = broken {
            self.log.record(Event::Fault { attempt, what });
        }
    }

    fn step_clock(&mut self) {
        let size = self.random.choose(&[50, 2_000, 60_000, 90_000_000]);
        self.gateways.step_clock(if self.random.percent(50) { size } else { -size });
    }

    fn drain(&mut self) -> Result<(), StartError> {
        let within = Duration::from_millis(self.random.between(100, 4_000));
        self.gateways.drain_newest(within);
        self.gateways.start(self.now, &mut self.random)
    }

    fn leave(&mut self) {
        let actor = self.random.index(self.actors.len());
        if self.actors[actor].is_over {
            return;
        }
        self.actors[actor].client.leave(self.now);
        self.take_output(actor);
    }
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
