//! Nothing is dropped in silence: what a session does not get, the router hears of, whatever was
//! promised and whatever the peer speaks, once for each stall and with the exact count.

use std::time::Duration;

use comet::{Class, Config, Delivery, Dialect, Gap, GapReason, Identity, Listen, Overflow, Target};
use comet_testkit::client::{Client, Transport};
use comet_testkit::clock;
use comet_testkit::comet::{Comet, Hello};
use comet_testkit::frame::{Wire, frame};
use comet_testkit::socket::Arrived;
use comet_testkit::websocket;

use crate::support::gateway::{Server, Setup, anywhere, config};
use crate::support::log::Event;
use crate::support::router::identity;

/// What a peer speaks, and over what.
#[derive(Clone, Copy, Debug)]
struct Way {
    dialect: Dialect,
    transport: Transport,
}

/// Every dialect over every transport that it has, side by side.
fn in_every_dialect(scenario: impl Fn(Way) + Sync) {
    let binary = [Dialect::Dtalk, Dialect::Goim, Dialect::Comet];
    let over = |transport| binary.map(|dialect| Way { dialect, transport });
    let raw = Way { dialect: Dialect::Raw, transport: Transport::WebSocket };
    let ways = [&over(Transport::Tcp)[..], &over(Transport::WebSocket), &[raw]].concat();
    std::thread::scope(|scope| {
        for way in ways {
            let (scenario, thread) = (&scenario, std::thread::Builder::new());
            let thread = thread.name(format!("{way:?}"));
            thread.spawn_scoped(scope, move || scenario(way)).expect("a thread");
        }
    });
}

/// Everybody is "alice"; with dtalk and comet by `identity`, in the room "lobby".
fn start(config: Config) -> Server {
    Setup::new(config)
        .listen(Listen::websocket(anywhere()).dialect(Dialect::Raw))
        .on_connect(|_, request, reply| match request.dialect {
            Dialect::Goim | Dialect::Raw => {
                reply.accept(Identity::new("dtalk", "alice").room("lobby"));
            }
            _ => reply.accept(identity(&request)),
        })
        .start()
}

fn open(server: &Server, way: Way) -> Client {
    let mut client = match way.dialect {
        Dialect::Raw => {
            let socket = websocket::upgrade(server.gateway.addresses()[2], "/");
            Client::over(Transport::WebSocket, socket)
        }
        Dialect::Goim => {
            let mut client = server.connect(way.transport);
            client.wire = Wire::Goim;
            client.send(&frame(7, 1, b"{}"));
            client
        }
        Dialect::Comet => Comet::open(server, way.transport, &Hello::new("alice", "lobby")).client,
        _ => server.client(way.transport, "alice", "lobby"),
    };
    server.log.peer("alice");
    client.socket.unread.clear();
    client
}

/// Small enough that a reader who stopped soon meets it.
fn narrow() -> Config {
    config(1).memory(|it| it.write_bytes = 64 * 1024).resume(|it| it.ttl = Duration::from_secs(60))
}

/// The gaps that the router has heard of, in order.
fn gaps(server: &Server) -> Vec<Gap> {
    server.log.so_far(|event| match event {
        Event::Lost(_, gap) | Event::Gap(_, gap) => Some(gap.clone()),
        _ => None,
    })
}

fn told(server: &Server) -> u64 {
    gaps(server).iter().map(|gap| gap.count).sum()
}

/// Publishes to the room until so many were dropped of who does not read. How many that took.
fn publish_until_dropped(server: &Server, dropped: u64) -> u64 {
    let before = server.stats().deliveries_dropped;
    let mut position = 0;
    while server.stats().deliveries_dropped < before + dropped {
        // Fewer than would be dropped because they come in one turn.
        for _ in 0..3 {
            position += 1;
            let body = vec![7; 16 * 1024];
            server
                .gateway
                .publish("lobby", Delivery::best_effort(body).position(position))
                .unwrap();
        }
        let stats = || server.stats();
        clock::eventually("all are accounted for", || {
            stats().deliveries + stats().deliveries_dropped >= position
        });
        assert!(position < 100_000, "nothing is dropped");
    }
    position
}

/// Reads and forgets until something is so.
fn read_until(client: &mut Client, what: &str, mut is_so: impl FnMut() -> bool) {
    clock::eventually(what, || {
        let soon = clock::now() + Duration::from_millis(20);
        while client.socket.read_until(soon) == Arrived::Bytes {
            client.socket.unread.clear();
        }
        is_so()
    });
}

#[test]
fn who_stopped_and_reads_on_has_its_losses_told_once_with_count_room_and_position() {
    in_every_dialect(|way| {
        let server = start(narrow());
        let mut client = open(&server, way);
        let published = publish_until_dropped(&server, 100);
        assert_eq!(told(&server), 0, "{way:?}: the stall is not over");
        read_until(&mut client, "the router hears of it", || told(&server) > 0);
        let dropped = server.stats().deliveries_dropped;
        let [gap] = &gaps(&server)[..] else { panic!("{way:?}: {:?}", gaps(&server)) };
        assert_eq!((gap.class, gap.reason), (Class::BestEffort, GapReason::Slow), "{way:?}");
        assert_eq!((gap.count, gap.room.as_deref()), (dropped, Some("lobby")), "{way:?}");
        // All that was dropped is the end of what was published.
        assert_eq!(gap.position, published - dropped + 1, "{way:?}");

        // Another stall, another word.
        publish_until_dropped(&server, 100);
        read_until(&mut client, "and again", || told(&server) == server.stats().deliveries_dropped);
        assert!(gaps(&server).len() >= 2 && gaps(&server).len() < 50, "{way:?}");
    });
}

