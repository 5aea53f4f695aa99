//! Violations of the dialect end the connection with a corresponding error.

use super::BOTH;
use crate::support::client::{Ending, Transport};
use crate::support::comet::{Comet, Hello, op, packet, send};
use crate::support::frame::{Frame, Wire};
use crate::support::program::Program;

const PROTOCOL: u64 = 2;
const TOO_LARGE: u64 = 3;
const SEQUENCE: u64 = 4;

/// The bytes of a packet with part of the head overwritten.
fn spoilt(packet: &Frame, at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut spoilt = Wire::Dtalk.bytes(packet);
    spoilt[at..at + bytes.len()].copy_from_slice(bytes);
    spoilt
}

fn end_after(relay: &Program, transport: Transport, bytes: &[u8]) -> (u64, bool, Ending) {
    let mut comet = Comet::open(relay, transport, "alice", "");
    comet.send_bytes(bytes);
    comet.fails()
}

#[test]
fn garbage_is_answered_with_protocol() {
    let relay = Program::relay(&[]);
    let of = |packet: &Frame| Wire::Dtalk.bytes(packet);
    let ping = packet(op::PING, 0, 0, [0; 8]);
    let cases = [
        ("a second auth", of(&Hello { token: "alice", ..Hello::default() }.frame(2))),
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
            assert_eq!(end, (PROTOCOL, false, transport.goodbye(1002)), "{what}");
        }
    }
}

#[test]
fn a_websocket_message_ends_with_a_packet() {
    let relay = Program::relay(&[]);
    let whole = Wire::Dtalk.bytes(&packet(op::PING, 0, 0, [0; 8]));
    let mut comet = Comet::open(&relay, Transport::WebSocket, "alice", "");
    comet.send_bytes(&[&whole[..], &whole[..27]].concat());
    assert_eq!(comet.receive(), packet(op::PONG, 0, 0, [0; 8]));
    assert_eq!(comet.fails(), (PROTOCOL, false, Ending::Close(Some(1002))));
}

#[test]
fn an_auth_that_is_no_message_is_answered_with_protocol() {
    let relay = Program::relay(&[]);
    for transport in BOTH {
        let mut comet = Comet::connect(&relay, transport);
        comet.send(&[packet(op::AUTH, 1, 0, b"\x0a\x05dtalk\x12")]);
        assert_eq!(comet.fails(), (PROTOCOL, false, transport.goodbye(1002)));
    }
}

#[test]
fn a_body_that_is_too_large_is_refused_by_its_length() {
    let relay = Program::relay(&["--max-message", "10000"]);
    let long = packet(op::SEND, 1, 0, [7; 10_001]);
    for transport in BOTH {
        let mut comet = Comet::open(&relay, transport, "alice", "");
        comet.send(&[send(1, [7; 10_000])]);
        let mut ops = [comet.receive().op, comet.receive().op];
        ops.sort_unstable();
        assert_eq!(ops, [op::DELIVER, op::SEND_REPLY]);
    }
    // The head suffices.
    for transport in BOTH {
        let (code, retry, _) = end_after(&relay, transport, &Wire::Dtalk.bytes(&long)[..20]);
        assert_eq!((code, retry), (TOO_LARGE, false));
    }
    let mut comet = Comet::open(&relay, Transport::WebSocket, "alice", "");
    comet.send(&[long]);
    assert_eq!(comet.fails(), (TOO_LARGE, false, Ending::Close(Some(1009))));
}

#[test]
fn messages_out_of_sequence_end_the_connection_but_may_come_again() {
    let relay = Program::relay(&[]);
    for transport in BOTH {
        for said in [0, 1] {
            let mut comet = Comet::open(&relay, transport, "alice", "");
            for seq in 1..=said {
                comet.send(&[send(seq, b"")]);
                let mut ops = [comet.receive().op, comet.receive().op];
                ops.sort_unstable();
                assert_eq!(ops, [op::DELIVER, op::SEND_REPLY]);
            }
            comet.send(&[send(said + 2, b"")]);
            assert_eq!(comet.fails(), (SEQUENCE, true, transport.goodbye(1002)));
        }
    }
}

#[test]
fn ops_that_are_not_known_yet_are_ignored() {
    let relay = Program::relay(&[]);
    for transport in BOTH {
        let mut comet = Comet::open(&relay, transport, "alice", "");
        comet.send(&[
            packet(47, 1, 2, b"new"),
            packet(999, 0, 0, b""),
            packet(u32::MAX, 0, 0, b""),
        ]);
        comet.beat();
    }
}
