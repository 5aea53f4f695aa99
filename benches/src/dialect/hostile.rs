//! Servers that cut their bytes anywhere, and servers that send garbage.

use proptest::collection::vec;
use proptest::prelude::*;

use super::codec_harness::{CodecHarness, hex};
use super::{Dialect, DialectError};

/// Streams of those dialects whose packets may be cut.
fn streams() -> [(Dialect, Vec<u8>); 4] {
    let nats =
        b"INFO {\"a\":1}\r\nPONG\r\nMSG red 1 2\r\nhi\r\nPING\r\nMSG red 1 4 0\r\n\r\n-ERR 'x'\r\n";
    [
        (
            Dialect::Dtalk,
            hex("00000014 00140001 00000002 00000001 00000000
                 00000016 00140001 00000009 00000001 00000000 6869
                 00000015 00140001 00000009 00000000 00000000 78
                 00000014 00140001 00000008 00000003 00000003"),
        ),
        (
            Dialect::Goim,
            hex("00000010 00100001 00000008 00000001
                 00000034 00100001 00000009 00000000
                 00000012 00100001 000003e8 00000000 6869 00000012 00100001 000003e8 00000000 796f
                 00000011 00100001 000003e8 00000000 78"),
        ),
        (Dialect::Mqtt, hex("20020000 9003000100 3007 0003726564 6869 d000 3005 0003726564")),
        (Dialect::Nats, nats.to_vec()),
    ]
}

/// All events, all output, and the end.
fn receive<'a>(
    dialect: Dialect,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<String>, Vec<u8>, Option<DialectError>) {
    let mut harness = CodecHarness::new(dialect, &["red"]);
    harness.open();
    let (mut told, mut said) = (Vec::new(), Vec::new());
    for part in parts {
        let (events, words, outcome) = harness.hear_all(part);
        told.extend(events);
        said.extend(words);
        if let Err(broken) = outcome {
            return (told, said, Some(broken));
        }
    }
    (told, said, None)
}

fn cut<'a>(mut bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    for len in lengths.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (part, rest) = bytes.split_at((*len).min(bytes.len()));
        parts.push(part);
        bytes = rest;
    }
    parts
}

#[test]
fn every_stream_says_something_before_it_is_cut() {
    for (dialect, stream) in streams() {
        let (told, _, broken) = receive(dialect, [&stream[..stream.len() - 1]]);
        assert_eq!(told[..2], ["opened", "delivery hi"], "{dialect}");
        assert_eq!(broken, None, "{dialect}");
    }
}

proptest! {
    #[test]
    fn bytes_cut_anywhere_mean_the_same(which in 0..4usize, lengths in vec(1..20usize, 1..8)) {
        let (dialect, stream) = &streams()[which];
        let bytewise = receive(*dialect, stream.chunks(1));
        prop_assert_eq!(receive(*dialect, cut(stream, &lengths)), bytewise);
    }

    #[test]
    fn nothing_that_a_server_says_brings_the_client_down(
        which in 0..4usize,
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        lengths in vec(1..40usize, 1..5),
    ) {
        let (dialect, mut stream) = streams()[which].clone();
        for (at, byte) in changes {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        let (told, said, _) = receive(dialect, cut(&stream, &lengths));
        // Nothing is made up: at most an event for each smallest packet, an ack for each event.
        prop_assert!(told.len() <= stream.len() / 2 && said.len() <= 4 * stream.len());
    }

    #[test]
    fn no_line_of_json_brings_the_client_down(line in "[{}\":,a-z0-9\n]{0,60}") {
        let mut harness = CodecHarness::new(Dialect::Centrifugo, &["red"]);
        harness.open();
        if let Ok((told, _)) = harness.receive(line.as_bytes()) {
            prop_assert!(told.len() <= line.lines().count());
        }
    }
}
