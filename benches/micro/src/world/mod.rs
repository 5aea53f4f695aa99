//! A gateway of one shard in memory, with peers to which writes cost nothing.
//!
//! Time stands still: figures cover work caused by sessions, not by clocks.

mod peer_dialect;
mod room;

use std::net::SocketAddr;

use comet::simulation::{Endpoint, Simulation};
use comet::{
    Config, Connect, ConnectReply, Delivery, Gateway, Identity, Message, Peer, Receipt, Router,
};
pub use peer_dialect::PeerDialect;
pub(crate) use peer_dialect::request;
pub use room::BusyRoom;

/// The seed, the same in every run on every machine.
const SEED: u64 = 42;

/// A gateway without a network.
#[derive(Debug)]
pub struct World {
    simulation: Simulation,
}

/// Accepts every peer into the rooms that it names, and echoes every message.
struct EchoRouter;

impl Router for EchoRouter {
    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        let identity = if request.token.is_empty() {
            Identity::anonymous()
        } else {
            Identity::new(request.app, request.token)
        };
        let path = request.upgrade.as_ref().map(|upgrade| upgrade.path().trim_start_matches('/'));
        let named = std::str::from_utf8(&request.ext).unwrap_or_default();
        let rooms = path.unwrap_or(named).split(',').filter(|room| !room.is_empty());
        reply.accept(rooms.fold(identity, Identity::room));
    }

    fn receive(&self, _: &Gateway, _: &Peer, message: Message, receipt: Receipt) {
        receipt.ack(message.body);
    }
}

impl World {
    /// A gateway without peers.
    ///
    /// # Panics
    ///
    /// Never: no secret is requested from the system.
    #[must_use]
    pub fn new() -> Self {
        Self::with(|config| config)
    }

    /// The same with other settings.
    ///
    /// # Panics
    ///
    /// When a setting is invalid.
    #[must_use]
    pub fn with(change: impl FnOnce(Config) -> Config) -> Self {
        let config = Config::default().shards(1).limits(|it| it.max_connections = usize::MAX);
        let config = change(config);
        let simulation =
            Simulation::new(config, EchoRouter, SEED).expect("the configuration is valid");
        Self { simulation }
    }

    /// The handle of the gateway.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        self.simulation.gateway()
    }

    /// A connection with all input written that opens a session in these rooms, separated by
    /// commas. The gateway reads it in its next turns.
    pub fn connect(&mut self, dialect: PeerDialect, user: &str, rooms: &str) -> Endpoint {
        let remote = SocketAddr::from(([10, 0, 0, 1], 4_000));
        let mut end = self.simulation.connect(dialect.listener(), remote);
        end.write(&dialect.opening(user, rooms));
        end
    }

    /// Turns until the gateway is idle.
    pub fn run_until_idle(&mut self) {
        while self.simulation.turn() {}
    }

    /// Publishes to a room, and turns until written to all members.
    pub fn publish(&mut self, room: &str, delivery: Delivery) {
        let taken = self.gateway().publish(room, delivery);
        debug_assert!(taken.is_ok(), "{taken:?}");
        self.run_until_idle();
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
