//! Behind nginx: the routes of existing deployments, and timeouts of silent connections.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use comet_server_testkit::client::{Client, Ending, Next, Transport};
use comet_server_testkit::deployed;
use comet_server_testkit::nginx::Nginx;
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::socket::Arrived;
use comet_testkit::websocket::{self, FIN, PING};

/// Tests of the server alone: nginx answers or refuses these itself, or they distinguish the two
/// ports that are one here.
const OF_THE_SERVER: [&str; 14] = [
    "http::bounds::",
    "http::cors::",
    "http::local::",
    "http::sse::",
    "http::unread::",
    "http::unknown::",
    "a_host_that_the_server_was_not_told_of",
    "nothing_else_is_served",
    "both_ports_refuse_the_same_upgrades",
    "whoever_does_not_ask_rightly",
    "the_limits_of_upgrades_are_settings",
    "a_full_gateway_says_so",
    "connections_of_an_address_are_counted",
    "handshakes_of_an_address_have_a_rate",
];

/// The tests of the HTTP API and of the sockets again, behind the deployed proxy.
#[test]
fn clients_find_behind_the_deployed_routes_what_they_rely_on() {
    let program = std::env::current_exe().expect("a test program");
    let mut tests = Command::new(program);
    tests.args(["http::", "clients::"]).env(deployed::BEHIND, "1");
    for name in OF_THE_SERVER {
        tests.args(["--skip", name]);
    }
    let output = tests.output().expect("the tests run");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let passed = said.lines().filter(|line| line.ends_with("... ok")).count();
    assert!(passed > 40, "{said}");
}

/// Longer than the 60 s after which nginx closes a silent connection by default.
const SILENCE: Duration = Duration::from_secs(70);

/// The outcome of a session without traffic of the client for this time.
fn silent(proxy: SocketAddr, path: &str, name: &str) -> (Client, Next) {
    let socket = websocket::upgrade(proxy, path);
    let mut client = Client::over(Transport::WebSocket, socket);
    client.sign_in(&Person::new(name), None);
    let next = client.next(Instant::now() + SILENCE);
    (client, next)
}

/// The last one is the control: its server sends no pings, and nginx closes.
#[test]
fn a_silent_session_outlives_the_default_timeouts_of_nginx() {
    let server = Server::start();
    let mute = Setup::default().flag("set", &"gateway.ping_seconds=0").start();
    let locations = [
        Nginx::websocket("/sub", server.addresses.ws),
        Nginx::websocket("/sub/", server.addresses.http),
        Nginx::websocket("/mute/sub", mute.addresses.ws).replacen(
            "{\n",
            "{\nrewrite ^/mute(.*)$ $1 break;\n",
            1,
        ),
    ];
    let nginx = Nginx::start(&locations.concat());
    std::thread::scope(|scope| {
        let lives = [("/sub", "alice"), ("/sub/", "bob")].map(|(path, name)| {
            let proxy = nginx.address;
            scope.spawn(move || {
                let (mut client, next) = silent(proxy, path, name);
                assert_eq!(next, Next::Nothing, "{path}");
                client.beat();
            })
        });
        let (_, next) = silent(nginx.address, "/mute/sub", "carol");
        assert_eq!(next, Next::Ended(Ending::Fin), "without pings");
        lives.into_iter().for_each(|life| life.join().expect("a session that lives"));
    });
}

/// Number of pings that a silent client receives in a time.
fn pings(client: &mut Client, time: Duration) -> usize {
    let (deadline, mut count) = (Instant::now() + time, 0);
    loop {
        while let Some(frame) = websocket::take(&mut client.socket.unread) {
            assert_eq!(frame.first, FIN | PING);
            count += 1;
        }
        if client.socket.read_until(deadline) != Arrived::Bytes {
            return count;
        }
    }
}

#[test]
fn each_port_may_have_a_time_of_its_own_for_pings() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let settings = "[gateway]\nping_seconds = 60\nws_ping_seconds = 1\nhttp_ping_seconds = 2\n";
    std::fs::write(file.path(), settings).expect("settings");
    let server = Setup::default().flag("config", &file.path().display()).start();
    let join = |transport, name: &str| server.client(transport, &Person::new(name), None);
    let mut ws = join(Transport::WebSocket, "alice");
    let mut http = join(Transport::HttpPort, "bob");
    let time = Duration::from_millis(3_300);
    let (ws, http) = std::thread::scope(|scope| {
        let other = scope.spawn(|| pings(&mut http, time));
        (pings(&mut ws, time), other.join().expect("the other port"))
    });
    assert!((2..=3).contains(&ws) && http == 1, "{ws} and {http}");
}
