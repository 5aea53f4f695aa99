//! A database and a gateway of one's own, people with keys, and clients that speak dtalk.

use std::sync::Arc;
use std::time::Duration;

use comet::{Config, Connect, ConnectReply, Gateway, Listen, Message, Peer, Receipt, Router};
use comet_dtalk::clock::unix_ms;
use comet_dtalk::device::DeviceInfo;
use comet_dtalk::message::{ConnType, Device, Login};
use comet_identity::{Authenticated, Key, Outcome, Registry};
use comet_protocol::AuthMsg;
use prost::Message as _;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// A database that ends with the test.
pub(crate) struct Disk(TempDir);

impl Disk {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) async fn registry(&self) -> Registry {
        let file = self.0.path().join("comet.db");
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let pool = SqlitePool::connect_with(options).await.unwrap();
        Registry::open(pool).await.unwrap()
    }
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

/// Waits that only a broken server makes long.
const PATIENCE: Duration = Duration::from_secs(10);

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
    gateway: Gateway,
    _disk: Disk,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(|router| router).await
    }

    pub(crate) async fn with(
        configure: impl FnOnce(Authenticated<WhoAmI>) -> Authenticated<WhoAmI>,
    ) -> Self {
        let disk = Disk::new();
        let registry = disk.registry().await;
        let router = Authenticated::new(registry.clone(), Handle::current(), ["dtalk"], WhoAmI);
        let router = Arc::new(configure(router));
        let gateway = Gateway::builder(Arc::clone(&router))
            .config(Config::default().shards(2).handshake(|it| it.held_refusals = 0))
            .listen(Listen::tcp("127.0.0.1:0".parse().unwrap()))
            .start()
            .unwrap();
        Self { registry, router, gateway, _disk: disk }
    }

    pub(crate) async fn client(&self) -> Client {
        Client(TcpStream::connect(self.gateway.addresses()[0]).await.unwrap())
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

/// Speaks dtalk by hand.
pub(crate) struct Client(TcpStream);

impl Client {
    /// A frame of version 1.
    pub(crate) async fn send(&mut self, op: u32, seq: u32, body: &[u8]) {
        let len = u32::try_from(20 + body.len()).unwrap();
        let mut frame = len.to_be_bytes().to_vec();
        frame.extend([0, 20, 0, 1]);
        for field in [op, seq, 0] {
            frame.extend(field.to_be_bytes());
        }
        frame.extend(body);
        self.0.write_all(&frame).await.unwrap();
    }

    pub(crate) async fn auth(&mut self, seq: u32, app: &str, token: &str, ext: &[u8]) {
        let (app_id, token) = (app.to_owned(), token.to_owned());
        let body = AuthMsg { app_id, token, ext: ext.to_vec().into() };
        self.send(1, seq, &body.to_vec()).await;
    }

    /// Logs Alice in from that device, which must succeed.
    pub(crate) async fn log_in(&mut self, login: &Login) {
        self.auth(1, "dtalk", &token(&alice(), 0), &login.encode_to_vec()).await;
        assert_eq!(self.frame().await, hex("0000001400140001000000020000000100000000"));
    }

    /// The next frame, whole, as bytes.
    pub(crate) async fn frame(&mut self) -> Vec<u8> {
        let mut frame = vec![0; 4];
        timeout(PATIENCE, self.0.read_exact(&mut frame)).await.expect("no frame came").unwrap();
        let len = u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]);
        frame.resize(usize::try_from(len).unwrap(), 0);
        timeout(PATIENCE, self.0.read_exact(&mut frame[4..])).await.expect("half a frame").unwrap();
        frame
    }

    /// What the server knows of this client; whatever else was sent to it came before.
    pub(crate) async fn who_am_i(&mut self) -> String {
        self.send(7, 77, b"?").await;
        let reply = self.frame().await;
        assert_eq!(&reply[4..20], hex("00140001000000080000004d0000004d"));
        String::from_utf8(reply[20..].to_vec()).unwrap()
    }

    /// The connection is closed, and nothing was said before.
    pub(crate) async fn is_closed_silently(&mut self) {
        let mut said = Vec::new();
        timeout(PATIENCE, self.0.read_to_end(&mut said)).await.expect("still open").unwrap();
        assert_eq!(said, b"");
    }
}

pub(crate) fn hex(digits: &str) -> Vec<u8> {
    base16ct::lower::decode_vec(digits).unwrap()
}
