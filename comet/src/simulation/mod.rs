//! A gateway on virtual sockets and virtual time, for tests determined by one seed.
//!
//! A [`Simulation`] is all of the gateway but its threads: listeners, upgrades, frames, mailboxes,
//! timers, parking and draining are the code that runs in production. Nothing happens by itself.
//! The caller decides when time passes, when a shard has a turn, and which bytes cross a connection
//! in which portions, and so can cut a connection at any byte; all other choices follow from the
//! seed. The same calls with the same seed, and a deterministic router, give the same bytes.
//!
//! ```
//! # use comet::{Connect, ConnectReply, Gateway, Identity, Message, Peer, Receipt, Router};
//! use comet::simulation::{Listener, Simulation};
//!
//! # struct Echo;
//! # impl Router for Echo {
//! #     fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
//! #         reply.accept(Identity::new(request.app, request.token));
//! #     }
//! #     fn receive(&self, _: &Gateway, _: &Peer, message: Message, receipt: Receipt) {
//! #         receipt.ack(message.body);
//! #     }
//! # }
//! let config = comet::Config::default().shards(2).memory(|it| it.read_buffer = 16 * 1024);
//! let mut simulation = Simulation::new(config, Echo, 42)?;
//! let mut peer = simulation.connect(Listener::Tcp, "10.0.0.1:4000".parse()?);
//! while simulation.turn() {}
//! assert_eq!(simulation.gateway().stats().connections, 1);
//!
//! // Whoever says nothing is sent away.
//! while !peer.is_closed() {
//!     simulation.advance_to(simulation.next_timeout().expect("a deadline"));
//!     while simulation.turn() {}
//!     if peer.is_shutdown() {
//!         peer.shutdown();
//!     }
//! }
//! assert!(simulation.now() >= 8_000_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A panic of the router, a failed assertion in it for instance, ends a session and is counted in
//! [`Stats::router_panics`](crate::Stats::router_panics), as in production.
//!
//! Not here: peers, and the network between them and the gateway.

mod chance;
mod endpoint;
mod forwarding;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::StartError;
use crate::config::Config;
use crate::gateway::Dispatch;
use crate::gateway::Gateway;
use crate::gateway::Router;
use crate::keyed::Keyed;
use crate::listen::Profile;
use crate::pings::Intervals;
use crate::shard::board::Board;
use crate::shard::clock::Clock;
use crate::shard::poller::{Events, Poller};
use crate::shard::simulated::{Backlog, Door, VirtualTime, Wire};
use crate::shard::sink::Sink;
use crate::shard::transport::Acceptor;
use crate::shard::{self, Shard, Shared, StopAtEnd};
use chance::Chance;
pub use endpoint::Endpoint;
pub use forwarding::swallowed_calls;

/// A gateway without threads, sockets and a clock.
pub struct Simulation {
    gateway: Gateway,
    time: Arc<VirtualTime>,
    /// `None` once drained.
    shards: Vec<Option<Running>>,
    chance: Chance,
    events: Events,
}

/// Listener that a connection is made to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Listener {
    /// [`Listen::tcp`](crate::Listen::tcp).
    Tcp,
    /// [`Listen::websocket`](crate::Listen::websocket), under `/sub`; with the feature `deflate` it
    /// agrees to permessage-deflate.
    WebSocket,
    /// The same for [`Dialect::Raw`](crate::Dialect::Raw), under any path.
    Raw,
}

struct Running {
    /// Dropped first, as at the end of a thread.
    _stop: StopAtEnd,
    shard: Shard,
    doors: [Door; 3],
}

impl Simulation {
    /// A gateway of [`Config::shards`] shards, at time 0, with one listener of each kind.
    ///
    /// # Errors
    ///
    /// [`StartError`] when a value of the configuration is invalid.
    pub fn new<R: Router>(config: Config, router: R, seed: u64) -> Result<Self, StartError> {
        config.validate()?;
        let mut chance = Chance::new(seed);
        let time = Arc::new(VirtualTime::new());
        let pollers: Vec<Poller> =
            (0..config.shards).map(|_| Poller::Virtual(Arc::new(Board::simulated()))).collect();
        let clock = Clock::Virtual(Arc::clone(&time));
        let intervals = Intervals::new(&config.ping, [None; 3]);
        let shared = Shared::new(config, intervals, clock, Keyed::Seed(chance.next()), &pollers);
        let shared = Arc::new(shared.map_err(StartError::Shard)?);
        let gateway = Gateway::new(Arc::clone(&shared), Vec::new());
        let sink: Arc<dyn Sink> = Arc::new(Dispatch::new(router, gateway.clone()));
        let run = |(index, poller)| {
            Some(Running::new(index, Arc::clone(&shared), Arc::clone(&sink), poller))
        };
        let shards = pollers.into_iter().enumerate().map(run).collect();
        Ok(Self { gateway, time, shards, chance, events: Events::with_capacity(1) })
    }

