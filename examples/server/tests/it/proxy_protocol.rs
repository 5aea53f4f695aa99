//! PROXY headers: by hand, and as HAProxy sends them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;

use comet_server_testkit::client::{Client, Transport};
use comet_server_testkit::http::answer;
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::clock;
use comet_testkit::ports::free;
use comet_testkit::program::Program;
use comet_testkit::socket::Socket;
use comet_testkit::websocket::{await_upgrade, request};
use socket2::{Domain, Type};
use tempfile::{NamedTempFile, TempDir};

const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 8);

/// A server whose ports are behind a balancer on 127.0.0.1.
fn start(settings: &[&str]) -> Server {
    let config = NamedTempFile::new().expect("a file");
    let text = "[[trusted_proxies]]\nnet = \"127.0.0.1/32\"\nheader = \"none\"\n";
    std::fs::write(config.path(), text).expect("written");
    let setup = Setup::default().flag("config", &config.path().display());
    let setup = setup.flag("any", &"127.0.0.1:0").flag("log", &"info");
    let ports = ["tcp", "ws", "http", "any"];
    let required = ports.map(|port| format!("listen.{port}_proxy_protocol=required"));
    let settings = required.iter().map(String::as_str).chain(settings.iter().copied());
    settings.fold(setup, Setup::set).start()
}

/// A connection from an address of this machine.
fn connect_from(from: Ipv4Addr, to: SocketAddr) -> Socket {
    let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((IpAddr::V4(from), 0)).into()).expect("an address");
    socket.connect_timeout(&to.into(), clock::PATIENCE).expect("a connection");
    Socket::over(socket.into())
}

const GET: &str = "GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

fn any_of(server: &Server) -> SocketAddr {
    server.addresses.any.expect("one port for all")
}

#[test]
fn every_port_requires_the_header_and_believes_the_balancer_alone() {
    let server = start(&["gateway.handshake_seconds=1", "http.head_seconds=1"]);
    let at = server.addresses;
    let line = "PROXY TCP4 198.51.100.7 10.0.0.1 4711 443\r\n";
    for address in [at.http, any_of(&server)] {
        let mut socket = Socket::connect(address);
        // The header, the request, and the rest of the request each come alone.
        for part in [line, &GET[..9], &GET[9..]] {
            socket.write(part);
        }
        assert_eq!(answer(&mut socket).text(), "pong");
        socket.write(GET);
        assert_eq!(answer(&mut socket).text(), "pong", "once for a connection");
    }
    for address in [at.tcp, at.ws, at.http, any_of(&server)] {
        let mut stranger = connect_from(OTHER, address);
        let _ = stranger.try_write([line, GET].concat());
        assert_eq!(stranger.rest().0, b"", "not a trusted proxy");
        let mut without = Socket::connect(address);
        without.write(GET);
        assert_eq!(without.rest().0, b"");
        let mut scan = Socket::connect(address);
        assert_eq!(scan.rest().0, b"", "silence");
    }
    let errors = server.process.errors();
    let accesses = errors.lines().filter(|line| line.contains("remote=198.51.100.7")).count();
    assert_eq!(accesses, 4, "{errors}");
    // Each of the two servers has a line in ten seconds, whatever comes.
    let warnings = errors.lines().filter(|line| line.contains("WARN")).count();
    assert!((1..=4).contains(&warnings), "{errors}");
}

#[test]
fn one_port_serves_everything() {
    let server = Setup::default().flag("any", &"127.0.0.1:0").start();
    let address = any_of(&server);
    let mut http = Socket::connect(address);
    for _ in 0..2 {
        http.write(GET);
        assert_eq!(answer(&mut http).text(), "pong");
    }
    let person = Person::new("alice");
    let mut tcp = Client::over(Transport::Tcp, Socket::connect(address));
    tcp.sign_in(&person, None);
    // A later request of a connection may be an upgrade, on the port of the API or here.
    for mut socket in [Socket::connect(address), http] {
        socket.write(request("/sub", ""));
        await_upgrade(&mut socket);
        let mut ws = Client::over(Transport::WebSocket, socket);
        ws.sign_in(&person, None);
        ws.beat();
    }
    tcp.beat();
    assert_eq!(server.metric("comet_gateway_handed_over_total"), 1);
}

