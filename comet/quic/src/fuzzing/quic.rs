//! A connection after its handshake, and packets with whatever frames in them.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use comet::{Connect, ConnectReply, Gateway, Identity, Message, Peer, Receipt, Router};
use quinn_proto::{
    ClientConfig, ConnectionHandle, DatagramEvent, Endpoint, EndpointConfig, ServerConfig,
    Transmit, TransportConfig,
};

use super::plain::Plain;
use crate::clock;
use crate::config::Config;
use crate::connection::{Connection, Surroundings};
use crate::counters::Counters;
use crate::driver::ids::{self, Ids};
use crate::inbox::Inbox;
use crate::tls::{COMET, HTTP3};

/// Datagrams that one event may cause: more are a loop.
const ANSWERS: usize = 1_000;

/// First number of the packets that are written here.
const NUMBER: u32 = 1_000;

/// What the first byte of a piece of input says, beside how much time passes before it.
const ELSEWHERE: u8 = 4;
const GARBAGE: u8 = 8;

/// Takes a byte that chooses the application protocol, and pieces: a byte of choices, a length, and
/// so many bytes of frames, or of a datagram that is no packet. Holds to: nothing that a client
/// sends is a panic or is answered without end, what is kept of it is bounded, and a connection
/// that falls silent is gone in time.
pub fn quic(data: &[u8]) {
    let Some((&protocol, mut rest)) = data.split_first() else { return };
    let mut world = World::new(if protocol & 1 == 0 { HTTP3 } else { COMET });
    while let Some((&choices, piece)) = rest.split_first() {
        let Some((&len, piece)) = piece.split_first() else { break };
        let (piece, left) = piece.split_at(piece.len().min(len.into()));
        rest = left;
        world.pass(Duration::from_millis([0, 10, 1_000, 20_000][usize::from(choices & 3)]));
        let from = if choices & ELSEWHERE == 0 { HERE } else { THERE };
        if choices & GARBAGE == 0 {
            world.packet(from, piece);
        } else {
            world.datagram(from, piece.into());
        }
    }
    world.ends();
}

const SERVER: SocketAddr = at(1);
const HERE: SocketAddr = at(2);
const THERE: SocketAddr = at(3);

const fn at(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port)
}

/// Accepts every token.
struct Anybody;

impl Router for Anybody {
    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        reply.accept(Identity::new(request.app, request.token));
    }

    fn receive(&self, _: &Gateway, _: &Peer, message: Message, receipt: Receipt) {
        receipt.ack(message.body);
    }
}

/// What outlives a connection: a gateway with one shard, and the way to a thread that is not there.
struct Ground {
    gateway: Gateway,
    inbox: Arc<Inbox>,
    counters: Counters,
    _poll: mio::Poll,
}

fn ground() -> &'static Ground {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    #[expect(clippy::expect_used, reason = "a target without a gateway has nothing to try")]
    GROUND.get_or_init(|| {
        let config = comet::Config::default().shards(1);
        let gateway = Gateway::builder(Anybody).config(config).start().expect("a gateway");
        let poll = mio::Poll::new().expect("a poll");
        let waker = mio::Waker::new(poll.registry(), mio::Token(0)).expect("a waker");
        let inbox = Arc::new(Inbox::new(waker));
        Ground { gateway, inbox, counters: Counters::default(), _poll: poll }
    })
}

/// A server with a connection, and a client that has made it.
struct World {
    now: Instant,
    config: Config,
    server: Endpoint,
    connection: Option<(ConnectionHandle, Connection)>,
    /// The id by which the client names the connection.
    id: Vec<u8>,
    number: u32,
}

impl World {
    fn new(protocol: &'static [u8]) -> Self {
        let config = Config::default();
        let crypto = Arc::new(Plain(protocol));
        let mut server = ServerConfig::with_crypto(Arc::clone(&crypto) as Arc<_>);
        server.transport_config(config.transport());
        let mut settings = EndpointConfig::default();
        settings.cid_generator(|| Box::new(Ids::new(0)));
        let server = Endpoint::new(Arc::new(settings), Some(Arc::new(server)), true, None);
        let (connection, id) = (None, Vec::new());
        let mut world = Self { now: clock::now(), config, server, connection, id, number: NUMBER };
        let mut client = ClientConfig::new(crypto);
        let mut transport = TransportConfig::default();
        // The server alone says when a silent connection is gone.
        transport.max_idle_timeout(None);
        client.transport_config(Arc::new(transport));
        world.shake_hands(client);
        world
    }

