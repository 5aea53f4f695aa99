//! Adopted streams: any stream of a runtime, in any dialect, with all that holds on a socket.
//!
//! What holds everywhere is tested over adopted pipes, too: see `support::place`.

mod tls;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use comet::{
    AdoptError, Adoption, Closed, Delivery, Dialect, ForwardedHeader, Identity, Target,
    TrustedProxies, UpgradeRequest,
};
use comet_testkit::client::{Client, Ending, Transport};
use comet_testkit::clock;
use comet_testkit::frame::{Wire, auth, frame, reply, say};
use comet_testkit::websocket::{CLOSE, FIN, TEXT, masked};
use serde_json::json;
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream, DuplexStream, ReadBuf,
};

use crate::support::gateway::{Server, Setup, config};
use crate::support::log::Event;
use crate::support::router::{echo, hold};
use crate::support::streams::{bridged, pipe, runtime};

const HOME: &str = "198.51.100.7";

/// A client of a stream that the gateway adopts.
fn adopted(server: &Server, transport: Transport, adoption: Adoption) -> Client {
    let (ours, theirs) = pipe();
    server.gateway.adopt(ours, adoption).expect("a place");
    Client::over(transport, bridged(theirs))
}

fn request(fields: &[(&'static str, &'static str)]) -> UpgradeRequest {
    let always = [
        ("host", "chat.test"),
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let fields = always.iter().chain(fields).map(|(name, value)| (*name, *value));
    UpgradeRequest::from_http("GET", "/chat?since=7", fields).expect("a valid request")
}

#[test]
fn a_raw_peer_is_asked_about_by_the_request_of_its_upgrade() {
    for shards in [1, 2] {
        let server =
            Setup::new(config(shards)).on_message(echo).on_connect(|log, request, reply| {
                log.keep(request, reply);
            });
        let server = server.start();
        let adoption =
            Adoption::websocket().dialect(Dialect::Raw).remote(([192, 0, 2, 1], 7).into());
        let adoption = adoption.request(request(&[("cookie", "user=alice")]));
        let mut client = adopted(&server, Transport::WebSocket, adoption);
        let (asked, reply) = server.log.asked();
        let upgrade = asked.upgrade.expect("the request");
        assert_eq!((upgrade.path(), upgrade.query()), ("/chat", Some("since=7")));
        assert_eq!(upgrade.text("cookie"), Some("user=alice"));
        assert_eq!((asked.remote, asked.dialect), (([192, 0, 2, 1], 7).into(), Dialect::Raw));
        reply.accept(Identity::new("dtalk", "alice"));
        client.socket.write(masked(FIN | TEXT, b"hello"));
        let echoed = client.receive_ws();
        assert_eq!((echoed.first, &echoed.payload[..]), (FIN | TEXT, &b"hello"[..]));
        assert_eq!(server.log.peer("alice").remote(), ([192, 0, 2, 1], 7).into());
    }
}

#[test]
fn a_refused_raw_peer_is_closed_as_its_upgrade_is_answered_already() {
    let server = Setup::new(config(1)).on_connect(|_, _, reply| reply.refuse("no")).start();
    let adoption = Adoption::websocket().dialect(Dialect::Raw).request(request(&[]));
    let mut client = adopted(&server, Transport::WebSocket, adoption);
    assert_eq!(client.receive_ws().first, FIN | CLOSE);
    assert_eq!(server.ended_as(&Closed::Refused), 1);
}

#[test]
fn the_request_of_an_upgrade_is_shown_at_each_attempt_in_dialects_with_auth_frames() {
    let server = Setup::new(config(2)).on_connect(|log, request, reply| {
        log.keep(request, reply);
    });
    let server = server.start();
    let adoption = Adoption::websocket().request(request(&[("cookie", "user=alice")]));
    let mut client = adopted(&server, Transport::WebSocket, adoption);
    for attempt in [1, 2] {
        client.send(&auth(attempt, "alice", ""));
        let (asked, reply) = server.log.asked();
        assert_eq!(asked.upgrade.expect("the request").text("cookie"), Some("user=alice"));
        assert_eq!((asked.dialect, asked.token.as_str()), (Dialect::Dtalk, "alice"));
        match attempt {
            1 => reply.refuse("again"),
            _ => reply.accept(Identity::new("dtalk", "alice")),
        }
        client.receive();
    }
    client.send(&auth(3, "alice", ""));
    let (renewing, reply) = server.log.asked();
    assert!(renewing.upgrade.is_none(), "it is not kept for an open session");
    reply.accept(Identity::new("dtalk", "alice"));
    client.receive();
}

#[test]
fn text_is_spoken_where_it_is_said_to_be() {
    let server = Server::start(config(2));
    let adoption = Adoption::websocket().dialect(Dialect::Text);
    let mut client = adopted(&server, Transport::WebSocket, adoption);
    let connect = json!({ "t": "connect", "token": "alice", "app": "dtalk" }).to_string();
    client.socket.write(masked(FIN | TEXT, connect.as_bytes()));
    let connected: serde_json::Value =
        serde_json::from_slice(&client.receive_ws().payload).unwrap();
    assert_eq!((&connected["t"], &connected["user"]), (&json!("connected"), &json!("alice")));
    for dialect in [Dialect::Text, Dialect::Raw] {
        let adoption = Adoption::stream().dialect(dialect);
        let error = server.gateway.adopt(pipe().0, adoption).unwrap_err();
        assert!(matches!(error, AdoptError::Dialect), "{error}");
    }
    clock::eventually("its place is given back", || server.stats().connections == 1);
}

#[test]
fn a_peer_of_decided_identity_is_not_asked_about() {
    for shards in [1, 2] {
        let server = Setup::new(config(shards)).on_message(echo).start();
        let alice = || Identity::new("dtalk", "alice").room("lobby");
        let raw = Adoption::websocket().dialect(Dialect::Raw).identity(alice());
        let mut raw = adopted(&server, Transport::WebSocket, raw);
        server.log.peer("alice");
        server.gateway.publish("lobby", Delivery::acked("to the lobby")).unwrap();
        assert_eq!(raw.receive_ws().payload, b"to the lobby");

        let mut dtalk =
            adopted(&server, Transport::Tcp, Adoption::stream().identity(alice().device("phone")));
        dtalk.sign_in("whatever", "");
        dtalk.send(&say(2, b"hi"));
        assert_eq!(dtalk.receive(), frame(9, 1, b"hi"));
        assert_eq!(dtalk.receive(), reply(2, b""));
        let was_asked = |event: &Event| matches!(event, Event::Connect { .. }).then_some(());
        assert!(server.log.so_far(was_asked).is_empty(), "the router was not asked");

        dtalk.send(&auth(3, "alice@phone", ""));
        assert_eq!(dtalk.receive(), frame(2, 3, b""), "a renewal is asked of the router");
        assert_eq!(server.log.so_far(was_asked).len(), 1);
    }
}

#[test]
fn a_stream_counts_for_the_address_that_its_proxy_names() {
    let proxies = TrustedProxies::new()
        .trust("192.0.2.0/24".parse().unwrap(), ForwardedHeader::XForwardedFor);
    let server = Server::start(
        config(2).trusted_proxies(proxies).limits(|it| it.connections_per_address = 1),
    );
    let adoption = || {
        let request = request(&[("x-forwarded-for", HOME)]);
        Adoption::websocket().remote(([192, 0, 2, 1], 7).into()).request(request)
    };
    let mut client = adopted(&server, Transport::WebSocket, adoption());
    client.sign_in("alice", "");
    assert_eq!(server.log.peer("alice").remote().ip().to_string(), HOME);
    let refused = server.gateway.adopt(pipe().0, adoption()).unwrap_err();
    assert!(matches!(refused, AdoptError::TooManyOfAddress), "{refused}");
    drop(client);
    clock::eventually("its share is given back", || {
        server.gateway.adopt(pipe().0, adoption()).is_ok()
    });
}

/// Sockets and streams in one room: every batch of publishes goes to all of them, in order.
#[test]
fn a_room_of_sockets_and_streams_hears_everything_in_order() {
    let server = Server::start(config(2));
    let mut members: Vec<Client> = (0..12)
        .map(|number| {
            let user = format!("user-{number}");
            if number % 2 == 0 {
                return server.client(Transport::Tcp, &user, "lobby");
            }
            let mut client = adopted(&server, Transport::Tcp, Adoption::stream());
            client.sign_in(&user, "lobby");
            client
        })
        .collect();
    let bodies: Vec<Vec<u8>> =
        (0..60).map(|number| vec![number; 1 + 90 * number as usize]).collect();
    for body in &bodies {
        server.gateway.publish("lobby", Delivery::best_effort(body.clone())).unwrap();
    }
    for member in &mut members {
        let heard = member.receive_all(bodies.len());
        assert!(heard.iter().map(|frame| &frame.body).eq(&bodies));
    }
}

#[test]
fn a_peer_without_answers_is_not_read() {
    let server = Setup::new(config(1).limits(|it| it.inbox = 2)).on_message(hold).start();
    let (ours, mut theirs) = tokio::io::duplex(512);
    server.gateway.adopt(ours, Adoption::stream()).unwrap();
    let bytes = Wire::Dtalk.bytes(&auth(1, "alice", ""));
    runtime().block_on(theirs.write_all(&bytes)).unwrap();
    let message = Wire::Dtalk.bytes(&say(2, [7; 100]));
    let written = runtime().block_on(async {
        let mut written = 0;
        while let Ok(result) =
            tokio::time::timeout(Duration::from_millis(300), theirs.write_all(&message)).await
        {
            result.unwrap();
            written += 1;
        }
        written
    });
    assert!((2..600).contains(&written), "{written} messages fit into the pipe and one read");
    let (first, second) = (server.log.held(), server.log.held());
    first.receipt.ack("1");
    second.receipt.ack("2");
    server.log.held();
}

#[test]
fn a_peer_that_does_not_read_is_ended_in_time_and_costs_no_more_than_it_may() {
    let config = config(1).io(|it| it.write_timeout = Duration::from_millis(200)).delivery(|it| {
        it.queue = 16;
        it.window = 4;
    });
    let server = Server::start(config);
    let (ours, mut theirs) = tokio::io::duplex(1_024);
    server.gateway.adopt(ours, Adoption::stream()).unwrap();
    runtime().block_on(theirs.write_all(&Wire::Dtalk.bytes(&auth(1, "alice", "")))).unwrap();
    server.log.peer("alice");
    for _ in 0..16 {
        let _full =
            server.gateway.push(Target::user("dtalk", "alice"), Delivery::acked(vec![1; 4_000]));
    }
    assert_eq!(server.log.closed("alice"), Closed::Slow);
    let mut rest = Vec::new();
    runtime().block_on(theirs.read_to_end(&mut rest)).unwrap();
    assert!(rest.len() <= 1_024 + 64, "what was in the pipe");
}

#[test]
fn a_drain_drops_streams_whether_their_peers_read_or_not() {
    let mut server = Server::start(config(2));
    let mut reads = adopted(&server, Transport::WebSocket, Adoption::websocket());
    reads.sign_in("reads", "");
    let (ours, mut stalls) = tokio::io::duplex(64);
    let early = Wire::Dtalk.bytes(&auth(1, "stalls", ""));
    server.gateway.adopt(ours, Adoption::stream().leftover(early)).unwrap();
    server.log.peer("stalls");
    server.gateway.push(Target::user("dtalk", "stalls"), Delivery::acked(vec![1; 9_000])).unwrap();
    server.gateway.drain(Duration::from_millis(500));
    assert_eq!(reads.ending(), Ending::Close(Some(1001)));
    server.wait();
    let mut rest = Vec::new();
    runtime().block_on(stalls.read_to_end(&mut rest)).unwrap();
    let late = server.gateway.adopt(pipe().0, Adoption::stream()).unwrap_err();
    assert!(matches!(late, AdoptError::Stopped), "{late}");
}

/// A stream that keeps what it is given until it is flushed, over a pipe that takes little at once.
#[test]
fn bytes_that_a_stream_keeps_are_flushed_as_soon_as_its_peer_reads() {
    let server = Setup::new(config(1)).on_message(echo).start();
    let (ours, theirs) = tokio::io::duplex(16);
    let ours = BufStream::with_capacity(1_024, 64 * 1024, ours);
    server.gateway.adopt(ours, Adoption::stream()).unwrap();
    let mut client = Client::over(Transport::Tcp, bridged(theirs));
    client.sign_in("alice", "");
    for number in 1..=20 {
        client.send(&say(number + 1, [7; 900]));
        client.takes(number, &[7; 900]);
        assert_eq!(client.receive(), reply(number + 1, b""));
    }
}

/// A pipe whose end panics when it is read after so many bytes.
struct Fragile {
    pipe: DuplexStream,
    left: Arc<AtomicUsize>,
}

impl AsyncRead for Fragile {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        assert!(self.left.load(Ordering::Relaxed) > 0, "a defect of a stream");
        let result = Pin::new(&mut self.pipe).poll_read(cx, buffer);
        let left = self.left.load(Ordering::Relaxed).saturating_sub(buffer.filled().len());
        self.left.store(left, Ordering::Relaxed);
        result
    }
}

