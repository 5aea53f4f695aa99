//! Deliveries, acks, gaps, and messages with their answers.

use std::time::Duration;

use super::BOTH;
use crate::support::client::Transport;
use crate::support::comet::{Comet, Hello, bytes, number, op, packet, send};
use crate::support::frame::{self, Frame, ack};
use crate::support::program::Program;

/// The answers and the deliveries among packets.
fn sorted(packets: Vec<Frame>) -> (Vec<Frame>, Vec<Frame>) {
    packets.into_iter().partition(|packet| packet.op == op::SEND_REPLY)
}

fn receive_all(comet: &mut Comet, count: usize) -> Vec<Frame> {
    (0..count).map(|_| comet.receive()).collect()
}

#[test]
fn a_message_goes_byte_for_byte_to_all_dialects_in_the_room() {
    let relay = Program::relay(&["--shards", "2"]);
    let body: Vec<u8> = (0..=255).collect();
    for transport in BOTH {
        let room = format!("{transport:?}");
        let mut sender = Comet::open(&relay, transport, "sender", &room);
        let mut member = Comet::open(&relay, transport, "member", &room);
        let mut older = relay.client(transport, "older", &room);
        for seq in 1..=3 {
            sender.send(&[send(seq, &body)]);
            let (answers, deliveries) = sorted(receive_all(&mut sender, 2));
            assert_eq!(answers, [packet(op::SEND_REPLY, 0, seq, b"")]);
            assert_eq!(deliveries, [packet(op::DELIVER, seq, 0, &body)]);
            member.takes(seq, &body);
            older.takes(seq, &body);
        }
    }
}

#[test]
fn best_effort_deliveries_have_an_op_of_their_own_and_no_number() {
    let relay = Program::relay(&["--delivery", "best-effort"]);
    let mut sender = Comet::open(&relay, Transport::Tcp, "sender", "");
    sender.send(&[send(1, b"hello")]);
    let (_, deliveries) = sorted(receive_all(&mut sender, 2));
    assert_eq!(deliveries, [packet(op::BEST_EFFORT, 0, 0, b"hello")]);
}

#[test]
fn a_burst_comes_in_few_messages_each_with_whole_packets() {
    let relay = Program::relay(&["--shards", "1"]);
    let mut member = Comet::open(&relay, Transport::WebSocket, "member", "lobby");
    let mut sender = Comet::open(&relay, Transport::Tcp, "sender", "lobby");
    member.messages.clear();
    sender.send(&(1..=50).map(|seq| send(seq, seq.to_string())).collect::<Vec<_>>());
    for seq in 1..=50 {
        member.takes(seq, seq.to_string());
    }
    assert_eq!(member.messages.iter().sum::<usize>(), 50);
    assert!(member.messages.len() <= 5, "{:?}", member.messages);
}

#[test]
fn a_repeated_message_gets_its_answer_again_and_is_not_published_again() {
    let relay = Program::relay(&[]);
    for transport in BOTH {
        let mut comet = Comet::open(&relay, transport, "alice", "");
        let first = packet(op::SEND, 1, 0, b"once");
        comet.send(std::slice::from_ref(&first));
        let (answers, deliveries) = sorted(receive_all(&mut comet, 2));
        assert_eq!((answers.len(), deliveries.len()), (1, 1));
        comet.ack(1, b"");
        comet.send(&[first]);
        assert_eq!(comet.receive(), answers[0]);
        comet.beat();
    }
}

#[test]
fn acks_are_cumulative_and_list_ranges() {
    for transport in BOTH {
        let relay = Program::relay(&["--window", "4", "--shards", "1"]);
        let mut member = Comet::open(&relay, transport, "member", "lobby");
        let mut sender = Comet::open(&relay, Transport::Tcp, "sender", "lobby");
        sender.send(&(1..=12).map(|seq| send(seq, seq.to_string())).collect::<Vec<_>>());
        for seq in 1..=4 {
            member.takes(seq, seq.to_string());
        }
        member.beat();
        member.ack(2, b"");
        for seq in [5, 6] {
            member.takes(seq, seq.to_string());
        }
        member.beat();
        // All except 3: one is missing, then three have arrived.
        member.ack(2, b"\x01\x03");
        // A future number, zero, an earlier one: no valid ack at all.
        member.ack(4_000, b"");
        member.ack(0, b"");
        member.ack(1, b"");
        member.beat();
        // After two seconds the missing delivery is sent again, and no other.
        member.takes(3, b"3");
        member.beat();
        member.ack(6, b"");
        for seq in [7, 8, 9, 10] {
            member.takes(seq, seq.to_string());
        }
        member.ack(10, b"");
        for seq in [11, 12] {
            member.takes(seq, seq.to_string());
        }
        member.ack(12, b"");
        member.beat();
    }
}

