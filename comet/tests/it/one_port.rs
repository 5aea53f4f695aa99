//! One port for TCP and WebSocket, told apart by the first bytes; and HTTP beside them.

use std::time::Duration;

use comet::{Closed, Config, DecodeError, Listen};
use comet_testkit::client::{Client, Transport};
use comet_testkit::clock;
use comet_testkit::comet::{Comet, Hello, reply};
use comet_testkit::frame::{AUTH_REPLY, Wire, auth, frame};
use comet_testkit::socket::{Arrived, Socket};
use comet_testkit::websocket::{self, request, status};

use crate::support::gateway::{Server, Setup, anywhere, config};

/// The port of all protocols among the addresses.
const AT: usize = 2;

fn start(config: Config) -> Server {
    Setup::new(config).listen(Listen::any(anywhere())).start()
}

fn connect(server: &Server) -> Socket {
    Socket::connect(server.gateway.addresses()[AT])
}

/// What a peer gets that sends these bytes, until the connection ends.
fn answer(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut socket = connect(server);
    socket.write(bytes);
    let (answer, end) = socket.rest();
    assert_ne!(end, Arrived::Nothing, "it must end");
    answer
}

#[test]
fn every_dialect_on_tcp_and_websocket_is_served() {
    for shards in [1, 2] {
        let server = start(config(shards));
        let address = server.gateway.addresses()[AT];
        for transport in [Transport::Tcp, Transport::WebSocket] {
            let mut dtalk = Client::connect(&address, transport);
            dtalk.sign_in("alice", "");
            assert_eq!(dtalk.ask(2, b"hello"), b"hello", "{transport:?}");
            let mut comet = Comet::open(&address, transport, &Hello::new("bob", ""));
            comet.say(1, 0, b"hello");
            assert_eq!(comet.receive(), reply(1, "hello"), "{transport:?}");
        }
        // A head of 16 bytes.
        let mut goim = Client::connect(&address, Transport::Tcp);
        goim.wire = Wire::Goim;
        goim.send(&frame(7, 1, b"{\"mid\":1}"));
        assert_eq!(goim.receive().op, 8);
    }
}

#[test]
fn bytes_may_come_one_by_one() {
    let server = start(config(1));
    for transport in [Transport::Tcp, Transport::WebSocket] {
        let mut client = Client::over(transport, connect(&server));
        if transport == Transport::WebSocket {
            request("/sub", "").bytes().for_each(|byte| client.socket.write([byte]));
            websocket::await_upgrade(&mut client.socket);
        }
        let bytes = client.bytes(&[auth(1, "alice", "")]);
        bytes.into_iter().for_each(|byte| client.socket.write([byte]));
        assert_eq!(client.receive(), frame(AUTH_REPLY, 1, b""));
    }
}

#[test]
fn http_that_is_no_upgrade_is_refused_in_http() {
    let server = start(config(1));
    let good = request("/sub", "");
    let cases = [
        (404, good.replacen("/sub", "/elsewhere", 1)),
        (405, good.replacen("GET", "POST", 1)),
        (426, good.replacen("Upgrade: websocket\r\n", "", 1)),
    ];
    for (expected, request) in &cases {
        let answer = String::from_utf8(answer(&server, request.as_bytes())).unwrap();
        assert_eq!(status(&answer), *expected, "{answer}");
    }
    assert_eq!(server.ended_as(&Closed::UpgradeRefused(404)), cases.len() as u64);
}

#[test]
fn garbage_ends_its_connection_at_once_and_is_counted() {
    let server = start(config(1));
    let mut healthy = Client::connect(&server.gateway.addresses()[AT], Transport::Tcp);
    healthy.sign_in("alice", "");
    let garbage: [&[u8]; 5] =
        [b"\xff\xff\xff\xff", b"SSH-2.0-OpenSSH_9.9\r\n", b"get / ", b"\x16\x03\x01\x02", b"\r\n"];
    for bytes in garbage {
        assert_eq!(answer(&server, bytes), b"", "{bytes:?}");
    }
    assert_eq!(server.ended_as(&Closed::Unrecognized), garbage.len() as u64);
    healthy.beat(2);
}

/// The length tells, before the rest is there.
#[test]
fn a_first_packet_longer_than_any_auth_frame_is_refused_whatever_later_ones_may_be() {
    let server = start(config(1).limits(|it| it.max_body = 1 << 20));
    let too_long = (16_384_u32 + 20 + 1).to_be_bytes();
    assert_eq!(answer(&server, &too_long), b"");
    assert_eq!(server.ended_as(&DecodeError::TooLong { len: 0, limit: 0 }.into()), 1);
    let address = server.gateway.addresses()[AT];
    let mut client = Client::connect(&address, Transport::Tcp);
    client.sign_in("alice", "");
    let body = vec![7; 100_000];
    assert_eq!(client.ask(2, &body), body);
}

