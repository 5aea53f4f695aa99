//! Early data: a client that comes back asks for its session in its first flight.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use comet::Delivery;
use comet_testkit::client::Transport;
use comet_testkit::clock::{self, PATIENCE};
use comet_testkit::comet::{Comet, Hello};
use comet_testkit::frame::Wire;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, ZeroRttAccepted};
use tokio::time::timeout;

use crate::support::client::{bridged, runtime, rustls_config};
use crate::support::gateway::{NAME, Server, config};
use crate::support::link::Link;

/// A client that keeps its tickets of TLS.
struct Visitor {
    endpoint: Endpoint,
    config: ClientConfig,
    address: SocketAddr,
}

impl Visitor {
    fn new(address: SocketAddr) -> Self {
        let mut tls = rustls_config(b"comet");
        tls.enable_early_data = true;
        let config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
        let _context = runtime().enter();
        Self {
            endpoint: Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap(),
            config,
            address,
        }
    }

    fn connect(&self) -> Connection {
        let connected = async {
            let connecting = self.endpoint.connect_with(self.config.clone(), self.address, NAME);
            timeout(PATIENCE, connecting.unwrap()).await
        };
        runtime().block_on(connected).expect("in time").expect("a connection")
    }

    /// A connection whose first flight holds these bytes. `None` without a ticket.
    fn early(&self, bytes: &[u8]) -> Option<Early> {
        self.early_by(self.address, bytes)
    }

    fn early_by(&self, address: SocketAddr, bytes: &[u8]) -> Option<Early> {
        let early = async {
            let connecting = self.endpoint.connect_with(self.config.clone(), address, NAME);
            let (connection, accepted) = connecting.unwrap().into_0rtt().ok()?;
            let (mut send, receive) = connection.open_bi().await.unwrap();
            send.write_all(bytes).await.unwrap();
            Some(Early { connection, stream: (send, receive), accepted })
        };
        runtime().block_on(async { timeout(PATIENCE, early).await }).expect("in time")
    }
}

/// A connection whose handshake may be under way, and the stream that was written to.
struct Early {
    connection: Connection,
    stream: (SendStream, RecvStream),
    accepted: ZeroRttAccepted,
}

impl Early {
    /// Whether the bytes were taken as early data.
    fn accepted(&mut self) -> bool {
        let accepted = async { timeout(PATIENCE, &mut self.accepted).await };
        runtime().block_on(accepted).expect("the end of the handshake")
    }
}

fn session(connection: &Connection) -> Comet {
    let (send, receive) = runtime().block_on(connection.open_bi()).unwrap();
    Comet::over(Transport::Tcp, bridged(runtime(), send, receive))
}

#[test]
fn a_client_that_comes_back_has_its_session_by_its_first_flight() {
    let resuming = config(2).resume(|it| it.ttl = Duration::from_secs(60));
    let (server, log) = Server::start(resuming, comet_quic::Config::default());
    let visitor = Visitor::new(server.quic.address());
    let first = visitor.connect();
    let mut comet = session(&first);
    comet.ask(&Hello::new("alice", "")).unwrap();
    server.push("alice", Delivery::acked("one"));
    server.push("alice", Delivery::acked("two"));
    comet.takes(1, "one");
    comet.takes(2, "two");
    let back = comet.back("alice", 1, 0);

    // The older connection is still there: the session is taken over.
    let hello = Wire::Dtalk.bytes(&back.frame(7));
    let mut second = clock::until("a ticket", || visitor.early(&hello));
    assert!(second.accepted());
    let (send, receive) = second.stream;
    let mut again = Comet::over(Transport::Tcp, bridged(runtime(), send, receive));
    assert_eq!(again.receive().ack, 7, "welcome back");
    again.takes(2, "two");
    server.push("alice", Delivery::acked("three"));
    again.takes(3, "three");
    let closed = runtime().block_on(async { timeout(PATIENCE, first.closed()).await });
    closed.expect("the older connection is closed");
    log.remote("alice");
}

/// Somebody on the way keeps a first flight, and sends it later, or again: nobody but its client
/// can complete the handshake.
#[test]
fn a_first_flight_in_wrong_hands_begins_no_session() {
    let deadline = Duration::from_millis(700);
    let quic = comet_quic::Config { deadline, ..comet_quic::Config::default() };
    let (server, log) = Server::start(config(1), quic);
    let visitor = Visitor::new(server.quic.address());
    let hello = Wire::Dtalk.bytes(&Hello::new("bob", "").frame(7));
    for is_kept in [false, true] {
        let first = visitor.connect();
        session(&first).ask(&Hello::new("alice", "")).unwrap();
        let link = Link::to(server.quic.address());
        link.lead((!is_kept).then(|| server.quic.address()));
        let mut early = clock::until("a ticket", || visitor.early_by(link.address, &hello));
        if is_kept {
            clock::eventually("the flight has been caught", || link.sent().len() >= 2);
        } else {
            assert!(early.accepted());
            log.remote("bob");
        }
        let flight = link.sent();
        for connection in [&first, &early.connection] {
            connection.close(0u32.into(), b"bye");
        }
        server.is_deserted();

        let before = server.stats();
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        for datagram in flight {
            other.send_to(&datagram, server.quic.address()).unwrap();
        }
        let after = clock::until("the end of the patience with it", || {
            Some(server.stats()).filter(|stats| stats.overdue > before.overdue)
        });
        assert_eq!(after.begun, before.begun + 1);
        assert_eq!((after.established, after.adopted), (before.established, before.adopted));
    }
}

#[test]
fn without_tickets_there_is_no_early_data() {
    let quic = comet_quic::Config { tickets: 0, ..comet_quic::Config::default() };
    let (server, _) = Server::start(config(1), quic);
    let visitor = Visitor::new(server.quic.address());
    session(&visitor.connect()).ask(&Hello::new("alice", "")).unwrap();
    assert!(visitor.early(b"").is_none());
}
