//! The end of a gateway: nothing new, a word to everybody, and done in time.

use std::net::TcpStream;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use comet::{AdoptError, Adoption, Closed, CommandError, Delivery, Identity, Target};
use comet_testkit::client::{Ending, Next, Transport};
use comet_testkit::clock::{self, PATIENCE};
use comet_testkit::frame::{auth, reply, say};
use comet_testkit::socket::pair;

use crate::support::gateway::{Server, Setup, config};
use crate::support::place::everywhere;
use crate::support::router::hold;

#[test]
fn a_drain_says_goodbye_to_everybody_within_its_time() {
    everywhere(|place| {
        let mut server = Server::start(config(place.shards));
        let mut clients = server.on_every_shard(place.transport, "user", "lobby");
        let mut stranger = server.connect(place.transport);
        clock::eventually("the stranger has come", || server.arrived() == clients.len() as u64 + 1);
        let (start, within) = (clock::now(), Duration::from_secs(8));
        server.gateway.drain(within);
        for (user, client) in &mut clients {
            assert_eq!(client.ending(), place.transport.goodbye(1001));
            assert_eq!(server.log.closed(user), Closed::Draining);
        }
        assert_eq!(stranger.ending(), place.transport.goodbye(1001));
        drop((clients, stranger));
        server.wait();
        assert!(clock::now() - start < within);
        let again = TcpStream::connect(server.address(place.transport));
        assert!(again.is_err(), "nobody listens any more");
    });
}

#[test]
fn a_drain_waits_half_its_time_for_outstanding_answers() {
    everywhere(|place| {
        let mut server = Setup::new(config(place.shards)).on_message(hold).start();
        let mut asks = server.client(place.transport, "asks", "");
        let mut idle = server.client(place.transport, "idle", "");
        asks.send(&say(2, b"how long?"));
        let held = server.log.held();
        server.gateway.drain(Duration::from_secs(10));
        assert_eq!(idle.ending(), place.transport.goodbye(1001));
        held.receipt.ack("long enough");
        assert_eq!(asks.receive(), reply(2, b"long enough"));
        assert_eq!(asks.next(clock::deadline()), Next::Ended(place.transport.goodbye(1001)));
        drop((asks, idle));
        server.wait();
    });
}

#[test]
fn a_drain_does_not_wait_for_answers_and_readers_that_never_come() {
    everywhere(|place| {
        let mut server = Setup::new(config(place.shards)).on_message(hold).start();
        let mut asks = server.client(place.transport, "asks", "");
        asks.send(&say(2, b"hello?"));
        let held = server.log.held();
        let start = clock::now();
        server.gateway.drain(Duration::from_millis(400));
        server.wait();
        let time = clock::now() - start;
        assert!(time >= Duration::from_millis(200), "{time:?}");
        assert!(time < Duration::from_secs(8), "{time:?}");
        assert_eq!(server.log.closed("asks"), Closed::Draining);
        held.receipt.ack("too late");
    });
}

#[test]
fn a_drained_gateway_takes_nothing_and_says_so() {
    let mut server = Server::start(config(2));
    let session = {
        let _client = server.client(Transport::Tcp, "alice", "lobby");
        server.log.peer("alice").session()
    };
    server.gateway.drain(Duration::ZERO);
    server.wait();
    let gateway = &server.gateway;
    let stopped = Err(CommandError::Stopped);
    let hello = || Delivery::best_effort("hello");
    assert_eq!(gateway.push(session, hello()), stopped);
    assert_eq!(gateway.push(Target::user("dtalk", "alice"), hello()), stopped);
    assert_eq!(gateway.broadcast(hello()), stopped);
    assert_eq!(gateway.join(session, "lobby"), stopped);
    assert_eq!(gateway.kick(session, "a test"), stopped);
    let (ours, _theirs) = pair();
    assert!(matches!(gateway.adopt_socket(ours, Adoption::websocket()), Err(AdoptError::Stopped)));
    assert_eq!(server.stats().sessions, 0);
}

#[test]
fn a_session_on_its_way_to_a_shard_that_has_stopped_is_closed_and_not_forgotten() {
    let (enter, entered) = sync_channel(1);
    let (leave, left) = sync_channel::<()>(1);
    let left = std::sync::Mutex::new(left);
    let mut server = Setup::new(config(2))
        .on_connect(|log, mut request, reply| {
            if request.token.starts_with("user") {
                reply.accept(Identity::new("dtalk", request.token));
            } else {
                let shard = std::thread::current().name().map(str::to_owned);
                request.app = shard.expect("shards have names");
                log.keep(request, reply);
            }
        })
        .on_message(move |_, _, _, _, receipt| {
            enter.send(()).unwrap();
            left.lock().unwrap().recv().unwrap();
            receipt.ack("");
        })
        .start();
    // Somebody who lives on shard 0, and somebody who can hold shard 1 up.
    let mut clients = server.on_every_shard(Transport::Tcp, "user", "");
    let home = |shard: usize| {
        let lives = |user: &String| server.log.peer(user).session().shard() == shard;
        clients.iter().position(|(user, _)| lives(user)).unwrap()
    };
    let (zero, one) = (home(0), home(1));
    let (user, session) = (clients[zero].0.clone(), server.log.peer(&clients[zero].0).session());

    // A peer that was accepted by shard 1 and belongs to shard 0.
    let (mut traveller, decision) = clock::until("shard 1 accepts somebody", || {
        let mut client = server.connect(Transport::Tcp);
        client.send(&auth(1, "traveller", ""));
        let (asked, decision) = server.log.asked();
        (asked.app == "comet-1").then_some((client, decision))
    });
    clients[one].1.send(&say(2, b"hold shard 1 up"));
    entered.recv_timeout(PATIENCE).unwrap();
    decision.accept(Identity::new("dtalk", user));
    server.gateway.drain(Duration::ZERO);
    clock::eventually("shard 0 has stopped", || {
        server.gateway.push(session, Delivery::best_effort("")) == Err(CommandError::Stopped)
    });
    leave.send(()).unwrap();
    server.wait();
    assert_eq!(traveller.next(clock::deadline()), Next::Ended(Ending::Fin));
}
