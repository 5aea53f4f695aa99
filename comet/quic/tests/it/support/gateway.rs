//! A gateway with a TCP and a QUIC listener, and a router that echoes.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use comet::{
    Closed, Config, Connect, ConnectReply, Delivery, Event, Gateway, Identity, Lane, Listen,
    Message, Peer, Receipt, Router,
};
use comet_quic::{Listener, Stats, Tls};
use comet_testkit::clock;

pub(crate) const NAME: &str = "gateway.test";

/// A gateway, its listener, and what its router saw. Drained when it is dropped.
pub(crate) struct Server {
    pub(crate) gateway: Gateway,
    pub(crate) quic: Listener,
}

/// Sessions by user, and why they ended.
#[derive(Default)]
struct Record {
    connected: Vec<(String, SocketAddr)>,
    ended: Vec<(String, Closed)>,
}

/// Accepts every token as a user, in the rooms that its `ext` lists; delivers each message back to
/// its sender and answers it with its own body. `lanes` brings a delivery in each lane, and two as
/// datagrams.
struct Echo(&'static Mutex<Record>);

impl Router for Echo {
    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        let rooms = String::from_utf8_lossy(&request.ext);
        let identity = Identity::new(request.app.as_str(), request.token.as_str());
        let rooms = rooms.split(',').filter(|room| !room.is_empty());
        reply.accept(rooms.fold(identity, Identity::room));
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        if message.body.starts_with(b"echo") {
            gateway.push(peer.session(), Delivery::acked(message.body.clone())).expect("room");
        }
        if message.body == "lanes" {
            let push = |it: Delivery| gateway.push(peer.session(), it).expect("room");
            push(Delivery::acked("bulk").lane(Lane::Bulk));
            push(Delivery::acked("normal"));
            push(Delivery::acked("signal").lane(Lane::Signal));
            push(Delivery::best_effort("b").datagram());
            push(Delivery::latest("key", "l").datagram());
        }
        receipt.ack(message.body);
    }

    fn event(&self, _: &Gateway, peer: &Peer, event: Event<'_>) {
        let mut record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let user = peer.user().to_owned();
        match event {
            Event::Connected => record.connected.push((user, peer.remote())),
            Event::Disconnected(closed) => record.ended.push((user, closed.clone())),
            _ => {}
        }
    }
}

/// The record of a test's server, which outlives it.
pub(crate) struct Log(&'static Mutex<Record>);

impl Log {
    /// Address of the user's session, once it is open.
    pub(crate) fn remote(&self, user: &str) -> SocketAddr {
        clock::until("the session is open", || {
            let record = self.0.lock().unwrap();
            record.connected.iter().find(|(name, _)| name == user).map(|(_, remote)| *remote)
        })
    }

    /// Why the user's session ended, once it has.
    pub(crate) fn closed(&self, user: &str) -> Closed {
        clock::until("the session has ended", || {
            let record = self.0.lock().unwrap();
            record.ended.iter().find(|(name, _)| name == user).map(|(_, closed)| closed.clone())
        })
    }
}

/// A certificate of this process, and its key, in PEM.
pub(crate) fn certificate() -> &'static (String, String) {
    static CERTIFICATE: OnceLock<(String, String)> = OnceLock::new();
    CERTIFICATE.get_or_init(|| {
        let key = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
        (key.cert.pem(), key.signing_key.serialize_pem())
    })
}

pub(crate) fn tls() -> Tls {
    let (certificate, key) = certificate();
    Tls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap()
}

/// So many shards, and patience with acks on a machine that is busy.
pub(crate) fn config(shards: usize) -> Config {
    let config = Config::default().shards(shards).memory(|it| it.read_buffer = 64 * 1024);
    config.delivery(|it| it.rto = Duration::from_secs(30)).handshake(|it| it.held_refusals = 0)
}

impl Server {
    /// Starts with settings of the gateway and of the listener.
    pub(crate) fn start(config: Config, quic: comet_quic::Config) -> (Self, Log) {
        let record: &'static Mutex<Record> = Box::leak(Box::default());
        let anywhere = "127.0.0.1:0".parse().unwrap();
        let gateway = Gateway::builder(Echo(record)).config(config).listen(Listen::tcp(anywhere));
        let gateway = gateway.start().unwrap();
        let quic = Listener::bind(&gateway, anywhere, &tls(), quic).unwrap();
        (Self { gateway, quic }, Log(record))
    }

    /// Starts with the defaults.
    pub(crate) fn default() -> (Self, Log) {
        Self::start(config(2), comet_quic::Config::default())
    }

    pub(crate) fn stats(&self) -> Stats {
        self.quic.stats()
    }

    /// Waits until nobody is connected.
    pub(crate) fn is_deserted(&self) {
        clock::eventually("every connection has ended", || {
            let stats = self.gateway.stats();
            (stats.connections, self.stats().connections) == (0, 0)
        });
    }

    /// Pushes to a user.
    pub(crate) fn push(&self, user: &str, delivery: Delivery) {
        self.gateway.push(comet::Target::user("dtalk", user), delivery).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.gateway.drain(Duration::ZERO);
        if !std::thread::panicking() {
            self.gateway.wait();
        }
    }
}
