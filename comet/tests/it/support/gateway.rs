//! A gateway of a test's own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

#[cfg(feature = "tokio")]
use comet::Adoption;
use comet::{
    Closed, Config, Connect, ConnectReply, Gateway, Listen, Message, Peer, Receipt, Stats,
};
use comet_testkit::client::{Client, Host, Transport};
use comet_testkit::clock::{self, PATIENCE};
use comet_testkit::socket::Socket;
#[cfg(all(feature = "tls", feature = "tokio"))]
use comet_testkit::websocket;

use super::log::{Event, Log};
use super::place::{self, Way};
use super::router::TestRouter;
#[cfg(feature = "tokio")]
use super::streams::{bridged, pipe};
#[cfg(all(feature = "tls", feature = "tokio"))]
use super::tls;

/// A running gateway that listens for TCP and WebSocket. When it is dropped it is drained, and it
/// must then have ended every session exactly once.
pub(crate) struct Server {
    pub(crate) gateway: Gateway,
    pub(crate) log: Arc<Log>,
    stopped: bool,
    /// How clients come.
    way: Way,
}

/// A gateway to be started.
pub(crate) struct Setup {
    config: Config,
    router: TestRouter,
    listen: Vec<Listen>,
}

/// Port 0 of this machine.
pub(crate) fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// So many shards, buffers that keep many gateways at once cheap, patience with acks on a machine
/// that is busy, and none with who is refused.
pub(crate) fn config(shards: usize) -> Config {
    let config = Config::default().shards(shards).memory(|it| it.read_buffer = 64 * 1024);
    config.delivery(|it| it.rto = Duration::from_secs(30)).handshake(|it| it.held_refusals = 0)
}

/// The same, where silence ends a session after this time.
pub(crate) fn impatient(shards: usize, idle: Duration) -> Config {
    config(shards).ping(|it| {
        it.idle_timeout = idle;
        it.interval = idle / 2;
    })
}

impl Setup {
    pub(crate) fn new(config: Config) -> Self {
        let listen = vec![Listen::tcp(anywhere()), Listen::websocket(anywhere())];
        Self { config, router: TestRouter::new(), listen }
    }

    /// What becomes of peers that ask for a session.
    pub(crate) fn on_connect(
        mut self,
        decide: impl Fn(&Log, Connect, ConnectReply) + Send + Sync + 'static,
    ) -> Self {
        self.router.on_connect = Box::new(decide);
        self
    }

    /// What becomes of messages.
    pub(crate) fn on_message(
        mut self,
        settle: impl Fn(&Gateway, &Log, &Peer, Message, Receipt) + Send + Sync + 'static,
    ) -> Self {
        self.router.on_message = Box::new(settle);
        self
    }

    /// What else the router does, when it has recorded a call.
    pub(crate) fn on_event(mut self, act: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.router.on_event = Box::new(act);
        self
    }

    /// Listens there too, after TCP and WebSocket.
    pub(crate) fn listen(mut self, listen: Listen) -> Self {
        self.listen.push(listen);
        self
    }

    #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "more listeners with TLS"))]
    pub(crate) fn start(mut self) -> Server {
        let log = Arc::clone(&self.router.log);
        let builder = Gateway::builder(self.router).config(self.config);
        let way = place::way();
        #[cfg(all(feature = "tls", feature = "tokio"))]
        if way == Way::Tls {
            // Behind all that tests count on.
            let listen = [Listen::tcp(anywhere()), Listen::websocket(anywhere())];
            self.listen.extend(listen.map(|it| it.tls(tls::tls())));
        }
        let builder = self.listen.into_iter().fold(builder, comet::Builder::listen);
        let gateway = builder.start().expect("start");
        Server { gateway, log, stopped: false, way }
    }
}

impl Server {
    pub(crate) fn start(config: Config) -> Self {
        Setup::new(config).start()
    }

    pub(crate) fn address(&self, transport: Transport) -> SocketAddr {
        match transport {
            Transport::Tcp => self.gateway.addresses()[0],
            Transport::WebSocket => self.gateway.addresses()[1],
        }
    }

    pub(crate) fn connect(&self, transport: Transport) -> Client {
        Client::connect(self, transport)
    }

    /// A client with a session in these rooms, separated by commas.
    pub(crate) fn client(&self, transport: Transport, user: &str, rooms: &str) -> Client {
        let mut client = self.connect(transport);
        client.sign_in(user, rooms);
        client
    }

    /// Clients with sessions in these rooms, named `prefix-N`, until every shard has one.
    pub(crate) fn on_every_shard(
        &self,
        transport: Transport,
        prefix: &str,
        rooms: &str,
    ) -> Vec<(String, Client)> {
        let mut homes = std::collections::HashSet::new();
        let mut clients = Vec::new();
        while homes.len() < self.gateway.shards() {
            assert!(clients.len() < 64, "users live on {} shards only", homes.len());
            let user = format!("{prefix}-{}", clients.len());
            let client = self.client(transport, &user, rooms);
            homes.insert(self.log.peer(&user).session().shard());
            clients.push((user, client));
        }
        clients
    }

    /// Connections that have come, whichever way.
    pub(crate) fn arrived(&self) -> u64 {
        let stats = self.stats();
        stats.accepted + stats.adopted
    }

    pub(crate) fn stats(&self) -> Stats {
        self.gateway.stats()
    }

    /// How many connections ended for this reason.
    pub(crate) fn ended_as(&self, closed: &Closed) -> u64 {
        self.stats().closed_as(closed)
    }

    /// Waits until nobody is connected.
    pub(crate) fn is_deserted(&self) {
        clock::eventually("every connection has ended", || {
            let stats = self.stats();
            (stats.connections, stats.sessions, stats.rooms) == (0, 0, 0)
        });
    }

    /// Waits for the end of a drain.
    pub(crate) fn wait(&mut self) {
        let (done, finished) = sync_channel(1);
        let gateway = self.gateway.clone();
        std::thread::spawn(move || {
            gateway.wait();
            // Who waits may have given up.
            let _ = done.send(());
        });
        finished.recv_timeout(PATIENCE).expect("the gateway stops when drained");
        self.stopped = true;
    }
}

impl Host for Server {
    fn socket(&self, transport: Transport) -> Socket {
        #[cfg(all(feature = "tls", feature = "tokio"))]
        if self.way == Way::Tls {
            let addresses = self.gateway.addresses();
            let address = addresses[addresses.len() - 2..][transport as usize];
            let mut socket = tls::secured(address);
            if transport == Transport::WebSocket {
                socket.write(websocket::request("/sub", ""));
                websocket::await_upgrade(&mut socket);
            }
            return socket;
        }
        #[cfg(feature = "tokio")]
        if self.way == Way::Adopted {
            let adoption = match transport {
                Transport::Tcp => Adoption::stream(),
                Transport::WebSocket => Adoption::websocket(),
            };
            let (ours, theirs) = pipe();
            let socket = bridged(theirs);
            self.gateway.adopt(ours, adoption.remote(socket.local())).expect("a place");
            return socket;
        }
        self.address(transport).socket(transport)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.log.forget();
        self.gateway.drain(Duration::ZERO);
        if std::thread::panicking() {
            return;
        }
        if !self.stopped {
            self.wait();
        }
        for (session, life) in self.log.lives() {
            assert_eq!(life, (1, 1), "beginnings and ends of session {session}");
        }
        let stats = self.stats();
        assert_eq!((stats.connections, stats.sessions, stats.rooms), (0, 0, 0), "{stats:?}");
    }
}