#[test]
fn silence_and_half_of_the_first_bytes_end_at_the_deadline_of_the_handshake() {
    let server = start(config(1).handshake(|it| it.timeout = Duration::from_millis(100)));
    for bytes in [&b""[..], b"GE", b"\0\0", b"GET /sub HTTP/1.1\r\nHost:"] {
        assert_eq!(answer(&server, bytes), b"", "{bytes:?}");
    }
    assert_eq!(server.ended_as(&Closed::HandshakeTimeout), 4);
}

#[test]
fn a_listener_for_packets_has_no_handler_of_http() {
    let builder = comet::Gateway::builder(crate::support::router::TestRouter::new());
    let listen = Listen::tcp(anywhere()).http(drop);
    assert!(matches!(builder.listen(listen).start(), Err(comet::StartError::Config(_))));
}

#[cfg(feature = "tokio")]
mod http {
    use std::net::SocketAddr;
    use std::sync::mpsc;

    use axum::body::Bytes;
    use axum::extract::{DefaultBodyLimit, Request, State};
    use axum::http::StatusCode;
    use axum::response::IntoResponse;
    use axum::routing::{any, get, post};
    use axum::{Router, serve};
    use comet::tokio::HttpStream;
    use comet::{Adoption, Gateway, HttpConnection};
    use hyper_util::rt::TokioIo;
    use tokio::runtime::Runtime;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;

    const GET: &[u8] = b"GET /hello HTTP/1.1\r\nHost: gateway.test\r\n\r\n";

    /// Connections that the gateway hands over, as a listener of axum.
    struct HandedOver(UnboundedReceiver<HttpConnection>);

    impl serve::Listener for HandedOver {
        type Io = HttpStream;
        type Addr = SocketAddr;

        async fn accept(&mut self) -> (HttpStream, SocketAddr) {
            match self.0.recv().await {
                Some(connection) => (connection.into_stream().unwrap(), anywhere()),
                None => std::future::pending().await,
            }
        }

        fn local_addr(&self) -> std::io::Result<SocketAddr> {
            Ok(anywhere())
        }
    }

