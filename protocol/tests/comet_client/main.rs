//! A client session against a small server, over connections that break at any byte, on a clock
//! that is a number. Whatever happens is drawn from a seed.

#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

mod datagrams;
mod lanes;
mod roaming;
mod server;
mod units;
mod world;

use comet_protocol::client::{ClientSession, Config, Event, Time};
use comet_protocol::comet::{ServerFrame, Welcome};
use comet_protocol::{Frame, Head, Layout};
use proptest::prelude::*;
use world::{Faults, World};

/// Frames of any op and any content, as a server that is broken or hostile may send them.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![0u32..9, any::<u32>()];
    let body = prop::collection::vec(any::<u8>(), 0..40);
    let frame = (31u32..48, number.clone(), number, body).prop_map(|(op, seq, ack, body)| {
        Frame { head: Head { ver: 2, op, seq, ack }, body: body.into() }.to_vec(Layout::Dtalk)
    });
    prop::collection::vec(frame, 0..60).prop_map(|frames| frames.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn everything_arrives_in_order_and_once_while_the_session_lives(seed in any::<u64>()) {
        let mut world = World::new(seed, Faults { cut: 1_500, forget: 0, shuffle: true });
        world.run(20_000);
        world.settle(300_000);
        prop_assert!(world.reconnects() > 0, "no connection was ever lost");
        // A welcome that was cut off began a session that the client never heard of.
        prop_assert_eq!(world.opened, 1, "every other connection resumed it");
    }

    #[test]
    fn nothing_is_lost_silently_when_sessions_are_forgotten(seed in any::<u64>()) {
        let mut world = World::new(seed, Faults { cut: 1_500, forget: 3, shuffle: false });
        world.run(20_000);
        world.settle(300_000);
    }

    #[test]
    fn no_server_makes_a_client_panic_or_keep_more_than_it_may(
        bytes in frames(), accepted in any::<u32>(),
    ) {
        let now = Time::from_micros(1_000);
        let config = Config { outbox: 3, early: 3, ..Config::default() };
        let mut session = ClientSession::new(now, config, 1);
        let Some(Event::Connect(link)) = session.poll_event() else { panic!("a link is wanted") };
        session.handle_connected(now, link);
        let welcome = Box::new(Welcome { accepted, ..Default::default() });
        let mut opening = Vec::new();
        ServerFrame::Welcome { ack: 1, welcome }.write(&mut opening);
        session.handle_bytes(now, link, &opening);
        let kept = (0..9).filter(|_| session.send(now, "m").is_ok()).count();
        prop_assert_eq!(kept, 3);
        session.handle_bytes(now, link, &bytes);
        let out = std::iter::from_fn(|| session.poll_transmit());
        let written: usize = out.map(|bytes| bytes.len()).sum();
        prop_assert!(written < 1_000, "{} bytes", written);
        let events = std::iter::from_fn(|| session.poll_event()).count();
        prop_assert!(events <= 64, "{} events of 60 frames", events);
    }
}

#[test]
fn without_faults_one_connection_is_enough() {
    let mut world = World::new(1, Faults { cut: 0, forget: 0, shuffle: false });
    world.run(20_000);
    world.settle(60_000);
    assert_eq!((world.reconnects(), world.opened), (0, 1));
    assert!(world.deliveries > 100, "{} deliveries", world.deliveries);
    assert!(world.answers > 100, "{} answers", world.answers);
    let acks = world.server.acks;
    assert!(acks * 4 < world.deliveries * 3, "{acks} acks of {} deliveries", world.deliveries);
}