impl AsyncWrite for Fragile {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

#[test]
fn a_stream_that_panics_ends_its_own_session_alone() {
    let server = Server::start(config(1));
    let mut other = server.client(Transport::Tcp, "other", "");
    let (pipe, theirs) = pipe();
    let left = Arc::new(AtomicUsize::new(usize::MAX));
    let stream = Fragile { pipe, left: Arc::clone(&left) };
    server.gateway.adopt(stream, Adoption::stream()).unwrap();
    let mut client = Client::over(Transport::Tcp, bridged(theirs));
    client.sign_in("fragile", "");
    left.store(1, Ordering::Relaxed);
    client.send(&say(2, b"one more"));
    assert_eq!(server.log.closed("fragile"), Closed::Lost(io::ErrorKind::Other));
    assert_eq!(other.ask(2, b"still here"), b"still here");
}

/// Descriptors and sessions are limits of their own.
#[test]
fn streams_hold_no_descriptor_and_are_as_many_as_sessions() {
    let server = Server::start(config(2).limits(|it| {
        it.max_connections = 1;
        it.max_sessions = 3;
    }));
    let reserve = || server.gateway.reserve(comet::Client::Unnamed);
    let _socket = reserve().unwrap();
    assert!(matches!(reserve(), Err(AdoptError::TooMany)));
    let stream = || Adoption::stream().without_descriptor();
    let mut first = adopted(&server, Transport::Tcp, stream());
    first.sign_in("alice", "");
    let _second = adopted(&server, Transport::Tcp, stream());
    let (ours, _theirs) = pipe();
    let upgraded = server.gateway.adopt(ours, Adoption::stream());
    assert!(matches!(upgraded, Err(AdoptError::TooMany)), "it may hold one: {upgraded:?}");
    let third = server.gateway.reserve_stream(comet::Client::Unnamed).unwrap();
    let (ours, _theirs) = pipe();
    let fourth = server.gateway.adopt(ours, stream());
    assert!(matches!(fourth, Err(AdoptError::TooMany)), "{fourth:?}");
    assert_eq!(server.stats().connections, 4);
    drop(third);
    let (ours, _theirs) = pipe();
    server.gateway.adopt(ours, stream()).unwrap();
    first.beat(2);
}
