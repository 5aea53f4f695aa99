//! Input that waits: what a peer begins and does not finish, and what may not be looked at yet.

use std::time::Duration;

use comet::simulation::Listener;
use comet::{Closed, Config};
use comet_testkit::frame::{Frame, Wire, reply, say};
use comet_testkit::websocket::{self, BINARY, CONTINUATION, FIN, PING};

use super::world::{Peer, World, config};
use crate::support::router::{TestRouter, hold};

const MIB: usize = 1024 * 1024;
/// A virtual second.
const SECOND: u64 = 1_000_000;

const KINDS: [Listener; 2] = [Listener::Tcp, Listener::WebSocket];

/// Messages of up to a mebibyte, which must be finished in ten seconds.
fn long() -> Config {
    config(1).limits(|it| {
        it.max_body = 2 * MIB;
        it.message_timeout = Duration::from_secs(10);
    })
}

/// Sends what fits, again and again, with time for the gateway in between.
fn pour(world: &mut World, peer: &mut Peer, mut bytes: &[u8]) {
    while !bytes.is_empty() && !peer.end.is_closed() {
        let sent = peer.end.write(bytes);
        bytes = &bytes[sent..];
        world.settle();
    }
}

/// All of a message but its last byte.
fn begun(peer: &Peer, frame: &Frame) -> Vec<u8> {
    let mut bytes = peer.encode(frame);
    bytes.pop();
    bytes
}

#[test]
fn unfinished_messages_stay_inside_the_budget_and_whoever_talks_is_heard() {
    for kind in KINDS {
        let budget = 32 * MIB;
        let mut world = World::new(long().memory(|it| it.budget = budget), 7);
        let mut talker = world.join(kind, "talker", "");
        let message = say(2, vec![7; MIB]);
        let mut most = 0;
        let mut peers = Vec::new();
        let names = (0..200).map(|number| format!("user-{number}"));
        let joined: Vec<Peer> = names.map(|name| world.join(kind, &name, "")).collect();
        for (number, mut peer) in (0..).zip(joined) {
            let bytes = begun(&peer, &message);
            pour(&mut world, &mut peer, &bytes);
            peers.push(peer);
            let memory = world.simulation.gateway().stats().memory;
            most = most.max(memory);
            assert!(memory <= budget as u64, "{kind:?}: {memory} bytes with {number}");
            talker.say(&mut world, &say(number + 9, "still here"));
            assert_eq!(talker.frames(), [reply(number + 9, "still here")], "{kind:?}: {number}");
        }
        assert!(most > budget as u64 / 2, "{kind:?}: what waits is counted: {most}");
        let stats = world.simulation.gateway().stats();
        let shed = stats.closed_as(&Closed::Shed);
        assert!(shed > 150, "{kind:?}: there is room for a few: {shed}");
        assert_eq!(stats.turned_away, 0, "{kind:?}");
        drop(peers);
        world.run_until(60 * SECOND);
        assert_eq!(world.simulation.gateway().stats().memory, 0, "{kind:?}: all given back");
        assert_eq!(world.ended_as("talker"), None);
    }
}

/// How a peer goes about not finishing what it began, a piece a second.
fn drips(kind: Listener) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let packet = Wire::Dtalk.bytes(&say(2, vec![7; 100]));
    let bytes = |bytes: &[u8]| bytes.iter().map(|byte| vec![*byte]).collect::<Vec<_>>();
    if kind == Listener::Tcp {
        return vec![
            ("a head byte by byte", bytes(&packet[..19])),
            ("a body byte by byte", bytes(&packet[..60])),
            ("one byte and no more", bytes(&packet[..1])),
        ];
    }
    let whole = websocket::masked(FIN | BINARY, &packet);
    let mut fragments = vec![websocket::masked(BINARY, &packet[..20])];
    for byte in &packet[20..60] {
        fragments.push(websocket::masked(FIN | PING, b"I am alive"));
        fragments.push(websocket::masked(CONTINUATION, &[*byte]));
    }
    vec![
        ("a frame head byte by byte", bytes(&whole[..5])),
        ("a payload byte by byte", bytes(&whole[..80])),
        ("fragments and pings", fragments),
        ("half a ping", bytes(&websocket::masked(FIN | PING, b"hello")[..9])),
    ]
}

