//! Every way in is counted alike: accepted, through a proxy, adopted; and sessions have a limit of
//! their own.

use std::net::IpAddr;
use std::time::Duration;

use comet::{AdoptError, Adoption, Client as From, Closed, ForwardedHeader, TrustedProxies};
use comet_testkit::client::{Client, Ending, Next, Transport};
use comet_testkit::clock;
use comet_testkit::frame::auth;
use comet_testkit::socket::{Socket, pair};
use comet_testkit::websocket::{request, response, status};

use crate::support::gateway::{Server, Setup, config};
use crate::support::router::identity;

const HOME: &str = "198.51.100.7";

/// Believes this machine about whom it speaks for.
fn trusting(header: ForwardedHeader) -> TrustedProxies {
    TrustedProxies::new().trust("127.0.0.0/8".parse().unwrap(), header)
}

fn forwarded(address: &str) -> From {
    From::Forwarded(address.parse().unwrap())
}

/// A gateway whose sessions' users are the addresses that they come from.
fn by_address(config: comet::Config) -> Server {
    Setup::new(config)
        .on_connect(|_, request, reply| {
            let user = request.remote.ip().to_string();
            assert!(request.remote.port() == 0 || request.remote.ip().is_loopback());
            let mut request = request;
            request.token = user;
            reply.accept(identity(&request));
        })
        .start()
}

/// What an upgrade through a proxy is answered with, and the socket.
fn upgraded(server: &Server, fields: &str) -> (u16, String, Socket) {
    let mut socket = Socket::connect(server.address(Transport::WebSocket));
    socket.write(request("/sub", fields));
    let answer = response(&mut socket);
    (status(&answer), answer, socket)
}

#[test]
fn behind_a_trusted_proxy_the_forwarded_address_has_the_share_and_is_shown() {
    let config = config(2).limits(|it| it.connections_per_address = 1);
    let server = by_address(config.trusted_proxies(trusting(ForwardedHeader::XForwardedFor)));
    let field = |address: &str| format!("X-Forwarded-For: 203.0.113.1, {address}\r\n");
    let (accepted, _, socket) = upgraded(&server, &field(HOME));
    assert_eq!(accepted, 101);
    let mut client = Client::over(Transport::WebSocket, socket);
    client.sign_in("somebody", "");
    let peer = server.log.peer(HOME);
    assert_eq!((peer.user(), peer.remote()), (HOME, (HOME.parse::<IpAddr>().unwrap(), 0).into()));

    let (refused, answer, _) = upgraded(&server, &field(HOME));
    assert_eq!(refused, 429, "{answer}");
    assert!(answer.contains("Retry-After: "), "{answer}");
    assert_eq!(server.ended_as(&Closed::UpgradeRefused(429)), 1);
    assert_eq!(upgraded(&server, &field("198.51.100.8")).0, 101);
    // Nobody is named in the header that is believed: no share holds.
    let _others: Vec<_> = (0..3)
        .map(|_| upgraded(&server, &format!("X-Real-IP: {HOME}\r\n")))
        .inspect(|(status, ..)| assert_eq!(*status, 101))
        .collect();
    drop(client);
    clock::eventually("the share is given back", || upgraded(&server, &field(HOME)).0 == 101);
}

#[test]
fn headers_of_strangers_are_ignored() {
    let server = by_address(config(1).limits(|it| it.connections_per_address = 2));
    let field = format!("X-Forwarded-For: {HOME}\r\nForwarded: for={HOME}\r\n");
    let (_, _, socket) = upgraded(&server, &field);
    let mut client = Client::over(Transport::WebSocket, socket);
    client.sign_in("somebody", "");
    assert_eq!(server.log.peer("127.0.0.1").user(), "127.0.0.1");
    let _second = server.client(Transport::Tcp, "another", "");
    let mut third = Socket::connect(server.address(Transport::WebSocket));
    // Closed at accept, perhaps before it is written to.
    let _ = third.try_write(request("/sub", &field));
    assert_eq!(third.rest().0, b"");
    assert_eq!(server.ended_as(&Closed::TooManyConnections), 1);
}

