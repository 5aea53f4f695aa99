//! Violations of the dialect end the connection with a corresponding error.

use comet_testkit::client::{Ending, Transport};
use comet_testkit::comet::{Comet, Hello, code, op, packet, send};
use comet_testkit::frame::{Frame, Wire};

use super::BOTH;
use crate::example::Example;

/// The bytes of a packet with part of the head overwritten.
fn spoilt(packet: &Frame, at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut spoilt = Wire::Dtalk.bytes(packet);
    spoilt[at..at + bytes.len()].copy_from_slice(bytes);
    spoilt
}

fn end_after(relay: &Example, transport: Transport, bytes: &[u8]) -> (i32, bool, Ending) {
    let mut comet = Comet::open(relay, transport, &Hello::new("alice", ""));
    comet.send_bytes(bytes);
    comet.fails()
}

#[test]
fn garbage_is_answered_with_protocol() {
    let relay = Example::relay(&[]);
    let of = |packet: &Frame| Wire::Dtalk.bytes(packet);
    let ping = packet(op::PING, 0, 0, [0; 8]);
    let cases = [
        ("a second auth", of(&Hello::new("alice", "").frame(2))),
        ("an op of dtalk", of(&packet(7, 1, 0, b"hello"))),
        ("an op of the server", of(&packet(op::DELIVER, 1, 0, b"hello"))),
        ("a ping without a stamp", of(&packet(op::PING, 0, 0, [0; 7]))),
        ("a number that is longer than it need be", of(&packet(op::ACK, 0, 0, b"\x81\x00\x01"))),
        ("a range of nothing", of(&packet(op::ACK, 0, 0, b"\x01\x00"))),
        ("half a range", of(&packet(op::ACK, 0, 0, b"\x01"))),
        ("more ranges than 32", of(&packet(op::ACK, 0, 0, [1; 66]))),
        ("a message without a number", of(&Frame { seq: 0, ..send(1, b"hello") })),
        ("a head of another length", spoilt(&ping, 4, &[0, 19])),
        ("a packet shorter than its head", spoilt(&ping, 0, &[0, 0, 0, 19])),
        ("a negative length", spoilt(&ping, 0, &[0xff; 4])),
    ];
    for transport in BOTH {
        for (what, bytes) in &cases {
            let end = end_after(&relay, transport, bytes);
            assert_eq!(end, (code::PROTOCOL, false, transport.goodbye(1002)), "{what}");
        }
    }
}

#[test]
fn a_websocket_message_ends_with_a_packet() {
    let relay = Example::relay(&[]);
    let whole = Wire::Dtalk.bytes(&packet(op::PING, 0, 0, [0; 8]));
    let mut comet = Comet::open(&relay, Transport::WebSocket, &Hello::new("alice", ""));
    comet.send_bytes(&[&whole[..], &whole[..27]].concat());
    assert_eq!(comet.receive(), packet(op::PONG, 0, 0, [0; 8]));
    assert_eq!(comet.fails(), (code::PROTOCOL, false, Ending::Close(Some(1002))));
}

#[test]
fn an_auth_that_is_no_message_is_answered_with_protocol() {
    let relay = Example::relay(&[]);
    for transport in BOTH {
        let mut comet = Comet::connect(&relay, transport);
        comet.send(&[packet(op::AUTH, 1, 0, b"\x0a\x05dtalk\x12")]);
        assert_eq!(comet.fails(), (code::PROTOCOL, false, transport.goodbye(1002)));
    }
}

#[test]
fn a_body_that_is_too_large_is_refused_by_its_length() {
    let relay = Example::relay(&["--max-message", "10000"]);
    let long = packet(op::SEND, 1, 0, [7; 10_001]);
    for transport in BOTH {
        let mut comet = Comet::open(&relay, transport, &Hello::new("alice", ""));
        comet.send(&[send(1, [7; 10_000])]);
        let mut ops = [comet.receive().op, comet.receive().op];
        ops.sort_unstable();
        assert_eq!(ops, [op::DELIVER, op::SEND_REPLY]);
    }
    // The head suffices.
    for transport in BOTH {
        let (code, retry, _) = end_after(&relay, transport, &Wire::Dtalk.bytes(&long)[..20]);
        assert_eq!((code, retry), (code::TOO_LARGE, false));
    }
    let mut comet = Comet::open(&relay, Transport::WebSocket, &Hello::new("alice", ""));
    comet.send(&[long]);
    assert_eq!(comet.fails(), (code::TOO_LARGE, false, Ending::Close(Some(1009))));
}

#[test]
fn messages_out_of_sequence_end_the_connection_but_may_come_again() {
    let relay = Example::relay(&[]);
    for transport in BOTH {
        for said in [0, 1] {
            let mut comet = Comet::open(&relay, transport, &Hello::new("alice", ""));
            for seq in 1..=said {
                comet.send(&[send(seq, b"")]);
                let mut ops = [comet.receive().op, comet.receive().op];
                ops.sort_unstable();
                assert_eq!(ops, [op::DELIVER, op::SEND_REPLY]);
            }
            comet.send(&[send(said + 2, b"")]);
            assert_eq!(comet.fails(), (code::SEQUENCE, true, transport.goodbye(1002)));
        }
    }
}

#[test]
fn ops_that_are_not_known_yet_are_ignored() {
    let relay = Example::relay(&[]);
    for transport in BOTH {
        let mut comet = Comet::open(&relay, transport, &Hello::new("alice", ""));
        comet.send(&[
            packet(47, 1, 2, b"new"),
            packet(999, 0, 0, b""),
            packet(u32::MAX, 0, 0, b""),
        ]);
        comet.beat();
    }
}
