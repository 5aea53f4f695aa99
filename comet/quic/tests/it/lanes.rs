//! Lanes on streams of their own, and datagrams.

use std::time::Duration;

use comet::{Closed, Delivery, Lane as Priority};
use comet_testkit::client::Transport;
use comet_testkit::clock;
use comet_testkit::comet::{Comet, Hello, op};
use comet_testkit::socket::Socket;
use quinn::Connection;

use crate::support::browser::Browser;
use crate::support::client::{Peer, runtime};
use crate::support::gateway::{Server, config};
use crate::support::lanes::{Lane, datagram};

/// RESUME and LATEST, and the two of this file.
const LANES: u64 = 4;
const DATAGRAMS: u64 = 8;
const ALL: u64 = 3 | LANES | DATAGRAMS;

fn resuming() -> comet::Config {
    config(2).resume(|it| {
        it.ttl = Duration::from_secs(60);
        // From QUIC to TCP, which is not protected.
        it.plain_after_tls = true;
    })
}

fn hello(capabilities: u64) -> Hello {
    Hello { capabilities, ..Hello::new("alice", "lobby") }
}

fn open(socket: Socket, hello: &Hello) -> Comet {
    let mut client = Comet::over(Transport::Tcp, socket);
    client.ask(hello).expect("a session");
    client
}

fn push(server: &Server, lane: Priority, body: &str) {
    server.push("alice", Delivery::acked(body.to_owned()).lane(lane));
}

/// Three deliveries in each lane, which must come in order on the stream of that lane. The streams,
/// which a client that reads no more would stop.
fn nine_deliveries(
    server: &Server,
    client: &mut Comet,
    connection: &Connection,
    prefix: &[u8],
) -> Vec<Lane> {
    for round in 0..3 {
        push(server, Priority::Bulk, &format!("bulk {round}"));
        push(server, Priority::Normal, &format!("normal {round}"));
        push(server, Priority::Signal, &format!("signal {round}"));
    }
    let mut lanes = Lane::accept_all(connection, prefix, 3);
    let mut numbers = Vec::new();
    for (lane, name) in lanes.iter_mut().zip(["signal", "normal", "bulk"]) {
        let taken = lane.takes(3);
        let (of_lane, bodies): (Vec<u32>, Vec<String>) = taken.into_iter().unzip();
        assert_eq!(bodies, [0, 1, 2].map(|round| format!("{name} {round}")));
        assert!(of_lane.is_sorted());
        numbers.extend(of_lane);
    }
    assert_eq!(lanes.iter().map(|lane| lane.number).collect::<Vec<_>>(), [0, 1, 2]);
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=9).collect::<Vec<u32>>(), "one sequence");
    client.ack(9);
    // Nothing has come on the stream of the session.
    client.beat();
    clock::eventually("all are acked", || server.gateway.stats().acks == 9);
    lanes
}

#[test]
fn each_lane_is_a_stream_and_numbers_are_one_sequence() {
    let (server, _) = Server::default();
    let peer = Peer::connect(server.quic.address());
    let mut client = open(peer.socket(), &hello(ALL));
    assert_eq!(client.welcome.capabilities & (LANES | DATAGRAMS), LANES | DATAGRAMS);
    drop(nine_deliveries(&server, &mut client, &peer.connection, &[]));
}

#[test]
fn the_same_over_webtransport() {
    let (server, _) = Server::default();
    let browser = Browser::connect(server.quic.address());
    // The session lasts as long as its request.
    let mut request = browser.ask("/sub", "https://chat.test");
    assert_eq!(request.status(), 200);
    let mut client = open(browser.stream(0), &hello(ALL));
    assert_eq!(client.welcome.capabilities & (LANES | DATAGRAMS), LANES | DATAGRAMS);
    let connection = &browser.peer.connection;
    // The control stream of HTTP/3, which stays open.
    let mut control = runtime().block_on(connection.accept_uni()).unwrap();
    runtime().block_on(control.read_exact(&mut [0])).unwrap();
    let _lanes = nine_deliveries(&server, &mut client, connection, &[0x40, 0x54, 0]);
    server.push("alice", Delivery::latest("k", "now").datagram());
    assert_eq!(datagram(connection, &[0]).body, b"\x01know");
}