    /// A client of quinn comes in.
    fn shake_hands(&mut self, config: ClientConfig) {
        let mut client = Endpoint::new(Arc::new(EndpointConfig::default()), None, true, None);
        let connected = client.connect(self.now, config, SERVER, "gateway.test");
        let Ok((handle, mut connection)) = connected else { panic!("no handshake is begun") };
        for _ in 0..10 {
            let mut buffer = Vec::new();
            while let Some(sent) = connection.poll_transmit(self.now, 1, &mut buffer) {
                let datagram = std::mem::take(&mut buffer);
                // Behind the version in a long header; in the first packet it is the client's own.
                let from = if datagram[0] & 0x80 == 0 { 1 } else { 6 };
                self.id = datagram[from..from + ids::LEN].to_vec();
                for answer in self.datagram(HERE, datagram[..sent.size].into()) {
                    let bytes = BytesMut::from(&answer[..]);
                    let event = client.handle(self.now, SERVER, None, None, bytes, &mut buffer);
                    if let Some(DatagramEvent::ConnectionEvent(_, event)) = event {
                        connection.handle_event(event);
                    }
                }
                while let Some(event) = connection.poll_endpoint_events() {
                    if let Some(event) = client.handle_event(handle, event) {
                        connection.handle_event(event);
                    }
                }
                while connection.poll().is_some() {}
                buffer.clear();
            }
        }
        let connection = self.connection.as_ref();
        assert!(connection.is_some_and(|(_, it)| !it.is_handshaking()), "a handshake");
    }

    /// A packet with these frames comes, and is answered.
    fn packet(&mut self, from: SocketAddr, frames: &[u8]) {
        self.number += 1;
        // A short header with a number of four bytes.
        let datagram = [&[0x43], &self.id[..], &self.number.to_be_bytes(), frames].concat();
        self.datagram(from, datagram[..].into());
    }

    /// A datagram comes; the answers.
    fn datagram(&mut self, from: SocketAddr, bytes: BytesMut) -> Vec<Vec<u8>> {
        let mut buffer = Vec::new();
        match self.server.handle(self.now, from, None, None, bytes, &mut buffer) {
            Some(DatagramEvent::ConnectionEvent(_, event)) => {
                if let Some((_, connection)) = &mut self.connection {
                    connection.handle(event);
                }
            }
            Some(DatagramEvent::NewConnection(incoming)) if self.connection.is_none() => {
                let accepted = self.server.accept(incoming, self.now, &mut buffer, None);
                if let Ok((handle, quic)) = accepted {
                    let deadline = self.now + self.config.deadline;
                    let connection = Connection::new(quic, handle, None, deadline);
                    self.connection = Some((handle, connection));
                }
            }
            Some(DatagramEvent::NewConnection(incoming)) => self.server.ignore(incoming),
            Some(DatagramEvent::Response(_)) | None => {}
        }
        self.drive()
    }

    /// The connection does what it can, as in its thread; the datagrams that it sends.
    fn drive(&mut self) -> Vec<Vec<u8>> {
        let Some((handle, connection)) = &mut self.connection else { return Vec::new() };
        let ground = ground();
        connection.drive(&mut Surroundings {
            now: self.now,
            gateway: &ground.gateway,
            config: &self.config,
            counters: &ground.counters,
            inbox: &ground.inbox,
            pieces: &mut Vec::new(),
        });
        connection.check();
        let mut is_drained = false;
        while let Some(event) = connection.poll_endpoint() {
            is_drained |= event.is_drained();
            if let Some(answer) = self.server.handle_event(*handle, event) {
                connection.handle(answer);
            }
        }
        let mut sent = Vec::new();
        let mut buffer = Vec::new();
        while let Some(Transmit { size, .. }) = connection.poll_transmit(self.now, 1, &mut buffer) {
            buffer.truncate(size);
            sent.push(std::mem::take(&mut buffer));
            assert!(sent.len() < ANSWERS, "datagrams without end");
        }
        if is_drained {
            self.connection = None;
        }
        sent
    }

    /// Time passes, with its timers.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        for _ in 0..ANSWERS {
            let due = self.connection.as_mut().and_then(|(_, connection)| connection.due());
            let Some(due) = due.filter(|due| *due <= until) else {
                self.now = until;
                return;
            };
            self.now = self.now.max(due);
            self.drive();
        }
        panic!("timers without end");
    }

    /// The client is silent from here on.
    fn ends(mut self) {
        self.pass(2 * self.config.idle_timeout);
        assert!(self.connection.is_none(), "a connection that is kept");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inputs that open a session, on both protocols.
    const SESSIONS: [&[u8]; 2] = [
        include_bytes!("../../../../fuzz/corpus/quic/session"),
        include_bytes!("../../../../fuzz/corpus/quic/session-of-webtransport"),
    ];

    #[test]
    fn a_handshake_without_cryptography_leads_to_a_session() {
        for input in SESSIONS {
            let adopted = || ground().counters.stats().adopted;
            let before = adopted();
            quic(input);
            assert!(adopted() > before, "the gateway has taken the stream");
        }
    }
}
