//! Peers that are gone without a word, behind a network of the test's own that drops every packet.
//!
//! The network is a namespace joined to this one by a pair of virtual interfaces, which takes root.
//! Without it the tests say so, and look at the sockets' options alone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use comet::{Adoption, Closed, Config, Delivery, Gateway, Io, Listen, Target};
use comet_testkit::clock;
use comet_testkit::frame::{Wire, auth};
use comet_testkit::socket::pair;
use socket2::SockRef;

use crate::support::gateway::{Server, Setup, anywhere, config};
use crate::support::router::TestRouter;

const SECOND: Duration = Duration::from_secs(1);

/// A network namespace with one way out, to an address of ours.
struct Network {
    name: String,
    /// Our end.
    address: IpAddr,
}

impl Network {
    /// `None` where none can be made, after saying why.
    #[expect(clippy::print_stderr, reason = "says what was not tested")]
    fn new(number: u32) -> Option<Self> {
        let id = std::process::id();
        // Of those set aside for measurements (RFC 2544); a /30 for each process and test.
        let net = (id * 4 + number) % (1 << 14) * 4;
        let [high, low] = u16::try_from(net).expect("16 bits").to_be_bytes();
        let at = |host: u8| Ipv4Addr::new(198, 18 + number as u8 % 2, high, low + host);
        let name = format!("comet-{id}-{number}");
        let (ours, theirs) = (format!("co{id}-{number}"), format!("ci{id}-{number}"));
        let network = Self { name: name.clone(), address: at(1).into() };
        let commands = [
            format!("netns add {name}"),
            format!("link add {ours} type veth peer name {theirs} netns {name}"),
            format!("addr add {}/30 dev {ours}", at(1)),
            format!("link set {ours} up"),
            format!("-n {name} addr add {}/30 dev {theirs}", at(2)),
            format!("-n {name} link set {theirs} up"),
        ];
        for command in commands {
            let words = command.split(' ');
            let done = Command::new("ip").args(words).stderr(Stdio::null()).status();
            if !done.is_ok_and(|status| status.success()) {
                eprintln!("not tested here: `ip {command}` takes iproute2 and root");
                return None;
            }
        }
        Some(network)
    }

    /// A peer in there, which sends these bytes and then only reads.
    fn peer(&self, server: SocketAddr, bytes: &[u8]) -> Peer {
        let text: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        let script = format!(
            "exec 3<>/dev/tcp/{}/{}; printf '{text}' >&3; exec cat <&3 >/dev/null",
            server.ip(),
            server.port()
        );
        let command = ["netns", "exec", &self.name, "bash", "-c", &script];
        let child = Command::new("ip").args(command).stdin(Stdio::null()).spawn();
        Peer(child.expect("bash"))
    }

    /// From now on every packet is lost, in both directions.
    fn drop_everything(&self) {
        let rules = "table inet lost { \
             chain arriving { type filter hook input priority 0; policy drop; }; \
             chain leaving { type filter hook output priority 0; policy drop; }; }";
        let command = ["netns", "exec", &self.name, "nft", rules];
        let done = Command::new("ip").args(command).status().expect("ip");
        assert!(done.success(), "nft, of Debian's package nftables");
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The pair of interfaces goes with it.
        let command = ["netns", "del", &self.name];
        let _ = Command::new("ip").args(command).stderr(Stdio::null()).status();
    }
}

/// A program, killed when it is dropped.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Until the session of this user was lost.
fn lost_after(server: &Server, user: &str, start: Instant) -> Duration {
    assert_eq!(server.log.closed(user), Closed::Lost(std::io::ErrorKind::TimedOut), "{user}");
    clock::now() - start
}

/// How sockets can be read here.
fn ways() -> Vec<Io> {
    let has_ring = Gateway::builder(TestRouter::new())
        .config(config(1).io(|it| it.interface = Io::Uring))
        .start();
    let ring = has_ring.map(|gateway| {
        gateway.drain(Duration::ZERO);
        gateway.wait();
        Io::Uring
    });
    [Io::Epoll].into_iter().chain(ring.ok()).collect()
}

#[test]
fn a_peer_behind_a_network_that_drops_everything_is_found_in_time() {
    std::thread::scope(|scope| {
        for (number, io) in (0..).zip(ways()) {
            scope.spawn(move || is_found(number, io));
        }
    });
}

fn is_found(number: u32, io: Io) {
    let Some(network) = Network::new(number) else { return };
    let limits = config(2).io(|it| {
        it.interface = io;
        it.write_timeout = SECOND;
        it.user_timeout = 2 * SECOND;
    });
    let listen = Listen::tcp(SocketAddr::new(network.address, 0));
    let server = Setup::new(limits.io(|it| it.keepalive = 4 * SECOND)).listen(listen).start();
    let address = server.gateway.addresses()[2];
    let join = |user: &str| {
        let peer = network.peer(address, &Wire::Dtalk.bytes(&auth(1, user, "")));
        // Waits until it has a session.
        assert_eq!(server.log.peer(user).user(), user);
        peer
    };
    let peers = [join("idle"), join("busy")];
    network.drop_everything();
    let start = clock::now();
    server.gateway.push(Target::user("dtalk", "busy"), Delivery::acked("x")).unwrap();
    let busy = lost_after(&server, "busy", start);
    // The system rounds to its timers, and this machine may be busy.
    assert!((SECOND..4 * SECOND).contains(&busy), "{busy:?} {io:?}");
    let idle = lost_after(&server, "idle", start);
    assert!((2 * SECOND..8 * SECOND).contains(&idle), "{idle:?} {io:?}");
    drop(peers);
}

#[test]
fn adopted_connections_have_the_options_of_the_others() {
    let server = Server::start(Config::default().shards(1));
    let options = |socket: &SockRef<'_>| {
        (
            socket.keepalive().unwrap(),
            socket.tcp_keepalive_time().unwrap(),
            socket.tcp_keepalive_interval().unwrap(),
            socket.tcp_keepalive_retries().unwrap(),
            socket.tcp_user_timeout().unwrap(),
        )
    };
    let (ours, _theirs) = pair();
    let same = ours.try_clone().unwrap();
    assert!(!options(&SockRef::from(&same)).0);
    server.gateway.adopt_socket(ours, Adoption::websocket()).unwrap();
    let expected = (true, 30 * SECOND, 7 * SECOND, 4, Some(25 * SECOND));
    assert_eq!(options(&SockRef::from(&same)), expected);
}

#[test]
fn a_user_timeout_that_is_not_above_the_write_timeout_is_refused() {
    let too_short = Config::default().io(|it| it.write_timeout = 25 * SECOND);
    let odd = Config::default().io(|it| it.keepalive = SECOND);
    for (config, expected) in [
        (too_short, "io.user_timeout must be above io.write_timeout"),
        (odd, "io.keepalive must be at least 2 s, or zero"),
    ] {
        let builder = Gateway::builder(TestRouter::new()).config(config);
        let error = builder.listen(Listen::tcp(anywhere())).start().unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