#[test]
fn a_message_must_be_finished_in_time_however_it_comes() {
    for kind in KINDS {
        for (name, pieces) in drips(kind) {
            let mut world = World::new(long(), 7);
            let mut peer = world.join(kind, "slow", "");
            let start = world.simulation.now();
            for (second, piece) in (0..10).zip(&pieces) {
                world.run_until(start + second * SECOND);
                assert_eq!(peer.end.write(piece), piece.len());
                world.settle();
            }
            world.run_until(start + 9 * SECOND);
            assert_eq!(world.ended_as("slow"), None, "{kind:?}, {name}");
            world.run_until(start + 11 * SECOND);
            assert_eq!(world.ended_as("slow"), Some(Closed::Unfinished), "{kind:?}, {name}");
            let stats = world.simulation.gateway().stats();
            assert_eq!(stats.closed_as(&Closed::Unfinished), 1, "{kind:?}, {name}");
        }
    }
}

#[test]
fn a_peer_that_sends_slowly_and_finishes_each_message_in_time_goes_on_for_ever() {
    for kind in KINDS {
        let mut world = World::new(long(), 7);
        let mut peer = world.join(kind, "slow", "");
        let start = world.simulation.now();
        let mut left = Vec::new();
        for second in 0..60u64 {
            // A message takes four seconds, and every piece ends one and begins the next.
            if second % 4 == 0 {
                left.extend(peer.encode(&say(second as u32 + 2, vec![7; 997])));
            }
            let piece: Vec<u8> = left.drain(..left.len().min(256)).collect();
            world.run_until(start + second * SECOND);
            peer.write(&mut world, &piece);
        }
        assert_eq!(world.ended_as("slow"), None, "{kind:?}");
        assert!(peer.frames().len() > 10, "{kind:?}");
    }
}

#[test]
fn what_may_not_be_looked_at_yet_is_charged_and_not_timed() {
    for kind in KINDS {
        let mut router = TestRouter::new();
        router.on_message = Box::new(hold);
        let mut world = World::with(long().limits(|it| it.inbox = 1), router, 7);
        let mut peer = world.join(kind, "eager", "");
        let messages: Vec<u8> =
            (2..12).flat_map(|seq| peer.encode(&say(seq, vec![7; 1_000]))).collect();
        peer.write(&mut world, &messages);
        let memory = world.simulation.gateway().stats().memory;
        assert!((9_000..20_000).contains(&memory), "{kind:?}: {memory}");
        let start = world.simulation.now();
        // It is the router that takes its time.
        world.run_until(start + 60 * SECOND);
        assert_eq!(world.ended_as("eager"), None, "{kind:?}");
        for _ in 0..10 {
            world.log.held().receipt.ack("");
            world.settle();
        }
        assert_eq!(peer.frames().len(), 10, "{kind:?}");
        assert_eq!(world.simulation.gateway().stats().memory, 0, "{kind:?}");
    }
}

#[test]
fn requests_and_logins_that_are_not_finished_are_charged() {
    let mut world = World::new(
        config(1).handshake(|it| it.max_upgrade = 8_192).limits(|it| it.max_body = 16_384),
        7,
    );
    let mut ends = Vec::new();
    for listener in KINDS {
        let bytes = match listener {
            Listener::Tcp => {
                let auth = comet_testkit::frame::auth(1, "x", "r".repeat(8_000));
                Wire::Dtalk.bytes(&auth)[..6_000].to_vec()
            }
            _ => {
                let filler = format!("X-Filler: {}\r\n", "x".repeat(7_000));
                websocket::request("/sub", &filler).as_bytes()[..6_000].to_vec()
            }
        };
        for _ in 0..10 {
            let remote = "10.1.2.3:4567".parse().unwrap();
            let mut end = world.simulation.connect(listener, remote);
            assert_eq!(end.write(&bytes), bytes.len());
            ends.push(end);
        }
    }
    world.settle();
    let memory = world.simulation.gateway().stats().memory;
    assert!((120_000..300_000).contains(&memory), "{memory}");
    world.run_until(60 * SECOND);
    assert_eq!(world.simulation.gateway().stats().memory, 0, "given back at the end");
}
