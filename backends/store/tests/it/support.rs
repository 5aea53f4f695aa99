//! A server with a store, and clients of it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use bytes::{BufMut, Bytes, BytesMut};
use comet::{Connect, ConnectReply, Gateway, Identity, Listen, Middleware};
use comet_dtalk::code::Code;
use comet_dtalk::device::DeviceInfo;
use comet_dtalk::http::Verify;
use comet_dtalk::message::{Common, CommonAck, Device, MsgType, Proto, Signal, Text};
use comet_store::{Config, Membership, Store, routes};
use prost::Message as _;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

/// Long enough for a loaded machine; a test that waits for it has failed.
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) const AUTH: u32 = 1;
pub(crate) const AUTH_REPLY: u32 = 2;
pub(crate) const SEND: u32 = 7;
pub(crate) const SEND_REPLY: u32 = 8;
pub(crate) const DELIVER: u32 = 9;
pub(crate) const DELIVER_ACK: u32 = 10;

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
struct Lounge;

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
    pub(crate) dir: Arc<TempDir>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(Config::default()).await
    }

    pub(crate) async fn start_with(config: Config) -> Self {
        Self::start_in(Arc::new(TempDir::new().unwrap()), config).await
    }

    pub(crate) async fn start_in(dir: Arc<TempDir>, config: Config) -> Self {
        let store = open(&dir.path().join("store.db"), config).await;
        Self::start_around(store, comet::Config::default(), dir)
    }

    pub(crate) fn start_around(store: Store, config: comet::Config, dir: Arc<TempDir>) -> Self {
        let gateway = Gateway::builder(Doorman(store.clone()))
            .listen(Listen::tcp(([127, 0, 0, 1], 0).into()))
            .config(config)
            .start()
            .unwrap();
        Self { store, gateway, dir }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.gateway.addresses()[0]
    }

    /// Logs in; `+phone` behind the user makes it a phone.
    pub(crate) async fn login(&self, token: &str) -> Client {
        Client::login(self.address(), token).await
    }

    pub(crate) async fn post_json(&self, token: &str, path: &str, body: &str) -> String {
        let request = Request::post(path).header("FZM-SIGNATURE", token);
        self.post(request.body(body.to_owned().into()).unwrap()).await
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

    pub(crate) async fn stop(self) -> Arc<TempDir> {
        self.gateway.drain(Duration::ZERO);
        self.store.close().await;
        self.dir
    }
}

pub(crate) async fn open(path: &Path, config: Config) -> Store {
    Store::open(path, config, Arc::new(Lounge)).await.unwrap()
}

/// Waits for a condition.
pub(crate) async fn until(condition: impl AsyncFn() -> bool) {
    let met = async {
        while !condition().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, met).await.expect("condition not met in time");
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    pub(crate) op: u32,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) body: Bytes,
}

impl Frame {
    pub(crate) fn new(op: u32, seq: u32, body: impl Into<Bytes>) -> Self {
        Self { op, seq, ack: 0, body: body.into() }
    }
}

/// A dtalk client on TCP. What it reads it keeps until somebody asks for it.
pub(crate) struct Client {
    stream: TcpStream,
    next_seq: u32,
    /// The highest number of a delivery that was read.
    delivered: u32,
}

impl Client {
    pub(crate) async fn login(address: SocketAddr, token: &str) -> Self {
        let mut client =
            Self { stream: TcpStream::connect(address).await.unwrap(), next_seq: 1, delivered: 0 };
        let mut auth = BytesMut::from(&b"\x0a\x05dtalk\x12"[..]);
        auth.put_u8(u8::try_from(token.len()).unwrap());
        auth.put_slice(token.as_bytes());
        client.write(&Frame::new(AUTH, 0, auth)).await;
        assert_eq!(client.read().await, Frame::new(AUTH_REPLY, 0, ""));
        client
    }

