//! Execution of scheduled acts.

use comet::StartError;

use super::World;
use super::schedule::Act;
use crate::history::{MessageId, Target, What};
use crate::names;
use crate::plan::letters;

impl World {
    pub(super) fn act(&mut self, act: Act) -> Result<(), StartError> {
        match act {
            Act::Connect { actor, attempt, is_websocket } => {
                self.connect(actor, attempt, is_websocket);
            }
            Act::Push { count } => self.push(count),
            Act::Message => self.message(),
            Act::Break => self.break_one(),
            Act::Kick => self.kick(),
            Act::Move => self.change_room(),
            Act::Ghost => self.haunt(),
            Act::GhostConnect { auth, is_websocket } => self.connect_ghost(&auth, is_websocket),
            Act::Theft => self.steal(),
            Act::StepClock => self.step_clock(),
            Act::Drain => return self.drain(),
            Act::Begin { actor } => self.begin(actor),
            Act::Leave => self.leave(),
        }
        Ok(())
    }

    /// Pushes through the newest gateway, mostly to rooms.
    fn push(&mut self, count: usize) {
        if self.plan.kind.letters().is_some() {
            return (0..count).for_each(|_| self.write());
        }
        let Some(host) = self.hosts.last() else { return };
        let mut desk = self.desk.lock();
        let (room, user) = (self.random.below(3), self.random.below(3));
        for _ in 0..count {
            let here: Vec<_> = desk.alive.iter().filter(|at| at.gateway == host.number).collect();
            let target = match self.random.below(20) {
                0..=9 => Target::Room(if self.random.percent(70) { 0 } else { small(room) }),
                10..=13 => Target::User(small(user)),
                14..=17 if !here.is_empty() => {
                    Target::Session(here[self.random.place(here.len())].name)
                }
                18 => Target::All,
                _ => Target::Room(0),
            };
            desk.push((host.number, host.simulation.gateway()), target);
        }
    }

    /// A message to a user from a sender without a session.
    fn write(&mut self) {
        let letter = MessageId(self.messages);
        self.messages += 1;
        let sender = letters::outsider(&mut self.random);
        self.desk.lock().write(letter, sender);
    }

    fn message(&mut self) {
        let actor = self.random.place(self.actors.len());
        if self.actors[actor].is_over {
            return;
        }
        let len = 5 + self.random.place(60);
        let message = MessageId(self.messages);
        self.messages += 1;
        self.actors[actor].client.send(self.now, message, len);
        self.listen(actor);
    }

    fn kick(&mut self) {
        let Some(host) = self.hosts.last() else { return };
        let desk = self.desk.lock();
        let here: Vec<_> = desk.alive.iter().filter(|at| at.gateway == host.number).collect();
        if here.is_empty() {
            return;
        }
        let session = here[self.random.place(here.len())];
        if host.simulation.gateway().kick(session.id, "the router wants it").is_ok() {
            self.log.note(What::Kicked { session: session.name });
        }
    }

    fn change_room(&mut self) {
        let Some(host) = self.hosts.last() else { return };
        let desk = self.desk.lock();
        let here: Vec<_> = desk.alive.iter().filter(|at| at.gateway == host.number).collect();
        if here.is_empty() {
            return;
        }
        let alive = here[self.random.place(here.len())];
        let (session, room) = (alive.name, small(self.random.below(3)));
        let name = names::room(room);
        let gateway = host.simulation.gateway();
        if self.random.percent(60) {
            if gateway.join(alive.id, &name).is_ok() {
                self.log.note(What::Joined { session, room });
            }
        } else if gateway.leave(alive.id, &name).is_ok() {
            self.log.note(What::Left { session, room });
        }
    }

    fn step_clock(&mut self) {
        let size = self.random.of(&[50, 2_000, 60_000, 90_000_000]);
        let millis = if self.random.percent(50) { size } else { -size };
        self.log.note(What::ClockStepped { millis });
        self.clock_steps += millis;
        for host in &mut self.hosts {
            host.simulation.step_wall_clock(millis);
        }
    }

    fn drain(&mut self) -> Result<(), StartError> {
        let Some(host) = self.hosts.last() else { return Ok(()) };
        self.log.note(What::Drained { gateway: host.number });
        let within = std::time::Duration::from_millis(self.random.between(100, 4_000));
        host.simulation.gateway().drain(within);
        self.begin_host()
    }

    fn leave(&mut self) {
        let actor = self.random.place(self.actors.len());
        if self.actors[actor].is_over {
            return;
        }
        self.actors[actor].client.leave(self.now);
        self.listen(actor);
    }
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
