//! An async router behind real sockets: in order within a session, concurrent between sessions.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use ::tokio::sync::Semaphore;
use comet_protocol::comet::{self, ClientFrame, ServerFrame};
use comet_protocol::{AuthMsg, Decoder, Frame, Layout, op};

use super::*;
use crate::{Closed, Config, Delivery, Listen, Target};

/// Answers each message with its own body, once its gate has a permit; panics on "panic".
struct Gated {
    slow: Arc<Semaphore>,
}

impl AsyncRouter for Gated {
    async fn connect(&self, _: &Gateway, request: Connect) -> Result<Identity, Rejection> {
        ::tokio::task::yield_now().await;
        match request.token.as_str() {
            "" => Err(Rejection::Close),
            "again" => Err(Rejection::Refuse("no".into())),
            "later" => Err(Rejection::Later(Duration::from_secs(7))),
            user => Ok(Identity::new(request.app, user)),
        }
    }

    async fn receive(&self, _: &Gateway, _: &Peer, message: Message) -> Result<Bytes, Refusal> {
        match &message.body[..] {
            b"slow" => self.slow.acquire().await.map(drop).map_err(|_| Refusal::new(1))?,
            b"panic" => panic!("asked for"),
            _ => {}
        }
        Ok(message.body)
    }
}

struct Client {
    stream: TcpStream,
    decoder: Decoder,
}

impl Client {
    fn open(gateway: &Gateway) -> Self {
        let stream = TcpStream::connect(gateway.addresses()[0]).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { stream, decoder: Decoder::new(Layout::Dtalk, 1_000) }
    }

    fn connect(gateway: &Gateway, token: &str) -> Self {
        let mut client = Self::open(gateway);
        let auth = AuthMsg { app_id: "t".into(), token: token.into(), ext: Bytes::new() };
        client.send(op::AUTH, 1, auth.to_vec());
        client
    }

    fn send(&mut self, op: u32, seq: u32, body: impl Into<Bytes>) {
        let bytes = Frame::new(op, seq, body).to_vec(Layout::Dtalk);
        self.stream.write_all(&bytes).unwrap();
    }

    /// The next frame; `None` at the end of the stream.
    fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return Some(frame);
            }
            let mut buffer = [0; 1_024];
            let count = match self.stream.read(&mut buffer) {
                // Data sent to a closed connection resets it.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
                read => read.unwrap(),
            };
            if count == 0 {
                return None;
            }
            self.decoder.push(&buffer[..count]);
        }
    }
}

fn start(runtime: &::tokio::runtime::Runtime) -> (Gateway, Arc<Semaphore>) {
    let slow = Arc::new(Semaphore::new(0));
    let router = OnTokio::new(runtime.handle().clone(), Gated { slow: Arc::clone(&slow) });
    let config = Config::default().shards(1).handshake(|it| it.held_refusals = 0);
    let listen = Listen::tcp(([127, 0, 0, 1], 0).into());
    (Gateway::builder(router).config(config).listen(listen).start().unwrap(), slow)
}

