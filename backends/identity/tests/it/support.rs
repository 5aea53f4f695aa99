//! A database and a gateway of one's own, people with keys, and clients that speak dtalk.

use std::sync::Arc;
use std::time::Duration;

use comet::{Config, Connect, ConnectReply, Gateway, Listen, Message, Peer, Receipt, Router};
use comet_dtalk::clock::unix_ms;
use comet_dtalk::device::DeviceInfo;
use comet_dtalk::message::{ConnType, Device, Login};
use comet_identity::{Authenticated, Key, Outcome, Registry};
use comet_sql_testing::Database;
use comet_testkit::client::{Ending, Transport};
use comet_testkit::clock::PATIENCE;
use comet_testkit::frame::{AUTH_REPLY, Frame, ack, auth_of, frame};
use prost::Message as _;
use tokio::runtime::Handle;
use tokio::time::timeout;

pub(crate) async fn registry(database: &Database) -> Registry {
    Registry::open(database.pool()).await.unwrap()
}

pub(crate) fn alice() -> Key {
    Key::from_bytes(&[1; 32]).unwrap()
}

/// A token signed so many milliseconds ago.
pub(crate) fn token(key: &Key, age_ms: i64) -> String {
    key.token(unix_ms().cast_signed() - age_ms, "dtalk")
}

pub(crate) fn login(device: Device, uuid: &str, conn_type: ConnType) -> Login {
    Login {
        device: device as i32,
        username: "alice".into(),
        device_token: String::new(),
        conn_type: conn_type as i32,
        uuid: uuid.into(),
        device_name: format!("name of {uuid}"),
    }
}

/// Waits for what another thread brings about.
pub(crate) async fn eventually(mut condition: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("the condition never came about");
}

/// A gateway with two shards on ports of its own, stopped with the test.
pub(crate) struct Server {
    pub(crate) registry: Registry,
    pub(crate) router: Arc<Authenticated<WhoAmI>>,
    pub(crate) gateway: Gateway,
    _database: Database,
}

impl Server {
    pub(crate) async fn start(database: Database) -> Self {
        Self::with(database, |router| router).await
    }

    pub(crate) async fn with(
        database: Database,
        configure: impl FnOnce(Authenticated<WhoAmI>) -> Authenticated<WhoAmI>,
    ) -> Self {
        let registry = registry(&database).await;
        let router = Authenticated::new(registry.clone(), Handle::current(), ["dtalk"], WhoAmI);
        let router = Arc::new(configure(router));
        let gateway = Gateway::builder(Arc::clone(&router))
            .config(Config::default().shards(2).handshake(|it| it.held_refusals = 0))
            .listen(Listen::tcp("127.0.0.1:0".parse().unwrap()))
            .start()
            .unwrap();
        Self { registry, router, gateway, _database: database }
    }

    pub(crate) fn client(&self) -> Client {
        let address = self.gateway.addresses()[0];
        Client(comet_testkit::client::Client::connect(&address, Transport::Tcp))
    }

    /// Deliveries so far.
    pub(crate) fn deliveries(&self) -> usize {
        usize::try_from(self.gateway.stats().deliveries).unwrap()
    }

    pub(crate) fn ended(&self, outcome: Outcome) -> u64 {
        self.router.outcomes().ended(outcome)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.gateway.drain(Duration::ZERO);
    }
}

/// Answers every message with what it knows of its sender.
#[derive(Debug)]
pub(crate) struct WhoAmI;

impl Router for WhoAmI {
    fn connect(&self, _: &Gateway, _: Connect, _: ConnectReply) {
        panic!("the outer router decides");
    }

    fn receive(&self, _: &Gateway, peer: &Peer, _: Message, receipt: Receipt) {
        let (app, user, uuid) = (peer.app(), peer.user(), peer.device());
        let device = peer.context::<DeviceInfo>().unwrap();
        let DeviceInfo { device, name, username, .. } = device;
        receipt.ack(format!("{app}/{user}/{uuid}/{device:?}/{name}/{username}"));
    }
}

/// A dtalk client on TCP.
pub(crate) struct Client(comet_testkit::client::Client);

impl Client {
    pub(crate) fn auth(&mut self, seq: u32, app: &str, token: &str, ext: &[u8]) {
        self.0.send(&auth_of(app, seq, token, ext));
    }

    /// Logs Alice in from that device, which must succeed.
    pub(crate) fn log_in(&mut self, login: &Login) {
        self.auth(1, "dtalk", &token(&alice(), 0), &login.encode_to_vec());
        assert_eq!(self.frame(), frame(AUTH_REPLY, 1, ""));
    }

    /// The next frame.
    pub(crate) fn frame(&mut self) -> Frame {
        self.0.receive()
    }

    /// What the server knows of this client; whatever else was sent to it came before.
    pub(crate) fn who_am_i(&mut self) -> String {
        String::from_utf8(self.0.ask(77, b"?")).unwrap()
    }

    pub(crate) fn ack(&mut self, seq: u32) {
        self.0.send(&ack(seq));
    }

    /// The connection is closed, whatever was said before.
    pub(crate) fn is_closed_after_any_frames(&mut self) {
        self.0.ending();
    }

    /// The connection is closed, and nothing was said before.
    pub(crate) fn is_closed_silently(&mut self) {
        assert_eq!(self.0.ends(), Ending::Fin);
    }
}
