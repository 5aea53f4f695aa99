//! Deliveries without a number of the session on a connection that counts them.

use std::collections::BTreeMap;

use bytes::Bytes;
use comet_protocol::client::{ClientSession, Config, Event, Link, Time};
use comet_protocol::comet::message::capability;
use comet_protocol::comet::{Gap, Key, Seq, ServerFrame, Welcome};
use proptest::prelude::*;

use crate::world::Rng;

fn at(millis: u64) -> Time {
    Time::from_micros(millis * 1_000)
}

/// A session whose connection has datagrams.
fn opened() -> (ClientSession, Link) {
    let mut config = Config::default();
    config.auth.capabilities |= capability::DATAGRAMS;
    let mut session = ClientSession::new(at(0), config, 1);
    let Some(Event::Connect(link)) = session.poll_event() else { panic!("a link is wanted") };
    session.handle_connected(at(0), link);
    let capabilities = capability::RESUME | capability::LATEST | capability::DATAGRAMS;
    let welcome = Welcome { capabilities, ticket: "t".into(), ..Welcome::default() };
    let welcome = ServerFrame::Welcome { ack: 1, welcome: Box::new(welcome) };
    session.handle_bytes(at(0), link, &bytes(&welcome));
    assert!(matches!(session.poll_event(), Some(Event::Opened { .. })));
    (session, link)
}

fn bytes(frame: &ServerFrame) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.write(&mut bytes);
    bytes
}

/// The delivery of a count: best effort, or the latest of a key.
fn frame(count: u32, key: Option<u8>) -> ServerFrame {
    let (seq, body) = (Seq::new(count), Bytes::from(count.to_string()));
    match key {
        None => ServerFrame::BestEffort { seq, body },
        Some(key) => ServerFrame::Latest { seq, key: Key::new(vec![key]).unwrap(), body },
    }
}

/// What was handed up: counts with their keys, and 0 for a gap that is not counted.
fn handed_up(session: &mut ClientSession) -> Vec<(u32, Option<u8>)> {
    while session.poll_transmit().is_some() {}
    let number = |body: Bytes| str::from_utf8(&body).unwrap().parse().unwrap();
    let handed = std::iter::from_fn(|| session.poll_event()).map(|event| match event {
        Event::BestEffort { body } => (number(body), None),
        Event::Latest { key, body } => (number(body), Some(key.as_bytes()[0])),
        Event::Gap { from, to, gap } => {
            assert_eq!((from, to, gap), (Seq::NONE, Seq::NONE, Gap::default()));
            (0, None)
        }
        other => panic!("not expected: {other:?}"),
    });
    handed.collect()
}

fn counts(session: &mut ClientSession) -> Vec<u32> {
    handed_up(session).into_iter().map(|(count, _)| count).collect()
}

#[test]
fn what_is_overtaken_is_not_handed_up_and_a_hole_is_told_once_after_a_while() {
    let (mut session, link) = opened();
    let datagram = |session: &mut ClientSession, millis, count, key| {
        session.handle_datagram(at(millis), link, &bytes(&frame(count, key)));
        counts(session)
    };
    assert_eq!(datagram(&mut session, 1, 1, None), [1]);
    assert_eq!(datagram(&mut session, 2, 4, None), [4]);
    assert_eq!(datagram(&mut session, 3, 4, None), [0_u32; 0], "a repeat");
    assert_eq!(datagram(&mut session, 4, 3, Some(7)), [3], "an older one of another kind");
    assert_eq!(datagram(&mut session, 5, 2, None), [0_u32; 0], "overtaken, and so missing");
    assert_eq!(session.poll_timeout(), Some(at(202)));
    session.handle_timeout(at(202));
    assert_eq!(counts(&mut session), [0]);
    assert_eq!(datagram(&mut session, 203, 6, Some(7)), [6]);
    assert_eq!(datagram(&mut session, 204, 5, Some(7)), [0_u32; 0], "not the newest of its key");
    session.handle_timeout(at(900));
    assert_eq!(counts(&mut session), [0_u32; 0], "which is not missed");
}

