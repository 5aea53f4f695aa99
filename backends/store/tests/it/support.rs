//! A server with a store, and clients of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use comet::{Connect, ConnectReply, Gateway, Identity, Listen, Middleware};
use comet_dtalk::code::Code;
use comet_dtalk::device::DeviceInfo;
use comet_dtalk::http::Verify;
use comet_dtalk::message::{Common, CommonAck, Device, MsgType, Proto, Signal, Text};
use comet_sql_testing::Database;
use comet_store::{Config, Membership, Store, routes};
use comet_testkit::client::Transport;
use comet_testkit::clock::PATIENCE;
use comet_testkit::frame::{AUTH_REPLY, DELIVER, Frame, SEND_REPLY, ack, auth, frame, say};
use prost::Message as _;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

/// Lets everybody in: the token is the user, `+phone` behind it makes the session a phone's.
struct Doorman(Store);

impl Middleware for Doorman {
    type Inner = Store;

    fn inner(&self) -> &Store {
        &self.0
    }

    fn connect(&self, _gateway: &Gateway, request: Connect, reply: ConnectReply) {
        let (user, device) = match request.token.strip_suffix("+phone") {
            Some(user) => (user, Some(Device::Android)),
            None => (&*request.token, None),
        };
        let info = DeviceInfo { device, ..DeviceInfo::default() };
        reply.accept(Identity::new("dtalk", user).context(info));
    }
}

/// The token is the user here too.
struct TokenIsUser;

impl Verify for TokenIsUser {
    fn verify(&self, token: &str) -> Result<String, Code> {
        if token.is_empty() { Err(Code::SIGNATURE_INVALID) } else { Ok(token.into()) }
    }
}

/// Group 77 is everybody but mallory.
pub(crate) struct Lounge;

impl Membership for Lounge {
    fn may_send(&self, uid: &str, group: i64) -> Result<(), Code> {
        match group {
            77 if uid == "mallory" => Err(Code::NOT_IN_GROUP),
            77 => Ok(()),
            _ => Err(Code::GROUP_UNKNOWN),
        }
    }

    fn groups_of(&self, uid: &str) -> Vec<i64> {
        if uid == "mallory" { vec![] } else { vec![77] }
    }
}

pub(crate) struct Server {
    pub(crate) store: Store,
    pub(crate) gateway: Gateway,
    pub(crate) database: Arc<Database>,
}

impl Server {
    pub(crate) async fn start(database: Database) -> Self {
        Self::start_with(database, Config::default()).await
    }

    pub(crate) async fn start_with(database: Database, config: Config) -> Self {
        let store = open(&database, config).await;
        Self::start_around(store, comet::Config::default(), database)
    }

