//! A run: gateways, clients and the network between them, as a discrete-event simulation.
//!
//! The world advances from one event time to the next. At each of them it processes everything that
//! is due, until nothing follows from it.
//!
//! Not here: the rules for a run (module `checker`).

mod acts;
mod attacker;
mod attacks;
mod dial;
mod gateways;
mod schedule;

use std::sync::Arc;
use std::time::Duration;

use comet::StartError;
use parking_lot::Mutex;

use crate::Setup;
use crate::client::{Client, CometClient, DtalkClient, Request};
use crate::history::{Attempt, Dialect, Event, History, Log};
use crate::network::{Arrived, Ending, Network};
use crate::plan::{Participant, Plan, lanes, letters, shortage};
use crate::random::Random;
use crate::router::Backend;
use attacker::Attacker;
use gateways::Gateways;
use schedule::Schedule;

const SECOND: u64 = 1_000_000;

/// A client, and its current connection.
#[derive(Debug)]
struct Actor {
    participant: Participant,
    client: Client,
    attempt: Option<Attempt>,
    /// The last connection on which it had a session.
    opened: Option<Attempt>,
    /// It was told that its session is over, or left.
    is_over: bool,
}

/// A run.
#[derive(Debug)]
pub(crate) struct World {
    now: u64,
    plan: Plan,
    random: Random,
    log: Log,
    backend: Arc<Mutex<Backend>>,
    gateways: Gateways,
    network: Network,
    actors: Vec<Actor>,
    attacker: Attacker,
    schedule: Schedule,
    messages: u32,
    is_healed: bool,
}

impl World {
    pub(crate) fn new(seed: u64, setup: Setup) -> Result<Self, StartError> {
        let Setup { mistake, has_letters, has_lanes } = setup;
        let mut random = Random::new(seed);
        let mut plan = Plan::draw(&mut random);
        if has_lanes || (!has_letters && lanes::is_world_of(seed)) {
            plan = lanes::change(&plan, &mut random);
        } else if has_letters || letters::is_world_of(seed) {
            plan = letters::change(&plan, mistake, &mut random);
        } else if shortage::is_world_of(seed) {
            plan = shortage::change(&plan, &mut random);
        }
        let log = Log::new();
        let backend = Arc::new(Mutex::new(Backend::new(log.clone(), random.fork(), &plan)));
        let schedule = Schedule::draw(&plan, &mut random);
        let mut gateways = Gateways::new(plan.limits, log.clone(), Arc::clone(&backend));
        gateways.start(0, &mut random)?;
        let mut world = Self {
            now: 0,
            random,
            attacker: Attacker::new(log.clone()),
            log,
            backend,
            gateways,
            network: Network::default(),
            actors: Vec::new(),
            schedule,
            messages: 0,
            is_healed: false,
            plan,
        };
        for participant in world.plan.participants.clone() {
            let client = world.client(participant);
            world.actors.push(Actor {
                participant,
                client,
                attempt: None,
                opened: None,
                is_over: true,
            });
            let (from, to) = participant.first_dial;
            let at = from + world.random.below(to - from);
            world.schedule.put(at, schedule::Act::Start { actor: world.actors.len() - 1 });
        }
        Ok(world)
    }

    /// Simulates the run, and returns its history.
    pub(crate) fn run(mut self) -> Result<History, StartError> {
        self.advance(self.plan.length)?;
        self.heal();
        let until = self.now + 200 * SECOND;
        let quiet = self.plan.limits.retransmission().max(4 * SECOND);
        while self.now < until && !self.is_at_rest(quiet) {
            self.advance(self.now + SECOND)?;
        }
        self.finish();
        Ok(self.log.take())
    }

    fn client(&mut self, participant: Participant) -> Client {
        let (log, identity) = (self.log.clone(), participant.identity);
        let mut random = self.random.fork();
        match participant.dialect {
            Dialect::Comet => {
                let seed = random.next();
                let client = CometClient::new(self.now, identity, participant.settings, log, seed);
                Client::Comet(Box::new(client))
            }
            Dialect::Dtalk => {
                Client::Dtalk(Box::new(DtalkClient::new(self.now, identity, log, random)))
            }
        }
    }

    /// Time of the next event, at most `until`.
    fn next(&self, until: u64) -> u64 {
        let clients = self.actors.iter().filter(|actor| !actor.is_over);
        let clients = clients.filter_map(|actor| actor.client.poll_timeout());
        let parts = [self.gateways.next(), self.network.next(), self.schedule.next()];
        let backend = self.backend.lock().next();
        let next = clients.chain(parts.into_iter().flatten()).chain(backend).min();
        let least = if self.gateways.is_stuck(self.now) { self.now + 1 } else { self.now };
        next.map_or(until, |next| next.clamp(least, until.max(least)))
    }