/// HAProxy as packaged by Debian, in front of all ports of a server.
struct Haproxy {
    // Declared before its file, so that it is killed before that is removed.
    _process: Program,
    /// Where it listens for TCP, WebSocket, HTTP, and all of them.
    at: [SocketAddr; 4],
    _folder: TempDir,
}

impl Haproxy {
    /// Starts one that sends headers by this keyword; `None` if there is no HAProxy here.
    #[expect(clippy::print_stderr, reason = "shown with the test")]
    fn start(server: &Server, keyword: &str) -> Option<Self> {
        let program = "/usr/sbin/haproxy";
        if !std::path::Path::new(program).exists() {
            eprintln!("skipped: there is no haproxy here");
            return None;
        }
        let folder = tempfile::tempdir().expect("a directory");
        let at = [free(), free(), free(), free()];
        let addresses = server.addresses;
        let to = [addresses.tcp, addresses.ws, addresses.http, any_of(server)];
        let mut text = "defaults\nmode tcp\ntimeout connect 5s\ntimeout client 60s\n\
                        timeout server 60s\n"
            .to_owned();
        for (from, to) in at.iter().zip(to) {
            let name = from.port();
            // Its checks are connections of its own: LOCAL, or UNKNOWN in version 1.
            text.push_str(&format!(
                "listen l{name}\nbind {from}\n\
                 server s {to} {keyword} check inter 100ms check-send-proxy\n"
            ));
        }
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, text).expect("a configuration");
        let log = folder.path().join("haproxy.log");
        let mut command = Command::new(program);
        let mut process = Program::start_with_log(command.arg("-db").arg("-f").arg(&file), &log);
        assert!(process.listens_at(at[3]), "haproxy: {}", process.errors());
        Some(Self { _process: process, at, _folder: folder })
    }
}

#[test]
fn behind_haproxy_clients_have_their_own_addresses() {
    for keyword in ["send-proxy", "send-proxy-v2"] {
        let server = start(&["gateway.connections_per_address=1"]);
        let Some(proxy) = Haproxy::start(&server, keyword) else { return };
        let [tcp, ws, http, any] = proxy.at;
        let person = Person::new("alice");
        for (at, transport) in [
            (tcp, Transport::Tcp),
            (ws, Transport::WebSocket),
            (any, Transport::Tcp),
            (any, Transport::WebSocket),
        ] {
            let connect = |from| {
                let mut socket = connect_from(from, at);
                if transport == Transport::WebSocket {
                    socket.write(request("/sub", ""));
                }
                socket
            };
            let mut socket = connect(CLIENT);
            if transport == Transport::WebSocket {
                await_upgrade(&mut socket);
            }
            let mut client = Client::over(transport, socket);
            client.sign_in(&person, None);
            assert_eq!(connect(CLIENT).rest().0, b"", "the share of an address");
            let mut other = connect(OTHER);
            if transport == Transport::WebSocket {
                await_upgrade(&mut other);
            }
            Client::over(transport, other).sign_in(&Person::new("bob"), None);
            client.beat();
            drop(client);
            clock::eventually("the shares are given back", || {
                server.metric("comet_gateway_connections") == 0
            });
        }
        let mut page = connect_from(CLIENT, http);
        page.write(GET);
        assert_eq!(answer(&mut page).text(), "pong");
        clock::eventually("it is logged", || {
            let errors = server.process.errors();
            errors.lines().any(|line| line.contains("/ping") && line.ends_with("remote=127.0.0.9"))
        });
        assert!(!server.process.errors().contains("PROXY header"), "checks are no offence");
        assert!(TcpStream::connect(any).is_ok());
    }
}
