//! Gateways of a run: one that accepts connections, and possibly a previous one that drains.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use comet::StartError;
use comet::simulation::{Endpoint, Listener, Simulation};
use parking_lot::Mutex;

use crate::contract;
use crate::history::{Attempt, Log, What};
use crate::plan::Limits;
use crate::router::{Desk, SimRouter};

/// Turns at one point in time, more than any amount of work needs.
const TURNS: usize = 2_000;

/// A gateway, with its offset to the world's time.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) simulation: Simulation,
    pub(super) number: u32,
    began: u64,
    is_over_budget: bool,
}

impl Host {
    pub(super) fn new(
        now: u64,
        number: u32,
        limits: &Limits,
        desk: &Arc<Mutex<Desk>>,
        seed: u64,
    ) -> Result<Self, StartError> {
        let router = SimRouter { gateway: number, desk: Arc::clone(desk) };
        let simulation = Simulation::new(contract::config(limits), router, seed)?;
        Ok(Self { simulation, number, began: now, is_over_budget: false })
    }

    /// Time of the next turn.
    pub(super) fn next(&self) -> Option<u64> {
        self.simulation.next_timeout().map(|at| at + self.began)
    }

    pub(super) fn connect(&mut self, attempt: Attempt, is_websocket: bool) -> Endpoint {
        let listener = if is_websocket { Listener::WebSocket } else { Listener::Tcp };
        let [_, _, high, low] = attempt.0.to_be_bytes();
        let remote = SocketAddr::from((Ipv4Addr::new(10, 0, high, low), 4_000));
        self.simulation.connect(listener, remote)
    }

    /// Runs one turn; false if there was nothing to do.
    pub(super) fn turn(&mut self, now: u64, limits: &Limits, log: &Log) -> bool {
        self.simulation.advance_to(now - self.began);
        if !self.simulation.turn() {
            return false;
        }
        let memory = contract::memory(&self.simulation.gateway().stats());
        let budget = limits.memory_budget as u64;
        if memory > budget && !self.is_over_budget {
            self.is_over_budget = true;
            log.note(What::OverBudget { memory, budget });
        }
        true
    }
}

/// Counts the turns at one point in time.
#[derive(Debug, Default)]
pub(super) struct Turns {
    moment: u64,
    count: usize,
}

impl Turns {
    /// Whether the limit of turns is reached, once per point in time.
    pub(super) const fn are_too_many(&mut self, now: u64) -> bool {
        if self.moment != now {
            (self.moment, self.count) = (now, 0);
        }
        self.count += 1;
        self.count == TURNS
    }

    /// Whether time must advance.
    pub(super) const fn is_stuck(&self, now: u64) -> bool {
        self.moment == now && self.count >= TURNS
    }
}