fn runtime() -> ::tokio::runtime::Runtime {
    ::tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

#[test]
fn messages_of_one_session_are_taken_in_order_and_others_do_not_wait() {
    let runtime = runtime();
    let (gateway, slow) = start(&runtime);
    let (mut one, mut two) = (Client::connect(&gateway, "one"), Client::connect(&gateway, "two"));
    assert_eq!(one.next().unwrap().head.op, op::AUTH_REPLY);
    assert_eq!(two.next().unwrap().head.op, op::AUTH_REPLY);
    one.send(op::SEND, 2, "slow");
    one.send(op::SEND, 3, "quick");
    two.send(op::SEND, 2, "other");
    assert_eq!(two.next().unwrap().body, "other");
    slow.add_permits(1);
    assert_eq!(one.next().unwrap().body, "slow");
    assert_eq!(one.next().unwrap().body, "quick");
    gateway.drain(Duration::ZERO);
    gateway.wait();
}

#[test]
fn a_refused_peer_hears_the_body_and_a_closed_one_nothing() {
    let runtime = runtime();
    let (gateway, _) = start(&runtime);
    let mut told = Client::connect(&gateway, "again");
    assert_eq!(told.next().unwrap().body, "no");
    let auth = AuthMsg { app_id: "t".into(), token: "fine".into(), ext: Bytes::new() };
    told.send(op::AUTH, 2, auth.to_vec());
    assert_eq!(told.next().unwrap().body, "");
    assert_eq!(Client::connect(&gateway, "").next(), None);
    gateway.drain(Duration::ZERO);
    gateway.wait();
}

#[test]
fn a_panic_ends_its_session_only() {
    let runtime = runtime();
    let (gateway, _) = start(&runtime);
    let (mut bad, mut good) = (Client::connect(&gateway, "bad"), Client::connect(&gateway, "good"));
    assert!(bad.next().is_some() && good.next().is_some());
    bad.send(op::SEND, 2, "panic");
    assert_eq!(bad.next(), None);
    good.send(op::SEND, 2, "fine");
    assert_eq!(good.next().unwrap().body, "fine");
    assert_eq!(gateway.stats().router_panics, 1);
    gateway.drain(Duration::ZERO);
    gateway.wait();
}

#[test]
fn a_comet_peer_is_told_when_to_come_back() {
    let runtime = runtime();
    let (gateway, _) = start(&runtime);
    let mut client = Client::open(&gateway);
    let auth = comet::Auth { token: "later".into(), ..comet::Auth::default() };
    let mut bytes = Vec::new();
    ClientFrame::Auth { seq: 1, auth: Box::new(auth) }.write(&mut bytes);
    client.stream.write_all(&bytes).unwrap();
    let Frame { head, body } = client.next().unwrap();
    match ServerFrame::decode(head, body).unwrap() {
        ServerFrame::Refused { refused, .. } => assert_eq!(refused.return_after_ms, 7_000),
        other => panic!("{other:?}"),
    }
    gateway.drain(Duration::ZERO);
    gateway.wait();
}

/// Reports each event, once permitted.
struct Slow {
    may: Arc<Semaphore>,
    told: mpsc::SyncSender<String>,
}

impl AsyncRouter for Slow {
    async fn connect(&self, _: &Gateway, request: Connect) -> Result<Identity, Rejection> {
        Ok(Identity::new(request.app, request.token))
    }

    async fn receive(&self, _: &Gateway, _: &Peer, message: Message) -> Result<Bytes, Refusal> {
        Ok(message.body)
    }

    async fn event(&self, _: &Gateway, _: &Peer, event: Event<'_>) {
        self.may.acquire().await.unwrap().forget();
        self.told.send(format!("{event:?}")).unwrap();
    }
}

#[test]
fn a_session_whose_events_pile_up_ends_and_its_last_event_says_so() {
    let runtime = runtime();
    let (may, (told, events)) = (Arc::new(Semaphore::new(0)), mpsc::sync_channel(100));
    let router = Slow { may: Arc::clone(&may), told };
    let router = OnTokio::new(runtime.handle().clone(), router).events(3);
    let config = Config::default().shards(1);
    let listen = Listen::tcp(([127, 0, 0, 1], 0).into());
    let gateway = Gateway::builder(router).config(config).listen(listen).start().unwrap();
    let mut client = Client::connect(&gateway, "al");
    assert_eq!(client.next().unwrap().head.op, op::AUTH_REPLY);
    // Three events wait, behind none or one that the router has: no room for the rest.
    for tag in 1..=10 {
        gateway.push(Target::user("t", "al"), Delivery::acked("x").tag(tag)).unwrap();
        let Some(Frame { head, .. }) = client.next() else { break };
        let mut ack = Frame::new(op::DELIVER_ACK, 77, "");
        ack.head.ack = head.seq;
        // The session may have ended.
        let _gone = client.stream.write_all(&ack.to_vec(Layout::Dtalk));
    }
    assert_eq!(client.next(), None, "the session has ended");
    may.add_permits(100);
    let event = || events.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(event(), "Connected");
    // Acks are reported up to the first that had no room, and none after it.
    let acked = |tag| format!("Acked {{ tag: {tag} }}");
    let mut next = 1;
    let last = loop {
        match event() {
            told if told == acked(next) => next += 1,
            other => break other,
        }
    };
    assert!((3..=4).contains(&next), "{next}");
    assert_eq!(last, "Disconnected(RouterBehind)");
    gateway.drain(Duration::ZERO);
    runtime.block_on(gateway.stopped());
    assert_eq!(gateway.stats().closed_as(&Closed::RouterBehind), 1);
    assert!(events.try_recv().is_err(), "nothing comes after the last event");
}

/// Forwards events to a synchronous router, and signals each completion.
#[cfg(feature = "simulation")]
struct Inside(Arc<dyn Router>, mpsc::SyncSender<()>);

#[cfg(feature = "simulation")]
impl AsyncRouter for Inside {
    async fn connect(&self, _: &Gateway, _: Connect) -> Result<Identity, Rejection> {
        self.1.send(()).map_err(|_| Rejection::Close)?;
        Err(Rejection::Close)
    }

    async fn receive(&self, _: &Gateway, _: &Peer, _: Message) -> Result<Bytes, Refusal> {
        self.1.send(()).map_err(|_| Refusal::new(1))?;
        Err(Refusal::new(0))
    }

    async fn room(&self, _: &Gateway, _: &Peer, _: RoomRequest) -> Result<Bytes, Refusal> {
        self.1.send(()).map_err(|_| Refusal::new(1))?;
        Err(Refusal::new(0))
    }

    async fn event(&self, gateway: &Gateway, peer: &Peer, event: Event<'_>) {
        self.0.event(gateway, peer, event);
        self.1.send(()).unwrap();
    }
}

/// Returns from a call when the async router has returned.
#[cfg(feature = "simulation")]
struct Awaited(OnTokio<Inside>, std::sync::Mutex<mpsc::Receiver<()>>);

#[cfg(feature = "simulation")]
impl Awaited {
    fn wait(&self) {
        self.1.lock().unwrap().recv_timeout(Duration::from_secs(10)).unwrap();
    }
}

#[cfg(feature = "simulation")]
impl Router for Awaited {
    fn connect(&self, gateway: &Gateway, request: Connect, reply: ConnectReply) {
        self.0.connect(gateway, request, reply);
        self.wait();
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        self.0.receive(gateway, peer, message, receipt);
        self.wait();
    }

    fn room(&self, gateway: &Gateway, peer: &Peer, request: RoomRequest, receipt: Receipt) {
        self.0.room(gateway, peer, request, receipt);
        self.wait();
    }

    fn event(&self, gateway: &Gateway, peer: &Peer, event: Event<'_>) {
        self.0.event(gateway, peer, event);
        self.wait();
    }
}

#[cfg(feature = "simulation")]
#[test]
fn every_event_reaches_the_async_router_as_it_was() {
    let runtime = runtime();
    let swallowed = crate::simulation::swallowed_calls(Identity::new("im", "alice"), |inner| {
        let (done, awaited) = mpsc::sync_channel(1);
        let router = OnTokio::new(runtime.handle().clone(), Inside(inner, done));
        Awaited(router, std::sync::Mutex::new(awaited))
    });
    // These have no counterpart: an async router is given neither a reply nor a receipt.
    assert_eq!(swallowed.unwrap(), ["connect", "receive", "room"]);
}
