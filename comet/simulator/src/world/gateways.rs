//! Gateways of a run: one that accepts connections, and previous ones that drain.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use comet::simulation::{Listener, Simulation};
use comet::{Gateway, StartError};
use parking_lot::Mutex;

use crate::history::{Attempt, Event, Log, Transport};
use crate::mapping;
use crate::network::{Endpoint, LanesEndpoint};
use crate::plan::Limits;
use crate::random::Random;
use crate::router::{Backend, SimRouter};

/// Turns at one point in time, more than any amount of work needs.
const TURNS: usize = 2_000;

/// The gateways, with the same limits and one wall clock.
#[derive(Debug)]
pub(super) struct Gateways {
    limits: Limits,
    log: Log,
    backend: Arc<Mutex<Backend>>,
    hosts: Vec<Host>,
    turns: Turns,
    /// Sum of all steps of the wall clock, in milliseconds.
    clock_steps: i64,
}

/// A gateway, with its offset to the world's time.
#[derive(Debug)]
struct Host {
    simulation: Simulation,
    number: u32,
    began: u64,
    is_over_budget: bool,
}

impl Gateways {
    pub(super) fn new(limits: Limits, log: Log, backend: Arc<Mutex<Backend>>) -> Self {
        let (hosts, turns, clock_steps) = (Vec::new(), Turns::default(), 0);
        Self { limits, log, backend, hosts, turns, clock_steps }
    }

    /// Starts another gateway, which gets all new connections.
    ///
    /// # Errors
    ///
    /// [`StartError`] if the gateway rejects the limits.
    pub(super) fn start(&mut self, now: u64, random: &mut Random) -> Result<(), StartError> {
        let number = u32::try_from(self.hosts.len()).unwrap_or(u32::MAX);
        let ttl = self.limits.timeouts.resume_ttl.as_micros();
        self.log
            .record(Event::Began { gateway: number, ttl: u64::try_from(ttl).unwrap_or(u64::MAX) });
        let router = SimRouter { gateway: number, backend: Arc::clone(&self.backend) };
        let config = mapping::config(&self.limits);
        let mut simulation = Simulation::new(config, router, random.next())?;
        // All gateways share the same wall clock.
        let passed = i64::try_from(now / 1_000).unwrap_or(i64::MAX);
        simulation.step_wall_clock(passed.saturating_add(self.clock_steps));
        self.hosts.push(Host { simulation, number, began: now, is_over_budget: false });
        Ok(())
    }

    /// The gateway that gets new connections, and its number.
    pub(super) fn newest(&self) -> Option<(u32, &Gateway)> {
        self.hosts.last().map(|host| (host.number, host.simulation.gateway()))
    }

    /// Connects to the newest gateway.
    pub(super) fn connect(&mut self, attempt: Attempt, transport: Transport) -> Endpoint {
        let [_, _, high, low] = attempt.0.to_be_bytes();
        let remote = SocketAddr::from((Ipv4Addr::new(10, 0, high, low), 4_000));
        let newest = self.hosts.len() - 1;
        let simulation = &mut self.hosts[newest].simulation;
        match transport {
            Transport::Tcp => Endpoint::Wire(simulation.connect(Listener::Tcp, remote)),
            Transport::WebSocket => Endpoint::Wire(simulation.connect(Listener::WebSocket, remote)),
            Transport::Lanes => {
                Endpoint::Lanes(LanesEndpoint::connect(simulation.gateway(), remote))
            }
        }
    }

    /// Time of the next turn.
    pub(super) fn next(&self) -> Option<u64> {
        self.hosts.iter().filter_map(Host::next).min()
    }

    /// Runs one turn of each; false if there was nothing to do.
    pub(super) fn turn(&mut self, now: u64) -> bool {
        let mut any = false;
        for host in &mut self.hosts {
            any |= host.turn(now, self.limits.memory_budget as u64, &self.log);
        }
        any
    }

    /// Whether the limit of turns is reached, once per point in time, which is recorded.
    pub(super) fn are_turns_too_many(&mut self, now: u64) -> bool {
        let are_too_many = self.turns.are_too_many(now);
        if are_too_many {
            self.record_livelock();
        }
        are_too_many
    }

    /// Whether time must advance.
    pub(super) const fn is_stuck(&self, now: u64) -> bool {
        self.turns.is_stuck(now)
    }

    pub(super) fn step_clock(&mut self, millis: i64) {
        self.log.record(Event::ClockStepped { millis });
        self.clock_steps += millis;
        self.hosts.iter_mut().for_each(|host| host.simulation.step_wall_clock(millis));
    }

    /// Drains the newest gateway.
    pub(super) fn drain_newest(&self, within: Duration) {
        if let Some((gateway, handle)) = self.newest() {
            self.log.record(Event::Drained { gateway });
            handle.drain(within);
        }
    }

    /// Drains all gateways, as the last act of a run.
    pub(super) fn drain_all(&self, within: Duration) {
        self.hosts.iter().for_each(|host| host.simulation.gateway().drain(within));
    }

    /// Lets go of gateways that have stopped.
    pub(super) fn remove_stopped(&mut self) {
        self.hosts.retain(|host| !host.simulation.is_stopped());
    }

    /// Records that a gateway does not come to rest, if there is one.
    pub(super) fn record_livelock(&self) {
        if let Some(host) = self.hosts.first() {
            self.log.record(Event::Livelock { gateway: host.number });
        }
    }
}

impl Host {
    /// Time of the next turn.
    fn next(&self) -> Option<u64> {
        self.simulation.next_timeout().map(|at| at + self.began)
    }

    /// Runs one turn; false if there was nothing to do.
    fn turn(&mut self, now: u64, budget: u64, log: &Log) -> bool {
        self.simulation.advance_to(now - self.began);
        if !self.simulation.turn() {
            return false;
        }
        let memory = mapping::memory(&self.simulation.gateway().stats());
        if memory > budget && !self.is_over_budget {
            self.is_over_budget = true;
            log.record(Event::OverBudget { memory, budget });
        }
        true
    }
}

/// Counts the turns at one point in time.
#[derive(Debug, Default)]
struct Turns {
    moment: u64,
    count: usize,
}

impl Turns {
    /// Whether the limit of turns is reached, once per point in time.
    const fn are_too_many(&mut self, now: u64) -> bool {
        if self.moment != now {
            (self.moment, self.count) = (now, 0);
        }
        self.count += 1;
        self.count == TURNS
    }

    /// Whether time must advance.
    const fn is_stuck(&self, now: u64) -> bool {
        self.moment == now && self.count >= TURNS
    }
}
