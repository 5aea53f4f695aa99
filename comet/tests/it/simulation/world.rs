//! A simulated gateway, and peers who write and read every byte themselves.

use std::net::SocketAddr;
use std::sync::Arc;

use comet::simulation::{Endpoint, Listener, Simulation};
use comet::{Config, SessionId};
use comet_testkit::frame::{Frame, Wire, auth, frame};
use comet_testkit::websocket::{self, BINARY, CLOSE, FIN, PING};

use crate::support::log::{Event, Log};
use crate::support::router::TestRouter;

/// More turns than any test has to wait for.
const MANY: usize = 10_000;

/// A gateway and its clock.
pub(crate) struct World {
    pub(crate) simulation: Simulation,
    pub(crate) log: Arc<Log>,
}

/// A peer whose network is fast and whole unless a test says otherwise.
pub(crate) struct Peer {
    pub(crate) end: Endpoint,
    listener: Listener,
    /// Bytes from the gateway that are not looked at yet.
    pub(crate) unread: Vec<u8>,
}

/// Few shards and small buffers.
pub(crate) fn config(shards: usize) -> Config {
    Config::default().shards(shards).memory(|it| it.read_buffer = 16 * 1024)
}

impl World {
    pub(crate) fn new(config: Config, seed: u64) -> Self {
        Self::with(config, TestRouter::new(), seed)
    }

    pub(crate) fn with(config: Config, router: TestRouter, seed: u64) -> Self {
        let log = Arc::clone(&router.log);
        let simulation = Simulation::new(config, router, seed).expect("a configuration");
        Self { simulation, log }
    }

    /// Turns until nothing is to be done now. How many that were.
    pub(crate) fn settle(&mut self) -> usize {
        let turns = (0..MANY).take_while(|_| self.simulation.turn()).count();
        assert!(turns < MANY, "a shard that never rests");
        turns
    }

    /// Lets time pass until a moment, with every turn that shards want on the way. How many turns
    /// that were.
    pub(crate) fn run_until(&mut self, micros: u64) -> usize {
        let mut turns = self.settle();
        while let Some(at) = self.simulation.next_timeout().filter(|&at| at <= micros) {
            self.simulation.advance_to(at);
            turns += self.settle();
            assert!(turns < MANY, "a shard that never rests");
        }
        self.simulation.advance_to(micros);
        turns
    }

    /// Connects a peer; over WebSocket it is upgraded.
    pub(crate) fn connect(&mut self, listener: Listener) -> Peer {
        let remote: SocketAddr = "10.1.2.3:4567".parse().unwrap();
        let end = self.simulation.connect(listener, remote);
        let mut peer = Peer { end, listener, unread: Vec::new() };
        if listener == Listener::WebSocket {
            peer.write(self, websocket::request("/sub", "").as_bytes());
            peer.read();
            let end = peer.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            let head: Vec<u8> = peer.unread.drain(..end.expect("a response") + 4).collect();
            websocket::check_upgraded(&String::from_utf8(head).unwrap());
        }
        peer
    }

    /// Connects a peer that has a session.
    pub(crate) fn join(&mut self, listener: Listener, token: &str, rooms: &str) -> Peer {
        let mut peer = self.connect(listener);
        peer.say(self, &auth(1, token, rooms));
        assert_eq!(peer.frames(), [frame(2, 1, b"")]);
        peer
    }

    /// The same for a device that may have a session already; what it is sent is not looked at.
    pub(crate) fn join_again(&mut self, listener: Listener, token: &str) -> Peer {
        let mut peer = self.connect(listener);
        peer.say(self, &auth(1, token, ""));
        peer
    }

    pub(crate) fn session(&self, user: &str) -> SessionId {
        self.log.peer(user).session()
    }

    /// What the router was told, in short.
    pub(crate) fn events(&self) -> Vec<String> {
        self.log.so_far(|event| Some(format!("{event:?}")))
    }

    /// Why the session of a user ended, if it has.
    pub(crate) fn ended_as(&self, user: &str) -> Option<comet::Closed> {
        let ends = self.log.so_far(|event| match event {
            Event::Disconnected(peer, closed) if peer.user() == user => Some(closed.clone()),
            _ => None,
        });
        ends.into_iter().next()
    }
}

impl Peer {
    /// The bytes of a frame on this peer's wire.
    pub(crate) fn encode(&self, frame: &Frame) -> Vec<u8> {
        let bytes = Wire::Dtalk.bytes(frame);
        match self.listener {
            Listener::Tcp => bytes,
            Listener::WebSocket | Listener::Raw => websocket::masked(FIN | BINARY, &bytes),
        }
    }

    /// Sends a frame and gives the gateway time for it.
    pub(crate) fn say(&mut self, world: &mut World, frame: &Frame) {
        let bytes = self.encode(frame);
        self.write(world, &bytes);
    }

    /// Sends bytes and gives the gateway time for them.
    pub(crate) fn write(&mut self, world: &mut World, bytes: &[u8]) {
        assert_eq!(self.end.write(bytes), bytes.len(), "room for all");
        world.settle();
    }

    /// Reads everything there is.
    pub(crate) fn read(&mut self) -> usize {
        self.end.read(&mut self.unread, usize::MAX)
    }

    /// Every whole frame there is. Anything else on a WebSocket is a fault, but for pings, which
    /// are not answered, and a goodbye.
    pub(crate) fn frames(&mut self) -> Vec<Frame> {
        self.read();
        let mut frames = Vec::new();
        while let Some(packet) = self.packet() {
            frames.push(Wire::Dtalk.parse(&packet));
        }
        frames
    }

    fn packet(&mut self) -> Option<Vec<u8>> {
        if self.listener == Listener::Tcp {
            let len = Wire::Dtalk.packet_len(&self.unread)?;
            return (self.unread.len() >= len).then(|| self.unread.drain(..len).collect());
        }
        loop {
            if self.unread.first() == Some(&(FIN | CLOSE)) {
                return None;
            }
            let message = websocket::take(&mut self.unread)?;
            if message.first != FIN | PING {
                assert_eq!(message.first, FIN | BINARY, "a message");
                return Some(message.payload);
            }
        }
    }
}