#[test]
fn without_the_bit_or_streams_everything_comes_on_the_sessions_stream() {
    let (server, _) = Server::start(resuming(), comet_quic::Config::default());
    let peer = Peer::connect(server.quic.address());
    let mut client = open(peer.socket(), &hello(3));
    assert_eq!(client.welcome.capabilities, 3);
    push(&server, Priority::Bulk, "one");
    client.takes(1, "one");
    server.push("alice", Delivery::best_effort("two").datagram());
    assert_eq!(client.receive(), comet_testkit::comet::best_effort("two"));

    let mut tcp = Comet::connect(&server.gateway.addresses()[0], Transport::Tcp);
    tcp.ask(&Hello { capabilities: ALL, ..hello(ALL) }).expect("a session");
    assert_eq!(tcp.welcome.capabilities, 3, "TCP has neither");
}

#[test]
fn a_session_goes_on_with_and_without_lanes() {
    let (server, _) = Server::start(resuming(), comet_quic::Config::default());
    let peer = Peer::connect(server.quic.address());
    let client = open(peer.socket(), &hello(ALL));
    for (lane, body) in [(Priority::Normal, "1"), (Priority::Signal, "2"), (Priority::Bulk, "3")] {
        push(&server, lane, body);
    }
    let lanes = Lane::accept_all(&peer.connection, &[], 3);
    assert_eq!(lanes.len(), 3);
    // 2 has arrived, 1 and 3 have not.
    let back = Hello { ranges: vec![1, 1], capabilities: ALL, ..client.back("alice", 0, 1) };
    let mut tcp = Comet::connect(&server.gateway.addresses()[0], Transport::Tcp);
    tcp.ask(&back).expect("the session");
    assert!(tcp.welcome.resumed);
    assert_eq!(tcp.deliveries(2), [(1, "1".to_owned()), (3, "3".to_owned())]);
    push(&server, Priority::Signal, "4");
    tcp.takes(4, "4");
    // Back to lanes: 1 and 4 have arrived, 3 has not.
    let again = Hello { ranges: vec![1, 1], capabilities: ALL, ..tcp.back("alice", 2, 1) };
    let peer = Peer::connect(server.quic.address());
    let mut quic = open(peer.socket(), &again);
    assert!(quic.welcome.resumed);
    let mut bulk = Lane::accept(&peer.connection, &[]);
    assert_eq!((bulk.number, bulk.takes(1)), (2, vec![(3, "3".to_owned())]));
    push(&server, Priority::Bulk, "5");
    assert_eq!(bulk.takes(1), [(5, "5".to_owned())]);
    quic.beat();
}

#[test]
fn a_lane_that_is_not_read_holds_up_no_other() {
    let quic = comet_quic::Config { pipe: 4 * 1024, ..comet_quic::Config::default() };
    let (server, _) = Server::start(config(1), quic);
    // What the client keeps of a stream that it does not read is less than one of these.
    let peer = Peer::connect_with_window(server.quic.address(), 8 * 1024);
    let mut client = open(peer.socket(), &hello(ALL));
    // More than goes into the stream, the connection and the pipe, and less than the window.
    for _ in 0..20 {
        push(&server, Priority::Bulk, &"b".repeat(10_000));
    }
    let mut bulk = Lane::accept(&peer.connection, &[]);
    push(&server, Priority::Normal, "first");
    let mut normal = Lane::accept(&peer.connection, &[]);
    assert_eq!((bulk.number, normal.number), (2, 1));
    let (first, body) = normal.takes(1).remove(0);
    assert_eq!(body, "first");
    // These wait in the session, and take no numbers before there is room.
    for _ in 0..3 {
        push(&server, Priority::Bulk, "more");
    }
    push(&server, Priority::Signal, "second");
    let mut signal = Lane::accept(&peer.connection, &[]);
    let (second, body) = signal.takes(1).remove(0);
    assert_eq!(body, "second");
    assert!(first <= 21 && first < second && second <= 22, "{first}, {second}");
    client.beat();
    let mut numbers: Vec<u32> = bulk.takes(23).into_iter().map(|(number, _)| number).collect();
    assert!(numbers.is_sorted());
    numbers.extend([first, second]);
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=25).collect::<Vec<u32>>());
    client.ack(25);
    clock::eventually("all are acked", || server.gateway.stats().acks == 25);
}