#[test]
fn what_a_session_did_not_get_is_told_before_its_end() {
    in_every_dialect(|way| {
        let server = start(narrow());
        let client = open(&server, way);
        publish_until_dropped(&server, 100);
        let session = server.log.peer("alice").session();
        server.gateway.kick(session, "a test").unwrap();
        server.log.closed("alice");
        assert_eq!(told(&server), server.stats().deliveries_dropped, "{way:?}");
        let order = server.log.so_far(|event| match event {
            Event::Lost(..) => Some("lost"),
            Event::Disconnected(..) => Some("end"),
            _ => None,
        });
        assert_eq!(order, ["lost", "end"], "{way:?}");
        drop(client);
    });
}

#[test]
fn acked_deliveries_to_who_cannot_acknowledge_are_dropped_and_told_as_best_effort() {
    for dialect in [Dialect::Goim, Dialect::Raw] {
        let server = start(narrow());
        let mut client = open(&server, Way { dialect, transport: Transport::WebSocket });
        let mut published = 0;
        while server.stats().deliveries_dropped < 10 {
            published += 1;
            let delivery = Delivery::acked(vec![7; 16 * 1024]).position(published);
            server.gateway.push(Target::user("dtalk", "alice"), delivery).unwrap();
            let stats = || server.stats();
            clock::eventually("each is accounted for", || {
                stats().deliveries + stats().deliveries_dropped == published
            });
        }
        read_until(&mut client, "the router hears of it", || told(&server) > 0);
        let [gap] = &gaps(&server)[..] else { panic!("{:?}", gaps(&server)) };
        assert_eq!((gap.class, gap.count, &gap.room), (Class::BestEffort, 10, &None));
        assert_eq!(gap.position, published - 9);
    }
}

#[test]
fn what_is_dropped_while_a_session_is_parked_is_told_when_it_is_back() {
    let server = start(narrow());
    let client = server.client(Transport::Tcp, "alice@phone", "lobby");
    drop(client);
    clock::eventually("it is parked", || server.stats().parked == 1);
    for position in 1..=500 {
        let delivery = Delivery::best_effort("x").position(position);
        server.gateway.publish("lobby", delivery).unwrap();
    }
    clock::eventually("all are dropped", || server.stats().deliveries_dropped == 500);
    assert_eq!(told(&server), 0, "nobody is back");
    let mut client = server.client(Transport::Tcp, "alice@phone", "lobby");
    clock::eventually("the router hears of it", || told(&server) == 500);
    let [gap] = &gaps(&server)[..] else { panic!("{:?}", gaps(&server)) };
    assert_eq!((gap.class, gap.position), (Class::BestEffort, 1));
    client.beat(7);
}

#[test]
fn keys_that_are_forgotten_are_told() {
    let server = start(narrow().delivery(|it| it.latest_keys = 2));
    let mut alice = Comet::open(&server, Transport::Tcp, &Hello::new("alice", "lobby"));
    let latest = |key: u32| Delivery::latest(key.to_string(), "newest");
    alice.client.socket.unread.clear();
    publish_until_dropped(&server, 1);
    let before = server.stats().deliveries_dropped;
    for key in 0..10 {
        server.gateway.push(Target::user("dtalk", "alice"), latest(key)).unwrap();
    }
    clock::eventually("eight are forgotten", || server.stats().deliveries_dropped == before + 8);
    read_until(&mut alice.client, "the router hears of it", || told(&server) == before + 8);
    let latest = gaps(&server).into_iter().filter(|gap| gap.class == Class::Latest);
    assert_eq!(latest.map(|gap| gap.count).sum::<u64>(), 8);
}

#[test]
fn gaps_of_acked_deliveries_whose_turn_never_came_are_told_before_the_end() {
    for dialect in [Dialect::Dtalk, Dialect::Comet] {
        let limits = narrow().delivery(|it| {
            it.window = 2;
            it.queue = 4;
            it.overflow = Overflow::DropOldest;
        });
        let server = start(limits);
        let client = open(&server, Way { dialect, transport: Transport::Tcp });
        for position in 1..=100 {
            let delivery = Delivery::acked("x").position(position);
            server.gateway.push(Target::user("dtalk", "alice"), delivery).unwrap();
        }
        let session = server.log.peer("alice").session();
        server.gateway.kick(session, "a test").unwrap();
        server.log.closed("alice");
        // Of a hundred some were sent and not acknowledged, and four waited to the end.
        let lost = server.stats().deliveries_lost;
        assert!(lost >= 90, "{dialect:?}: {lost}");
        assert_eq!(told(&server), lost, "{dialect:?}");
        assert!(gaps(&server).iter().all(|gap| gap.class == Class::Acked));
        drop(client);
    }
}

#[test]
fn who_drops_all_the_time_costs_the_router_a_word_for_each_stall_and_not_for_each_delivery() {
    let server = start(narrow());
    let mut alice = Comet::connect(&server, Transport::Tcp);
    alice.ask(&Hello { max_body: 10, ..Hello::new("alice", "lobby") }).unwrap();
    // Too long for this peer, who reads everything else.
    for _ in 0..10_000 {
        server.gateway.publish("lobby", Delivery::best_effort("eleven bytes")).unwrap();
    }
    clock::eventually("all are told", || told(&server) == 10_000);
    assert_eq!(server.stats().deliveries_dropped, 10_000);
    assert!(gaps(&server).iter().all(|gap| gap.reason == GapReason::TooLarge));
    let words = gaps(&server).len() as u64;
    assert!(words <= server.stats().turns && words < 5_000, "{words}");
}