    /// The handle of the gateway. [`wait`](Gateway::wait) has no threads to wait for,
    /// [`addresses`](Gateway::addresses) is empty, and real connections passed to
    /// [`adopt`](Gateway::adopt) are closed.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Microseconds since the start.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.time.micros()
    }

    /// Advances time to `micros`, unless that is past. Timers that are due fire in the next
    /// [`turn`](Self::turn).
    pub fn advance_to(&mut self, micros: u64) {
        self.time.advance_to(micros);
    }

    /// Steps the wall clock forward or back, as an administrator or a time server may. Virtual time
    /// is not affected.
    pub fn step_wall_clock(&mut self, millis: i64) {
        self.time.step_wall_clock(millis);
    }

    /// Connects a peer, to be accepted by one of the shards. The connection is reset if none
    /// listens any more.
    pub fn connect(&mut self, listener: Listener, remote: SocketAddr) -> Endpoint {
        let wire = Wire::new(remote);
        let running = self.shards.iter().flatten();
        let doors = running.map(|running| &running.doors[listener as usize]);
        let open: Vec<&Door> = doors.filter(|door| door.is_open()).collect();
        if open.is_empty() {
            wire.refuse();
        } else {
            open[self.chance.below(open.len())].knock(&wire);
        }
        Endpoint::new(wire)
    }

    /// Gives one turn to each shard that has something to do now, starting with a random one.
    /// Returns whether there was one; effects on other shards may make another turn necessary.
    pub fn turn(&mut self) -> bool {
        let count = self.shards.len();
        let first = self.chance.below(count);
        let mut any = false;
        for index in (first..count).chain(0..first) {
            let Some(running) = &mut self.shards[index] else { continue };
            if running.is_idle() {
                continue;
            }
            any = true;
            if running.turn(&mut self.events) {
                self.shards[index] = None;
            }
        }
        any
    }

    /// Time at which a shard needs its next turn if nothing happens before: now, if one has
    /// something to do already.
    #[must_use]
    pub fn next_timeout(&self) -> Option<u64> {
        let now = self.time.micros();
        let wait = |running: &Running| {
            if !running.is_idle() {
                return Some(now);
            }
            let micros = u64::try_from(running.shard.timeout()?.as_micros());
            Some(now.saturating_add(micros.unwrap_or(u64::MAX)))
        };
        self.shards.iter().flatten().filter_map(wait).min()
    }

    /// Whether every shard has been drained.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.shards.iter().all(Option::is_none)
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (now, shards) = (self.now(), self.shards.len());
        f.debug_struct("Simulation")
            .field("now", &now)
            .field("shards", &shards)
            .finish_non_exhaustive()
    }
}

impl Running {
    fn new(index: usize, shared: Arc<Shared>, sink: Arc<dyn Sink>, poller: Poller) -> Self {
        let (tcp, tcp_door) = Backlog::new();
        let (websocket, websocket_door) = Backlog::new();
        let (raw, raw_door) = Backlog::new();
        let listeners = vec![
            shard::Listener::new(Acceptor::Virtual(tcp), Profile::tcp()),
            shard::Listener::new(Acceptor::Virtual(websocket), Profile::simulated()),
            shard::Listener::new(Acceptor::Virtual(raw), Profile::raw()),
        ];
        let mut shard = Shard::new(index, shared, sink, poller, listeners);
        shard.listen();
        Self { _stop: shard.stop_at_end(), shard, doors: [tcp_door, websocket_door, raw_door] }
    }

    fn is_idle(&self) -> bool {
        !self.shard.has_events() && self.shard.timeout().is_none_or(|wait| !wait.is_zero())
    }

    /// Returns whether it was the last turn.
    fn turn(&mut self, events: &mut Events) -> bool {
        let failed = self.shard.step(events).is_err();
        failed || self.shard.is_drained()
    }
}