#[test]
fn one_that_was_too_long_comes_on_the_stream_under_the_same_count() {
    let (mut session, link) = opened();
    session.handle_datagram(at(1), link, &bytes(&frame(1, None)));
    session.handle_datagram(at(2), link, &bytes(&frame(3, Some(1))));
    session.handle_bytes(at(9), link, &bytes(&frame(2, Some(2))));
    assert_eq!(counts(&mut session), [1, 3, 2]);
    session.handle_timeout(at(900));
    assert_eq!(counts(&mut session), [0_u32; 0], "nothing is missing");
}

#[test]
fn a_hole_that_is_far_behind_is_told_at_once_and_one_at_the_end_with_the_connection() {
    let (mut session, link) = opened();
    session.handle_datagram(at(1), link, &bytes(&frame(70, None)));
    assert_eq!(counts(&mut session), [70, 0]);
    session.handle_datagram(at(2), link, &bytes(&frame(72, None)));
    assert_eq!(counts(&mut session), [72]);
    session.handle_disconnected(at(3), link);
    assert!(matches!(session.poll_event(), Some(Event::Gap { .. })));
    assert!(matches!(session.poll_event(), Some(Event::Waiting { .. })));
}

#[test]
fn what_is_no_delivery_is_no_datagram() {
    let (mut session, link) = opened();
    let whole = bytes(&frame(1, None));
    let two = [whole.clone(), bytes(&frame(2, None))].concat();
    let acked = bytes(&ServerFrame::Deliver { seq: Seq::FIRST, body: "x".into() });
    for bytes in [&b"x"[..], &whole[..9], &two, &acked, &[0xff; 40], &[]] {
        session.handle_datagram(at(1), link, bytes);
    }
    session.handle_datagram(at(1), Link::default(), &whole);
    assert_eq!(counts(&mut session), [0_u32; 0]);
    session.handle_datagram(at(1), link, &whole);
    assert_eq!(counts(&mut session), [1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Datagrams are lost, repeated and late by up to 150 ms; some deliveries come on the stream.
    #[test]
    fn order_holds_for_each_kind_and_no_loss_goes_untold(
        seed in any::<u64>(), lost in prop_oneof![Just(0u64), 1u64..40], spread in 0u64..150,
    ) {
        let (mut session, link) = opened();
        let mut rng = Rng::new(seed);
        let mut arrivals: Vec<(u64, u32, Option<u8>, bool)> = Vec::new();
        let mut is_lost = BTreeMap::new();
        for count in 1..200u32 {
            let key = Some(u8::try_from(rng.below(4)).unwrap()).filter(|key| *key > 0);
            let (sent, on_stream) = (u64::from(count) * 7, rng.below(10) == 0);
            let copies = match rng.below(100) {
                chance if chance < lost && !on_stream && count < 190 => 0,
                chance if chance > 90 && !on_stream => 2,
                _ => 1,
            };
            is_lost.insert(count, copies == 0);
            for _ in 0..copies {
                let late = if on_stream { spread / 2 } else { rng.below(spread + 1) };
                arrivals.push((sent + late, count, key, on_stream));
            }
        }
        arrivals.sort_by_key(|(due, count, ..)| (*due, *count));
        let (mut newest, mut told, mut seen) = (BTreeMap::new(), 0, Vec::new());
        let mut note = |session: &mut ClientSession| -> Result<(), TestCaseError> {
            for (count, key) in handed_up(session) {
                if count == 0 {
                    told += 1;
                    continue;
                }
                let before = newest.insert(key, count);
                let is_newer = before.is_none_or(|before| before < count);
                prop_assert!(is_newer, "{count} after {before:?}");
                seen.push(count);
            }
            Ok(())
        };
        for (due, count, key, on_stream) in arrivals {
            while let Some(timer) = session.poll_timeout().filter(|timer| *timer <= at(due)) {
                session.handle_timeout(timer);
                note(&mut session)?;
            }
            let bytes = bytes(&frame(count, key));
            match on_stream {
                true => session.handle_bytes(at(due), link, &bytes),
                false => session.handle_datagram(at(due), link, &bytes),
            }
            note(&mut session)?;
        }
        session.handle_timeout(at(5_000));
        note(&mut session)?;
        if is_lost.values().any(|lost| *lost) {
            prop_assert!(told > 0, "a loss was not told of");
        } else if spread < 7 {
            prop_assert_eq!((told, seen.len()), (0, 199), "nothing is lost or overtaken");
        }
    }
}