    async fn chat(State(gateway): State<Gateway>, mut request: Request) -> impl IntoResponse {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let stream = TokioIo::new(upgrade.await.unwrap());
            gateway.adopt(stream, Adoption::websocket()).unwrap();
        });
        let headers = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-accept", websocket::ACCEPT),
        ];
        (StatusCode::SWITCHING_PROTOCOLS, headers)
    }

    fn start(runtime: &Runtime, config: Config) -> Server {
        start_on(runtime, config, Listen::any(anywhere()))
    }

    fn start_on(runtime: &Runtime, config: Config, listen: Listen) -> Server {
        let (sender, handed_over) = unbounded_channel();
        // Nobody is served once the test has ended.
        let handler = move |connection| drop(sender.send(connection));
        let server = Setup::new(config).listen(listen.http(handler)).start();
        let app = Router::new()
            .route("/hello", get(|| async { "hello" }))
            .route("/echo", post(|body: Bytes| async { body }))
            .route("/chat", any(chat))
            .layer(DefaultBodyLimit::max(1 << 20))
            .with_state(server.gateway.clone());
        runtime.spawn(async move { serve(HandedOver(handed_over), app).await });
        server
    }

    fn respond(socket: &mut Socket, bytes: &[u8], len: usize) -> (u16, Vec<u8>) {
        socket.write(bytes);
        let head = websocket::response(socket);
        (status(&head), socket.take(len))
    }

    #[test]
    fn it_is_served_beside_sessions_by_the_embedders_server() {
        let runtime = Runtime::new().unwrap();
        let server = start(&runtime, config(2).limits(|it| it.max_connections = 2));
        let address = server.gateway.addresses()[AT];
        let body = vec![b'x'; 300_000];
        let post = "POST /echo HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 300000\r\n\r\n";
        let post = [post.as_bytes(), &body].concat();
        let mut sockets = Vec::new();
        for first in [GET, &post, GET] {
            // More than the gateway's limit of connections: they are not its own any more.
            let mut socket = Socket::connect(address);
            let len = if first == GET { 5 } else { body.len() };
            assert_eq!(respond(&mut socket, first, len).0, 200);
            assert_eq!(respond(&mut socket, &post, body.len()), (200, body.clone()));
            assert_eq!(respond(&mut socket, GET, 5), (200, b"hello".to_vec()));
            sockets.push(socket);
        }
        let unknown = request("/elsewhere", "");
        assert_eq!(respond(&mut Socket::connect(address), unknown.as_bytes(), 0).0, 404);
        let stats = server.stats();
        assert_eq!((stats.handed_over, stats.connections), (4, 0));

        let mut upgraded = Client::connect(&address, Transport::WebSocket);
        upgraded.sign_in("alice", "");
        assert_eq!(upgraded.ask(2, b"hi"), b"hi");
        let mut plain = Client::connect(&address, Transport::Tcp);
        plain.sign_in("bob", "");
        assert_eq!(server.stats().handed_over, 4, "an upgrade under /sub is the gateway's");
    }

    /// The connection leaves its shard with its TLS.
    #[cfg(feature = "tls")]
    #[test]
    fn it_is_served_over_tls_too() {
        let runtime = Runtime::new().unwrap();
        let listen = Listen::any(anywhere()).tls_or_plain(crate::support::tls::tls());
        let server = start_on(&runtime, config(2), listen);
        let address = server.gateway.addresses()[AT];
        let secured = || crate::support::tls::secured(address);
        let body = vec![b'x'; 1_000_000];
        let post = "POST /echo HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 1000000\r\n\r\n";
        let post = [post.as_bytes(), &body].concat();
        for first in [GET, &post] {
            let mut socket = secured();
            let len = if first == GET { 5 } else { body.len() };
            assert_eq!(respond(&mut socket, first, len).0, 200);
            assert_eq!(respond(&mut socket, &post, body.len()), (200, body.clone()));
            // What is upgraded later is adopted as a stream.
            socket.write(request("/chat", ""));
            websocket::await_upgrade(&mut socket);
            let mut client = Client::over(Transport::WebSocket, socket);
            client.sign_in("alice", "");
            assert_eq!(client.ask(2, &[7; 10_000]), [7; 10_000]);
        }
        let mut upgraded = secured();
        upgraded.write(request("/sub", ""));
        websocket::await_upgrade(&mut upgraded);
        assert_eq!(respond(&mut connect(&server), GET, 5).0, 200, "and plain");
        assert_eq!((server.stats().handed_over, server.stats().tls_handshakes), (3, 3));
    }

    #[test]
    fn a_later_request_of_the_same_connection_may_be_an_upgrade() {
        let runtime = Runtime::new().unwrap();
        let server = start(&runtime, config(1));
        let mut socket = Socket::connect(server.gateway.addresses()[AT]);
        assert_eq!(respond(&mut socket, GET, 5).0, 200);
        socket.write(request("/chat", ""));
        websocket::await_upgrade(&mut socket);
        let mut client = Client::over(Transport::WebSocket, socket);
        client.sign_in("alice", "");
        assert_eq!(client.ask(2, b"hi"), b"hi");
        assert_eq!((server.stats().handed_over, server.stats().adopted), (1, 1));
    }

    #[test]
    fn a_handler_that_panics_costs_its_connection_only() {
        let handler = |_| panic!("on purpose");
        let server = Setup::new(config(1)).listen(Listen::any(anywhere()).http(handler)).start();
        assert_eq!(answer(&server, GET), b"");
        let mut client = Client::connect(&server.gateway.addresses()[AT], Transport::Tcp);
        client.sign_in("alice", "");
        assert_eq!(server.stats().handed_over, 1);
    }

    #[test]
    fn without_a_runtime_it_is_a_socket_and_the_bytes_read() {
        let (sender, handed_over) = mpsc::sync_channel(1);
        let handler = move |connection| sender.send(connection).unwrap();
        let server = Setup::new(config(1)).listen(Listen::any(anywhere()).http(handler)).start();
        let mut socket = connect(&server);
        // Complete or not: no more is needed than another method.
        socket.write(b"DELETE /x HT");
        let connection: HttpConnection = handed_over.recv_timeout(clock::PATIENCE).unwrap();
        assert_eq!(connection.via(), socket.local().ip().into());
        assert!(!connection.is_tls());
        let (theirs, read) = connection.into_socket().unwrap();
        assert_eq!(read, b"DELETE /x HT"[..]);
        let mut theirs = Socket::over(theirs);
        theirs.write(b"HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(status(&websocket::response(&mut socket)), 204);
    }
}