#[test]
fn what_is_on_lanes_is_sent_before_a_connection_ends() {
    let (server, log) = Server::default();
    let peer = Peer::connect(server.quic.address());
    let mut client = open(peer.socket(), &hello(ALL));
    let long = "x".repeat(60_000);
    for lane in [Priority::Bulk, Priority::Normal] {
        push(&server, lane, &long);
    }
    server.gateway.kick(comet::Target::user("dtalk", "alice"), "enough").unwrap();
    let mut lanes = Lane::accept_all(&peer.connection, &[], 2);
    for lane in &mut lanes {
        assert_eq!(lane.takes(1)[0].1.len(), long.len());
        assert_eq!(lane.next(), None, "the end of the stream");
    }
    assert_eq!(client.fails().0, comet_testkit::comet::code::KICKED);
    drop(client);
    assert_eq!(peer.closed().0, 0);
    assert!(matches!(log.closed("alice"), Closed::Kicked(_)));
}

#[test]
fn datagrams_are_counted_with_what_is_too_long_for_one() {
    let (server, _) = Server::default();
    let peer = Peer::connect(server.quic.address());
    let mut client = open(peer.socket(), &hello(ALL));
    let take = || datagram(&peer.connection, &[]);
    server.push("alice", Delivery::best_effort("one").datagram());
    let one = take();
    assert_eq!((one.op, one.seq, &one.body[..]), (op::BEST_EFFORT, 1, &b"one"[..]));
    server.push("alice", Delivery::best_effort("x".repeat(3_000)).datagram());
    let long = client.receive();
    assert_eq!((long.op, long.seq, long.body.len()), (op::BEST_EFFORT, 2, 3_000));
    server.push("alice", Delivery::latest("k", "three").datagram());
    let three = take();
    assert_eq!((three.op, three.seq, &three.body[..]), (op::LATEST, 3, &b"\x01kthree"[..]));
    // Who does not ask for a datagram gets none, and is counted.
    server.push("alice", Delivery::latest("k", "four"));
    let four = client.receive();
    assert_eq!((four.op, four.seq), (op::LATEST, 4));
    // Of a room, too; acked ones have lanes.
    server.gateway.publish("lobby", Delivery::best_effort("five").datagram()).unwrap();
    assert_eq!((take().seq, take_none(&mut client)), (5, ()));
    server.gateway.publish("lobby", Delivery::best_effort("six")).unwrap();
    assert_eq!(client.receive().seq, 6);
    server.gateway.publish("lobby", Delivery::acked("seven").datagram()).unwrap();
    assert_eq!(Lane::accept(&peer.connection, &[]).takes(1), [(1, "seven".to_owned())]);
}

fn take_none(client: &mut Comet) {
    client.beat();
}

/// A client that grants no streams of the server ends as one that does not read.
#[test]
fn a_client_that_grants_no_streams_is_slow() {
    let config = config(1).io(|it| it.write_timeout = Duration::from_millis(300));
    let (server, log) = Server::start(config, comet_quic::Config::default());
    let peer = Peer::connect_with_streams(server.quic.address(), 0);
    let client = open(peer.socket(), &hello(ALL));
    push(&server, Priority::Normal, &"x".repeat(100_000));
    assert_eq!(log.closed("alice"), Closed::Slow);
    drop(client);
}