    pub(crate) fn start_around(store: Store, config: comet::Config, database: Database) -> Self {
        let gateway = Gateway::builder(Doorman(store.clone()))
            .listen(Listen::tcp(([127, 0, 0, 1], 0).into()))
            .config(config)
            .start()
            .unwrap();
        Self { store, gateway, database: Arc::new(database) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.gateway.addresses()[0]
    }

    /// Logs in; `+phone` behind the user makes it a phone.
    pub(crate) fn login(&self, token: &str) -> Client {
        Client::login(self.address(), token)
    }

    pub(crate) async fn post_json(&self, token: &str, path: &str, body: &str) -> String {
        let request = Request::post(path).header("FZM-SIGNATURE", token);
        self.post(request.body(body.to_owned().into()).unwrap()).await
    }

    /// Posts these bytes.
    pub(crate) async fn post_bytes(&self, token: &str, path: &str, body: Vec<u8>) -> String {
        let request = Request::post(path)
            .header("FZM-SIGNATURE", token)
            .header("content-type", "application/octet-stream");
        self.post(request.body(body.into()).unwrap()).await
    }

    /// Posts a form whose part `message` is `body`.
    pub(crate) async fn post_form(&self, token: &str, path: &str, body: &[u8]) -> String {
        self.post_form_from("PC", token, path, body).await
    }

    /// The same from a device of this kind.
    pub(crate) async fn post_form_from(
        &self,
        device: &str,
        token: &str,
        path: &str,
        body: &[u8],
    ) -> String {
        let mut form = b"--b\r\nContent-Disposition: form-data; name=\"message\"; \
                         filename=\"message\"\r\n\r\n"
            .to_vec();
        form.extend_from_slice(body);
        form.extend_from_slice(b"\r\n--b--\r\n");
        let request = Request::post(path)
            .header("FZM-SIGNATURE", token)
            .header("FZM-DEVICE", device)
            .header("content-type", "multipart/form-data; boundary=b");
        self.post(request.body(form.into()).unwrap()).await
    }

    pub(crate) async fn post(&self, request: Request<Body>) -> String {
        let app = routes(self.store.clone(), self.gateway.clone(), Arc::new(TokenIsUser));
        let response = app.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// Waits until the store knows of so many sessions.
    pub(crate) async fn sessions(&self, count: u64) {
        until(async || {
            self.store.flush().await;
            self.store.stats().sessions == count
        })
        .await;
    }

    pub(crate) async fn stop(self) -> Arc<Database> {
        self.gateway.drain(Duration::ZERO);
        self.store.close().await;
        self.database
    }
}

pub(crate) async fn open(database: &Database, config: Config) -> Store {
    Store::open(database.location(), config, Arc::new(Lounge)).await.unwrap()
}

/// Waits for a condition.
pub(crate) async fn until(condition: impl AsyncFn() -> bool) {
    let met = async {
        while !condition().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, met).await.expect("condition not met in time");
}

/// A dtalk client on TCP, which counts what it sends.
pub(crate) struct Client {
    line: comet_testkit::client::Client,
    next_seq: u32,
    /// The highest number of a delivery that was read.
    delivered: u32,
}

impl Client {
    pub(crate) fn login(address: SocketAddr, token: &str) -> Self {
        let mut line = comet_testkit::client::Client::connect(&address, Transport::Tcp);
        line.send(&auth(0, token, ""));
        assert_eq!(line.receive(), frame(AUTH_REPLY, 0, ""));
        Self { line, next_seq: 1, delivered: 0 }
    }

    pub(crate) fn write(&mut self, frame: &Frame) {
        self.line.send(frame);
    }

    /// The next frame. A delivery that a client which was slow to acknowledge is sent again is
    /// acknowledged and dropped, as clients do.
    pub(crate) fn read(&mut self) -> Frame {
        loop {
            let frame = self.line.receive();
            assert_eq!(frame.ver, 1, "clients drop other versions");
            if frame.op != DELIVER || frame.seq == 0 || frame.seq > self.delivered {
                if frame.op == DELIVER {
                    self.delivered = self.delivered.max(frame.seq);
                }
                return frame;
            }
            self.ack(&frame);
        }
    }

    /// Sends a body and returns its seq.
    pub(crate) fn send_body(&mut self, body: impl AsRef<[u8]>) -> u32 {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.write(&say(seq, body));
        seq
    }

    pub(crate) fn send(&mut self, common: &Common) -> u32 {
        self.send_body(proto_of(common))
    }

    /// The next frame, which answers a message.
    pub(crate) fn answer(&mut self, seq: u32) -> CommonAck {
        let frame = self.read();
        assert_eq!((frame.op, frame.seq, frame.ack), (SEND_REPLY, seq, seq));
        let proto = Proto::decode(&*frame.body).unwrap();
        assert_eq!(proto.event_type, 1);
        CommonAck::decode(proto.body).unwrap()
    }

    /// The next frame, which is a delivery. It is not acknowledged.
    pub(crate) fn delivery(&mut self) -> Frame {
        let frame = self.read();
        assert_eq!((frame.op, frame.ack), (DELIVER, 0));
        frame
    }

    pub(crate) fn ack(&mut self, delivery: &Frame) {
        let ack = Frame { seq: self.next_seq, ..ack(delivery.seq) };
        self.next_seq += 1;
        self.write(&ack);
    }

    /// The answer to a message, however many deliveries come before it.
    pub(crate) fn answer_among_deliveries(&mut self, seq: u32) -> CommonAck {
        loop {
            let frame = self.read();
            if frame.op == SEND_REPLY {
                assert_eq!((frame.seq, frame.ack), (seq, seq));
                return CommonAck::decode(&frame.body[4..]).unwrap();
            }
        }
    }

    /// The next delivery, which is a message; acknowledged.
    pub(crate) fn message(&mut self) -> Common {
        let delivery = self.delivery();
        self.ack(&delivery);
        message_in(&delivery.body)
    }

    /// The next frame: the client's id of a message that is delivered, or nothing for an answer.
    pub(crate) fn message_or_answer(&mut self) -> String {
        let frame = self.read();
        if frame.op == SEND_REPLY {
            return String::new();
        }
        self.ack(&frame);
        message_in(&frame.body).msg_id
    }

    /// Takes deliveries up to the next answer.
    pub(crate) fn any_answer(&mut self) {
        loop {
            let frame = self.read();
            if frame.op == SEND_REPLY {
                return;
            }
            self.ack(&frame);
        }
    }

    /// The next delivery, which is a signal; acknowledged.
    pub(crate) fn signal(&mut self) -> Signal {
        let delivery = self.delivery();
        self.ack(&delivery);
        let proto = Proto::decode(&*delivery.body).unwrap();
        assert_eq!(proto.event_type, 2);
        Signal::decode(proto.body).unwrap()
    }
}

pub(crate) fn message_in(body: &[u8]) -> Common {
    let proto = Proto::decode(body).unwrap();
    assert_eq!(proto.event_type, 0);
    Common::decode(proto.body).unwrap()
}

/// A text message as a client sends it.
pub(crate) fn text(msg_id: &str, target: &str) -> Common {
    let text = Text { content: "hi".into(), mention: Vec::new() };
    Common {
        msg_id: msg_id.into(),
        target: target.into(),
        msg_type: MsgType::Text as i32,
        msg: text.encode_to_vec().into(),
        ..Common::default()
    }
}

pub(crate) fn to_group(msg_id: &str) -> Common {
    Common { channel_type: 1, ..text(msg_id, "77") }
}

pub(crate) fn proto_of(common: &Common) -> Bytes {
    Proto { event_type: 0, body: common.encode_to_vec().into() }.encode_to_vec().into()
}
