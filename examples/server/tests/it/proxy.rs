//! Sessions behind a proxy that closes connections on which nothing passes.

use std::time::{Duration, Instant};

use crate::support::client::{Client, Ending, Next, Transport};
use crate::support::nginx::Nginx;
use crate::support::person::Person;
use crate::support::server::{Server, Setup};
use crate::support::socket::Arrived;
use crate::support::websocket::{self, FIN, PING};

/// Longer than the 60 s after which nginx gives a silent connection up by default.
const SILENCE: Duration = Duration::from_secs(70);

/// What comes of a session of which its client says and hears nothing for so long.
fn silent(nginx: &Nginx, path: &str, name: &str) -> (Client, Next) {
    let socket = websocket::connect(nginx.address, path);
    let mut client = Client::over(Transport::WebSocket, socket);
    client.sign_in(&Person::new(name), None);
    let next = client.next(Instant::now() + SILENCE);
    (client, next)
}

/// The last one shows that nginx would: its server sends no pings.
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
            let nginx = &nginx;
            scope.spawn(move || {
                let (mut client, next) = silent(nginx, path, name);
                assert_eq!(next, Next::Nothing, "{path}");
                client.beat();
            })
        });
        let (_, next) = silent(&nginx, "/mute/sub", "carol");
        assert_eq!(next, Next::Ended(Ending::Fin), "without pings");
        lives.into_iter().for_each(|life| life.join().expect("a session that lives"));
    });
}

/// How many pings come to a client in a time in which it says nothing.
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