#[test]
fn what_is_given_up_is_told_as_a_gap_with_its_place_in_the_room() {
    let flags = ["--window", "4", "--room-log", "4", "--overflow", "drop-oldest", "--shards", "1"];
    for transport in BOTH {
        let relay = Program::relay(&flags);
        let mut member = Comet::open(&relay, transport, "member", "lobby");
        say_in_lobby(&relay, 20);
        for seq in 1..=4 {
            member.takes(seq, seq.to_string());
        }
        member.ack(4, b"");
        let gap = member.receive();
        assert_eq!((gap.op, gap.seq), (op::GAP, 5));
        let (count, reason) = (number(&gap.body, 2), number(&gap.body, 3));
        assert_eq!((bytes(&gap.body, 4), number(&gap.body, 5)), (b"lobby".to_vec(), 5));
        assert_eq!(reason, 1, "SLOW");
        let mut seq = 5;
        for said in 5 + count..=20 {
            seq += 1;
            member.takes(seq, said.to_string());
            member.ack(seq, b"");
        }
        assert!(count >= 12, "{count} missing");
        member.beat();
    }
}

#[test]
fn who_reads_too_slowly_is_told_and_gets_what_waited_when_it_comes_back() {
    let flags = ["--window", "4", "--queue", "2", "--room-log", "8", "--resume-ttl", "60"];
    let relay = Program::relay(&[&flags[..], &["--shards", "1"]].concat());
    let hello = Hello { token: "member", ext: "lobby", ..Hello::default() };
    let (mut member, welcome) = Comet::welcomed(&relay, Transport::Tcp, &hello);
    say_in_lobby(&relay, 40);
    for seq in 1..=4 {
        member.takes(seq, seq.to_string());
    }
    assert_eq!(member.fails(), (10, true, Transport::Tcp.goodbye(1008)), "SLOW");
    let ticket = &bytes(&welcome, 4)[..];
    let back = Hello { ticket, last_seq: 4, ..hello };
    let (mut member, welcome) = Comet::welcomed(&relay, Transport::WebSocket, &back);
    assert_eq!([2, 3].map(|tag| number(&welcome, tag)), [2, 1], "the second connection, resumed");
    let (mut seq, mut next) = (4, 5);
    while next <= 40 {
        seq += 1;
        let came = member.receive();
        assert_eq!(came.seq, seq, "numbers without holes");
        if came.op == op::GAP {
            assert_eq!((number(&came.body, 5), number(&came.body, 3)), (next, 1));
            next += number(&came.body, 2);
        } else {
            assert_eq!((came.op, came.body), (op::DELIVER, next.to_string().into_bytes()));
            next += 1;
        }
        member.ack(seq, b"");
    }
    assert_eq!(next, 41);
    member.hears_nothing_for(Duration::from_millis(50));
}

/// A client that sends numbers, and leaves.
fn say_in_lobby(relay: &Program, count: u32) {
    let mut sender = relay.client(Transport::Tcp, "other", "lobby");
    for seq in 1..=count {
        sender.send(&frame::say(seq, seq.to_string()));
        sender.receive_all(2);
        sender.send(&ack(seq));
    }
}

#[test]
fn messages_of_one_who_is_in_no_room_come_back_alone() {
    let relay = Program::relay(&[]);
    let mut alone = Comet::open(&relay, Transport::WebSocket, "alone", "device=phone");
    let mut other = Comet::open(&relay, Transport::WebSocket, "alone", "device=tablet");
    alone.send(&[send(1, b"me")]);
    let (answers, deliveries) = sorted(receive_all(&mut alone, 2));
    assert_eq!((answers.len(), &deliveries[..]), (1, &[packet(op::DELIVER, 1, 0, b"me")][..]));
    other.beat();
}

#[test]
fn a_session_that_ends_when_it_is_too_slow_is_not_resumed() {
    let flags = ["--window", "4", "--room-log", "8", "--overflow", "close", "--resume-ttl", "60"];
    let relay = Program::relay(&[&flags[..], &["--shards", "1"]].concat());
    let hello = Hello { token: "member", ext: "lobby", ..Hello::default() };
    let (mut member, welcome) = Comet::welcomed(&relay, Transport::Tcp, &hello);
    say_in_lobby(&relay, 40);
    for seq in 1..=4 {
        member.takes(seq, seq.to_string());
    }
    assert_eq!(member.fails(), (10, true, Transport::Tcp.goodbye(1008)), "SLOW");
    let ticket = &bytes(&welcome, 4)[..];
    let back = Hello { ticket, last_seq: 4, ..hello };
    let (_, welcome) = Comet::welcomed(&relay, Transport::Tcp, &back);
    assert_eq!([2, 3, 12].map(|tag| number(&welcome, tag)), [1, 0, 3], "loss ENDED");
}
