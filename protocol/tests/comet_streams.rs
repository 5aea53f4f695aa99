//! What any numbers, ranges and frames of the comet dialect do.

use std::collections::BTreeSet;

use bytes::Bytes;
use comet_protocol::comet::{
    ClientFrame, Gap, Key, Ping, Received, ReceivedBuf, Seq, SeqRange, ServerFrame, limits,
};
use comet_protocol::{Decoder, Frame, Head, Layout};
use proptest::prelude::*;

/// A number, or none.
fn any_seq() -> impl Strategy<Value = Seq> {
    any::<u32>().prop_map(Seq::new)
}

fn seq() -> impl Strategy<Value = Seq> {
    prop_oneof![1u32..50, u32::MAX - 50..=u32::MAX, 1u32..].prop_map(Seq::new)
}

fn body() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from)
}

fn server_frame() -> impl Strategy<Value = ServerFrame> {
    let key =
        prop::collection::vec(any::<u8>(), 0..=255).prop_map(|key| Key::new(key).expect("short"));
    let gap = (seq(), 0u32..1_000, any::<(u64, u64)>(), "[a-z]{0,9}", 0i32..9);
    prop_oneof![
        (seq(), body()).prop_map(|(seq, body)| ServerFrame::Deliver { seq, body }),
        (any_seq(), body()).prop_map(|(seq, body)| ServerFrame::BestEffort { seq, body }),
        (any_seq(), key, body()).prop_map(|(seq, key, body)| ServerFrame::Latest {
            seq,
            key,
            body
        }),
        (seq(), body()).prop_map(|(ack, body)| ServerFrame::SendReply { ack, body }),
        gap.prop_map(|(from, len, (count, position), room, reason)| {
            let gap = Gap { from: from.get(), count, reason, room, position };
            ServerFrame::Gap { to: from.plus(len), gap }
        })
        .prop_filter("a gap of numbers ends with one", |frame| {
            !matches!(frame, ServerFrame::Gap { to, .. } if to.is_none())
        }),
        any::<([u8; 8], Option<u32>)>().prop_map(|(stamp, round_trip)| {
            let round_trip_us = round_trip.filter(|micros| *micros != 0);
            ServerFrame::Ping(Ping { stamp, round_trip_us })
        }),
    ]
}

/// The ranges of a set of numbers beyond a base, counted from it.
fn ranges_of(base: Seq, ahead: &BTreeSet<u32>) -> Vec<SeqRange> {
    let mut ranges: Vec<SeqRange> = Vec::new();
    for seq in ahead.iter().map(|places| base.plus(*places)) {
        match ranges.last_mut() {
            Some(range) if range.last.plus(1) == seq => range.last = seq,
            _ => ranges.push(SeqRange { first: seq, last: seq }),
        }
    }
    ranges
}

proptest! {
    #[test]
    fn order_holds_for_numbers_less_than_half_the_circle_apart(
        from in seq(), places in 1u32..=limits::SPAN,
    ) {
        let to = from.plus(places);
        prop_assert!(to.is_after(from) && !from.is_after(to));
        prop_assert_eq!(to.since(from), places);
        prop_assert!(from.next().is_after(from) && !from.next().is_none());
    }

    #[test]
    fn an_ack_lists_exactly_what_arrived_up_to_its_last_range(
        base in seq(), ahead in prop::collection::btree_set(2u32..200, 0..120),
    ) {
        let mut built = ReceivedBuf::new(base);
        let ranges = ranges_of(base, &ahead);
        let mut taken = ranges.clone();
        taken.retain(|range| built.push(*range));
        prop_assert_eq!(&taken[..], &ranges[..ranges.len().min(limits::RANGES)]);

        let received = Received::parse(base, built.as_received().as_bytes()).unwrap();
        let listed: Vec<SeqRange> = received.ranges().collect();
        prop_assert_eq!(&listed, &taken);
        let reach = taken.last().map_or(0, |range| range.last.since(base));
        for places in 1..=200 {
            let has = places <= reach && ahead.contains(&places);
            prop_assert_eq!(received.contains(base.plus(places)), has);
        }
    }

    #[test]
    fn frames_survive_any_cutting(
        frames in prop::collection::vec(server_frame(), 1..10), piece in 1usize..64,
    ) {
        let mut stream = Vec::new();
        frames.iter().for_each(|frame| frame.write(&mut stream));
        let (mut decoder, mut seen) = (Decoder::new(Layout::Dtalk, 1_024), Vec::new());
        for piece in stream.chunks(piece) {
            decoder.push(piece);
            while let Some(Frame { head, body }) = decoder.next_frame().unwrap() {
                seen.push(ServerFrame::decode(head, body).unwrap());
            }
        }
        prop_assert_eq!(seen, frames);
    }

    #[test]
    fn no_body_makes_a_codec_panic(
        op in prop_oneof![0u32..50, any::<u32>()], numbers in any::<(u32, u32)>(), body in body(),
    ) {
        let head = Head { ver: 2, op, seq: numbers.0, ack: numbers.1 };
        let sides = (ClientFrame::decode(head, &body), ServerFrame::decode(head, body.clone()));
        let known = [1, 37, 39, 46].contains(&op) || (32..=46).contains(&op);
        let unknown = (Ok(ClientFrame::Unknown { op }), Ok(ServerFrame::Unknown { op }));
        prop_assert_eq!(sides == unknown, !known && op >= 32);
    }
}
