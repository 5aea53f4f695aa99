//! An async router behind real sockets: order within a session, side by side between sessions.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use comet_protocol::{AuthMsg, Decoder, Frame, Layout, op};
use tokio::sync::Semaphore;

use super::*;
use crate::{Config, Listen};

/// Answers each message with its own body, once its gate has a permit; panics on "panic".
struct Gated {
    slow: Arc<Semaphore>,
}

impl AsyncRouter for Gated {
    async fn connect(&self, _: &Gateway, request: Connect) -> Result<Identity, Refused> {
        tokio::task::yield_now().await;
        match request.token.as_str() {
            "" => Err(Refused::Closed),
            "again" => Err(Refused::Told("no".into())),
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
    fn connect(gateway: &Gateway, token: &str) -> Self {
        let stream = TcpStream::connect(gateway.addresses()[0]).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut client = Self { stream, decoder: Decoder::new(Layout::Dtalk, 1_000) };
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
            let count = self.stream.read(&mut buffer).unwrap();
            if count == 0 {
                return None;
            }
            self.decoder.push(&buffer[..count]);
        }
    }
}

fn start(runtime: &tokio::runtime::Runtime) -> (Gateway, Arc<Semaphore>) {
    let slow = Arc::new(Semaphore::new(0));
    let router = OnTokio::new(runtime.handle().clone(), Gated { slow: Arc::clone(&slow) });
    let config = Config::default().shards(1).held_refusals(0);
    let listen = Listen::tcp(([127, 0, 0, 1], 0).into());
    (Gateway::builder(router).config(config).listen(listen).start().unwrap(), slow)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
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
