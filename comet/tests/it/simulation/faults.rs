//! What a bad network or a bad peer does.

use std::time::Duration;

use comet::simulation::Listener;
use comet::{Adoption, Closed, Delivery};
use comet_testkit::frame::{auth, delivery, reply, say};

use super::world::{World, config};
use crate::support::router::{TestRouter, hold};

/// A virtual second.
const SECOND: u64 = 1_000_000;

/// A body that says where it is in a row.
fn body(number: u32, len: usize) -> Vec<u8> {
    number.to_be_bytes().repeat(len / 4)
}

#[test]
fn a_reset_loses_the_session_at_once() {
    let mut world = World::new(config(2), 4);
    let mut peer = world.join(Listener::Tcp, "alice", "");
    peer.end.reset();
    world.settle();
    let lost = Closed::Lost(std::io::ErrorKind::ConnectionReset);
    assert_eq!(world.ended_as("alice"), Some(lost));
    assert!(peer.end.is_closed() && !peer.end.is_shutdown());
    assert_eq!(peer.end.write(b"late"), 0);
    assert_eq!(world.simulation.gateway().stats().connections, 0);
}

#[test]
fn a_connection_that_is_cut_at_any_byte_ends_its_session_once() {
    let stream = |peer: &super::world::Peer| {
        let frames = [auth(1, "alice", "lobby"), say(2, "hello"), say(3, "bye")];
        frames.iter().flat_map(|frame| peer.encode(frame)).collect::<Vec<u8>>()
    };
    let len = stream(&World::new(config(1), 0).connect(Listener::Tcp)).len();
    for cut in 0..=len {
        let mut world = World::new(config(2), cut as u64);
        let mut peer = world.connect(Listener::Tcp);
        let bytes = stream(&peer);
        peer.write(&mut world, &bytes[..cut]);
        peer.end.reset();
        world.settle();
        assert!(peer.end.is_closed(), "cut at {cut}");
        assert!(world.log.lives().values().all(|&life| life == (1, 1)), "cut at {cut}");
        let stats = world.simulation.gateway().stats();
        assert_eq!((stats.connections, stats.sessions, stats.rooms), (0, 0, 0), "cut at {cut}");
    }
}

#[test]
fn a_gateway_that_could_not_write_goes_on_when_there_is_room() {
    let mut world = World::new(config(1), 6);
    let mut peer = world.join(Listener::Tcp, "alice", "");
    let session = world.session("alice");
    peer.end.set_capacity(1_024, 0);
    for number in 0..20 {
        let body = body(number, 400);
        world.simulation.gateway().push(session, Delivery::best_effort(body)).unwrap();
    }
    world.settle();
    assert_eq!(peer.read(), 0, "nothing can leave");
    peer.end.set_capacity(1_024, 333);
    let mut reads = 0;
    while world.settle() > 0 {
        reads += usize::from(peer.end.read(&mut peer.unread, 100) > 0);
    }
    assert!(reads > 80, "{reads}");
    let expected: Vec<_> = (0..20).map(|number| delivery(0, body(number, 400))).collect();
    assert_eq!(peer.frames(), expected);
}

#[test]
fn a_peer_that_does_not_read_is_closed_when_its_time_is_up() {
    let config = config(1).io(|it| it.write_timeout = Duration::from_secs(5));
    let mut world = World::new(config, 6);
    let mut peer = world.join(Listener::Tcp, "alice", "");
    peer.end.set_capacity(1_024, 10);
    let session = world.session("alice");
    world.simulation.gateway().push(session, Delivery::best_effort("much")).unwrap();
    let begin = world.simulation.now();
    world.run_until(begin + 5 * SECOND - 1);
    assert_eq!(world.ended_as("alice"), None);
    world.run_until(begin + 5 * SECOND + SECOND / 10);
    assert_eq!(world.ended_as("alice"), Some(Closed::Slow));
    assert!(peer.end.is_closed());
}

#[test]
fn a_peer_that_is_not_read_can_send_as_much_as_there_is_room() {
    let mut router = TestRouter::new();
    router.on_message = Box::new(hold);
    let mut world = World::with(config(1).limits(|it| it.inbox = 1), router, 9);
    let mut peer = world.join(Listener::Tcp, "alice", "");
    peer.end.set_capacity(100, 64 * 1024);
    let bytes = peer.encode(&say(2, body(2, 60)));
    assert_eq!(bytes.len(), 80);
    peer.write(&mut world, &bytes);
    world.settle();
    // The first message is before the router; one more is read, and from then on nothing.
    let mut taken = 0;
    while let count @ 1.. = peer.end.write(&bytes) {
        taken += count;
        world.settle();
    }
    assert!((100..600).contains(&taken), "{taken}");
    world.log.held().receipt.ack("done");
    world.settle();
    assert_eq!(peer.frames(), [reply(2, "done")]);
    assert!(peer.end.write(b"x") > 0, "there is room again");
    world.log.forget();
}

#[test]
fn a_socket_that_is_closed_before_everything_was_read_resets_the_connection() {
    let mut router = TestRouter::new();
    router.on_message = Box::new(hold);
    let mut world = World::with(config(1).limits(|it| it.inbox = 1), router, 1);
    let mut peer = world.join(Listener::Tcp, "alice", "");
    for seq in 2..6 {
        peer.say(&mut world, &say(seq, "wait"));
    }
    let session = world.session("alice");
    world.simulation.gateway().push(session, Delivery::best_effort("lost on the way")).unwrap();
    world.settle();
    world.simulation.gateway().drain(Duration::ZERO);
    world.settle();
    assert!(world.simulation.is_stopped());
    assert!(peer.end.is_closed() && peer.end.is_reset() && !peer.end.is_shutdown());
    assert_eq!(peer.frames(), []);
    world.log.forget();
}

#[test]
fn a_peer_that_goes_while_it_waits_to_be_accepted_is_noticed() {
    let mut world = World::new(config(1), 1);
    let mut end = world.simulation.connect(Listener::Tcp, "10.0.0.1:1".parse().unwrap());
    end.reset();
    world.settle();
    let stats = world.simulation.gateway().stats();
    assert_eq!((stats.accepted, stats.connections), (1, 0));
    assert!(end.is_closed());
}

#[test]
fn a_real_connection_is_closed() {
    let mut world = World::new(config(1), 1);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (socket, _) = listener.accept().unwrap();
    world.simulation.gateway().adopt_socket(socket, Adoption::stream()).unwrap();
    world.settle();
    assert_eq!(std::io::Read::read(&mut peer, &mut [0; 9]).unwrap(), 0);
    assert_eq!(world.simulation.gateway().stats().connections, 0);
}