    fn advance(&mut self, until: u64) -> Result<(), StartError> {
        loop {
            let next = self.next(until);
            if next >= until {
                self.now = until;
                self.log.set_now(until);
                return Ok(());
            }
            self.now = next;
            self.log.set_now(next);
            while let Some(act) = self.schedule.pop(self.now) {
                self.act(act)?;
            }
            self.fire_timers();
            self.backend.lock().answer_due(self.now);
            self.network.carry_up(self.now, &mut self.random);
            self.turn();
            self.deliver();
            self.network.remove_closed();
        }
    }

    /// Runs turns of the gateways until all are idle.
    fn turn(&mut self) {
        loop {
            let has_worked = self.gateways.turn(self.now);
            let may_go_on = self.network.collect_turn(self.now, &mut self.random);
            if !(has_worked || may_go_on) || self.gateways.are_turns_too_many(self.now) {
                return;
            }
        }
    }

    /// Delivers arrived bytes to clients, lets them act, and sends their output.
    fn deliver(&mut self) {
        let mut arrived = Vec::new();
        for at in 0..self.network.len() {
            let attempt = self.network.carry_down(at, self.now, &mut self.random, &mut arrived);
            if arrived.is_empty() {
                continue;
            }
            let actor = self.actors.iter().position(|actor| actor.attempt == Some(attempt));
            for arrived in arrived.drain(..) {
                match actor {
                    Some(actor) => self.receive(actor, attempt, arrived),
                    None => self.receive_attacker(attempt, arrived),
                }
            }
        }
        self.fire_timers();
    }

    fn receive(&mut self, actor: usize, attempt: Attempt, arrived: Arrived) {
        let actor_now = &mut self.actors[actor];
        if actor_now.attempt != Some(attempt) {
            return;
        }
        match arrived {
            Arrived::Open => actor_now.client.handle_connected(self.now),
            Arrived::Bytes(bytes) => actor_now.client.handle_bytes(self.now, &bytes),
            Arrived::Lane(lane, bytes) => actor_now.client.handle_lane(self.now, lane, &bytes),
            Arrived::Datagram(bytes) => actor_now.client.handle_datagram(self.now, &bytes),
            Arrived::Closed => {
                actor_now.attempt = None;
                actor_now.client.handle_disconnected(self.now);
            }
            Arrived::Invalid => {
                self.log
                    .record(Event::InvalidInput { attempt, what: "bytes that are not WebSocket" });
            }
        }
        self.take_output(actor);
    }

    /// Runs expired timers of clients, and carries out their requests.
    fn fire_timers(&mut self) {
        for actor in 0..self.actors.len() {
            let Actor { client, is_over, .. } = &mut self.actors[actor];
            if !*is_over && client.poll_timeout().is_some_and(|due| due <= self.now) {
                client.handle_timeout(self.now);
                self.take_output(actor);
            }
        }
    }

    /// Takes a client's output and requests.
    fn take_output(&mut self, actor: usize) {
        let mut requests = Vec::new();
        loop {
            while let Some(bytes) = self.actors[actor].client.poll_transmit() {
                self.transmit(actor, &bytes);
            }
            self.actors[actor].client.poll_requests(&mut requests);
            if requests.is_empty() {
                return;
            }
            for request in requests.drain(..) {
                self.carry_out(actor, request);
            }
        }
    }

    fn carry_out(&mut self, actor: usize, request: Request) {
        match request {
            Request::Dial => self.dial(actor),
            Request::HangUp => self.hang_up(actor),
            Request::KeepTicket(ticket) => {
                if let Some(attempt) = self.actors[actor].attempt {
                    self.actors[actor].opened = Some(attempt);
                    self.attacker.record_ticket(ticket, attempt);
                }
            }
            Request::End => self.replace_later(actor),
        }
    }

    fn is_at_rest(&self, quiet: u64) -> bool {
        let is_done = |actor: &Actor| {
            !actor.is_over && actor.client.standing().is_some() && !actor.client.has_unanswered()
        };
        self.actors.iter().all(is_done) && self.now >= self.log.last_entry_at() + quiet
    }

    /// Ends all faults.
    fn heal(&mut self) {
        self.log.record(Event::Healed);
        self.is_healed = true;
        self.schedule.heal();
        self.backend.lock().heal();
        self.network.heal(self.now);
        for attempt in self.attacker.disconnect() {
            self.network.leave(self.now, attempt, Some(Ending::Reset), &mut self.random);
        }
        // Pending input is read, even if no other event follows.
        self.turn();
    }

    /// Records the open sessions, and stops all gateways.
    fn finish(&mut self) {
        for actor in &self.actors {
            let client = actor.participant.identity.client;
            self.log.record(match actor.client.standing() {
                Some(attempt) => Event::Stands { client, attempt },
                None => Event::Stranded { client },
            });
        }
        self.log.record(Event::Rested);
        self.gateways.drain_all(Duration::from_secs(2));
        for _ in 0..2_000 {
            self.turn();
            self.gateways.remove_stopped();
            let Some(next) = self.gateways.next() else { break };
            self.now = next.max(self.now + 1);
            self.log.set_now(self.now);
        }
        self.gateways.record_livelock();
        self.backend.lock().clear();
    }
}