#[test]
fn adopted_connections_count_like_accepted_ones() {
    let server = Server::start(config(2).limits(|it| {
        it.max_connections = 3;
        it.connections_per_address = 2;
    }));
    let gateway = &server.gateway;
    let reserve = |address| gateway.reserve(forwarded(address));
    let one = reserve(HOME).unwrap();
    let two = reserve(HOME).unwrap();
    assert!(matches!(reserve(HOME), Err(AdoptError::TooManyOfAddress)));
    let (ours, theirs) = pair();
    one.adopt_socket(ours, Adoption::stream()).unwrap();
    assert!(matches!(reserve(HOME), Err(AdoptError::TooManyOfAddress)), "adopted, not gone");
    let three = reserve("198.51.100.8").unwrap();
    assert!(matches!(reserve("198.51.100.9"), Err(AdoptError::TooMany)));
    let mut refused = Socket::connect(server.address(Transport::Tcp));
    assert_eq!(refused.rest().0, b"", "one count for all ways in");

    drop((two, three));
    let _again = reserve(HOME).unwrap();
    drop(theirs);
    clock::eventually("the connection has ended", || reserve(HOME).is_ok());
}

#[test]
fn handshakes_of_an_address_are_counted_wherever_they_arrive() {
    let server = Server::start(config(1).limits(|it| it.handshakes_per_address = 1));
    let here = From::Direct(IpAddr::from([127, 0, 0, 1]));
    let first = server.gateway.reserve(here).unwrap();
    let _second = server.client(Transport::Tcp, "alice", "");
    drop(first);
    assert!(matches!(server.gateway.reserve(here), Err(AdoptError::TooManyOfAddress)));
    assert!(server.gateway.reserve(forwarded(HOME)).is_ok());
    assert!(server.gateway.reserve(From::Unnamed).is_ok());
}

#[test]
fn a_gateway_that_drains_has_no_places() {
    let mut server = Server::start(config(1));
    let place = server.gateway.reserve(From::Unnamed).unwrap();
    server.gateway.drain(Duration::ZERO);
    assert!(matches!(server.gateway.reserve(From::Unnamed), Err(AdoptError::Stopped)));
    server.wait();
    drop(place);
}

#[test]
fn an_adopted_connection_shows_the_address_that_it_was_reserved_for() {
    let server = by_address(config(2));
    let (ours, theirs) = pair();
    let place = server.gateway.reserve(forwarded(HOME)).unwrap();
    place.adopt_socket(ours, Adoption::stream()).unwrap();
    let mut client = Client::over(Transport::Tcp, Socket::over(theirs));
    client.sign_in("somebody", "");
    let peer = server.log.peer(HOME);
    assert_eq!((peer.user(), peer.remote()), (HOME, (HOME.parse::<IpAddr>().unwrap(), 0).into()));
}

/// One session more than there may be is turned away, and the others stay.
#[test]
fn sessions_have_a_limit_and_connections_another() {
    for shards in [1, 2] {
        let server = Server::start(config(shards).limits(|it| it.max_sessions = 2));
        let mut open = ["a", "b"].map(|user| server.client(Transport::Tcp, user, ""));
        for transport in [Transport::Tcp, Transport::WebSocket] {
            let mut third = server.connect(transport);
            third.send(&auth(1, "c", ""));
            let expected = match transport {
                Transport::Tcp => Ending::Fin,
                Transport::WebSocket => Ending::Close(Some(1013)),
            };
            assert_eq!(third.next(clock::deadline()), Next::Ended(expected));
        }
        assert_eq!(server.ended_as(&Closed::TurnedAway), 2);
        open.iter_mut().for_each(|client| client.beat(2));
        drop(open);
        server.is_deserted();
        let _again = ["c", "d"].map(|user| server.client(Transport::Tcp, user, ""));
    }
}

#[test]
fn a_parked_session_counts_and_its_device_is_let_in_all_the_same() {
    let limits =
        config(1).limits(|it| it.max_sessions = 1).resume(|it| it.ttl = Duration::from_secs(60));
    let server = Server::start(limits);
    drop(server.client(Transport::Tcp, "alice@phone", ""));
    clock::eventually("parked", || server.stats().parked == 1);
    let mut other = server.connect(Transport::Tcp);
    other.send(&auth(1, "bob", ""));
    assert!(matches!(other.next(clock::deadline()), Next::Ended(_)));
    let mut again = server.client(Transport::Tcp, "alice@phone", "");
    again.beat(2);
    assert_eq!(server.stats().resumed, 1);
}