    pub(crate) async fn write(&mut self, frame: &Frame) {
        let mut bytes = BytesMut::new();
        bytes.put_u32(20 + u32::try_from(frame.body.len()).unwrap());
        bytes.put_u16(20);
        bytes.put_u16(1);
        bytes.put_u32(frame.op);
        bytes.put_u32(frame.seq);
        bytes.put_u32(frame.ack);
        bytes.put_slice(&frame.body);
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// The next frame. A delivery that a client which was slow to acknowledge is sent again is
    /// acknowledged and dropped, as clients do.
    pub(crate) async fn read(&mut self) -> Frame {
        loop {
            let frame = timeout(DEADLINE, self.read_frame()).await;
            let frame = frame.expect("no frame in time").expect("closed");
            if frame.op != DELIVER || frame.seq == 0 || frame.seq > self.delivered {
                if frame.op == DELIVER {
                    self.delivered = self.delivered.max(frame.seq);
                }
                return frame;
            }
            self.ack(&frame).await;
        }
    }

    async fn read_frame(&mut self) -> std::io::Result<Frame> {
        let length = self.stream.read_u32().await? as usize;
        assert_eq!(self.stream.read_u16().await?, 20);
        assert_eq!(self.stream.read_u16().await?, 1, "clients drop other versions");
        let op = self.stream.read_u32().await?;
        let seq = self.stream.read_u32().await?;
        let ack = self.stream.read_u32().await?;
        let mut body = vec![0; length - 20];
        self.stream.read_exact(&mut body).await?;
        Ok(Frame { op, seq, ack, body: body.into() })
    }

    /// Sends a body and returns its seq.
    pub(crate) async fn send_body(&mut self, body: impl Into<Bytes>) -> u32 {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.write(&Frame::new(SEND, seq, body)).await;
        seq
    }

    pub(crate) async fn send(&mut self, common: &Common) -> u32 {
        self.send_body(proto_of(common)).await
    }

    /// The next frame, which answers a message.
    pub(crate) async fn answer(&mut self, seq: u32) -> CommonAck {
        let frame = self.read().await;
        assert_eq!((frame.op, frame.seq, frame.ack), (SEND_REPLY, seq, seq));
        let proto = Proto::decode(frame.body).unwrap();
        assert_eq!(proto.event_type, 1);
        CommonAck::decode(proto.body).unwrap()
    }

    /// The next frame, which is a delivery. It is not acknowledged.
    pub(crate) async fn delivery(&mut self) -> Frame {
        let frame = self.read().await;
        assert_eq!((frame.op, frame.ack), (DELIVER, 0));
        frame
    }

    pub(crate) async fn ack(&mut self, delivery: &Frame) {
        let ack = Frame { ack: delivery.seq, ..Frame::new(DELIVER_ACK, self.next_seq, "") };
        self.next_seq += 1;
        self.write(&ack).await;
    }

    /// The answer to a message, however many deliveries come before it.
    pub(crate) async fn answer_among_deliveries(&mut self, seq: u32) -> CommonAck {
        loop {
            let frame = self.read().await;
            if frame.op == SEND_REPLY {
                assert_eq!((frame.seq, frame.ack), (seq, seq));
                return CommonAck::decode(frame.body.slice(4..)).unwrap();
            }
        }
    }

    /// The next delivery, which is a message; acknowledged.
    pub(crate) async fn message(&mut self) -> Common {
        let delivery = self.delivery().await;
        self.ack(&delivery).await;
        message_in(&delivery.body)
    }

    /// The next frame: the client's id of a message that is delivered, or nothing for an answer.
    pub(crate) async fn message_or_answer(&mut self) -> String {
        let frame = self.read().await;
        if frame.op == SEND_REPLY {
            return String::new();
        }
        self.ack(&frame).await;
        message_in(&frame.body).msg_id
    }

    /// Takes deliveries up to the next answer.
    pub(crate) async fn any_answer(&mut self) {
        loop {
            let frame = self.read().await;
            if frame.op == SEND_REPLY {
                return;
            }
            self.ack(&frame).await;
        }
    }

    /// The next delivery, which is a signal; acknowledged.
    pub(crate) async fn signal(&mut self) -> Signal {
        let delivery = self.delivery().await;
        self.ack(&delivery).await;
        let proto = Proto::decode(delivery.body).unwrap();
        assert_eq!(proto.event_type, 2);
        Signal::decode(proto.body).unwrap()
    }
}

pub(crate) fn message_in(body: &Bytes) -> Common {
    let proto = Proto::decode(body.clone()).unwrap();
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
