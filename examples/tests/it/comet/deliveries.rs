//! Deliveries, acks, gaps, and messages with their answers.

use std::time::Duration;

use comet_testkit::client::Transport;
use comet_testkit::comet::{
    Comet, Gap, Hello, best_effort, code, delivery, loss, op, packet, reason, reply, send,
};
use comet_testkit::frame::{self, Frame, ack};

use super::BOTH;
use crate::example::Example;

/// The answers and the deliveries among packets.
fn sorted(packets: Vec<Frame>) -> (Vec<Frame>, Vec<Frame>) {
    packets.into_iter().partition(|packet| packet.op == op::SEND_REPLY)
}

fn receive_all(comet: &mut Comet, count: usize) -> Vec<Frame> {
    (0..count).map(|_| comet.receive()).collect()
}

#[test]
fn a_message_goes_byte_for_byte_to_all_dialects_in_the_room() {
    let relay = Example::relay(&["--shards", "2"]);
    let body: Vec<u8> = (0..=255).collect();
    for transport in BOTH {
        let room = format!("{transport:?}");
        let mut sender = Comet::open(&relay, transport, &Hello::new("sender", &room));
        let mut member = Comet::open(&relay, transport, &Hello::new("member", &room));
        let mut older = relay.client(transport, "older", &room);
        for seq in 1..=3 {
            sender.send(&[send(seq, &body)]);
            let (answers, deliveries) = sorted(receive_all(&mut sender, 2));
            assert_eq!(answers, [reply(seq, b"")]);
            assert_eq!(deliveries, [delivery(seq, &body)]);
            member.takes(seq, &body);
            older.takes(seq, &body);
        }
    }
}

#[test]
fn best_effort_deliveries_have_an_op_of_their_own_and_no_number() {
    let relay = Example::relay(&["--delivery", "best-effort"]);
    let mut sender = Comet::open(&relay, Transport::Tcp, &Hello::new("sender", ""));
    sender.send(&[send(1, b"hello")]);
    let (_, deliveries) = sorted(receive_all(&mut sender, 2));
    assert_eq!(deliveries, [best_effort(b"hello")]);
}

#[test]
fn a_burst_comes_in_few_messages_each_with_whole_packets() {
    let relay = Example::relay(&["--shards", "1"]);
    let mut member = Comet::open(&relay, Transport::WebSocket, &Hello::new("member", "lobby"));
    let mut sender = Comet::open(&relay, Transport::Tcp, &Hello::new("sender", "lobby"));
    member.client.messages.clear();
    sender.send(&(1..=50).map(|seq| send(seq, seq.to_string())).collect::<Vec<_>>());
    for seq in 1..=50 {
        member.takes(seq, seq.to_string());
    }
    assert_eq!(member.client.messages.iter().sum::<usize>(), 50);
    assert!(member.client.messages.len() <= 5, "{:?}", member.client.messages);
}

#[test]
fn a_repeated_message_gets_its_answer_again_and_is_not_published_again() {
    let relay = Example::relay(&[]);
    for transport in BOTH {
        let mut comet = Comet::open(&relay, transport, &Hello::new("alice", ""));
        let first = packet(op::SEND, 1, 0, b"once");
        comet.send(std::slice::from_ref(&first));
        let (answers, deliveries) = sorted(receive_all(&mut comet, 2));
        assert_eq!((answers.len(), deliveries.len()), (1, 1));
        comet.ack(1);
        comet.send(&[first]);
        assert_eq!(comet.receive(), answers[0]);
        comet.beat();
    }
}

#[test]
fn acks_are_cumulative_and_list_ranges() {
    for transport in BOTH {
        let relay = Example::relay(&["--window", "4", "--shards", "1"]);
        let mut member = Comet::open(&relay, transport, &Hello::new("member", "lobby"));
        let mut sender = Comet::open(&relay, Transport::Tcp, &Hello::new("sender", "lobby"));
        sender.send(&(1..=12).map(|seq| send(seq, seq.to_string())).collect::<Vec<_>>());
        for seq in 1..=4 {
            member.takes(seq, seq.to_string());
        }
        member.beat();
        member.ack(2);
        for seq in [5, 6] {
            member.takes(seq, seq.to_string());
        }
        member.beat();
        // All except 3: one is missing, then three have arrived.
        member.ack_with(2, b"\x01\x03");
        // A future number, zero, an earlier one: no valid ack at all.
        member.ack(4_000);
        member.ack(0);
        member.ack(1);
        member.beat();
        // After two seconds the missing delivery is sent again, and no other.
        member.takes(3, b"3");
        member.beat();
        member.ack(6);
        for seq in [7, 8, 9, 10] {
            member.takes(seq, seq.to_string());
        }
        member.ack(10);
        for seq in [11, 12] {
            member.takes(seq, seq.to_string());
        }
        member.ack(12);
        member.beat();
    }
}

#[test]
fn what_is_given_up_is_told_as_a_gap_with_its_place_in_the_room() {
    let flags = ["--window", "4", "--room-log", "4", "--overflow", "drop-oldest", "--shards", "1"];
    for transport in BOTH {
        let relay = Example::relay(&flags);
        let mut member = Comet::open(&relay, transport, &Hello::new("member", "lobby"));
        say_in_lobby(&relay, 20);
        for seq in 1..=4 {
            member.takes(seq, seq.to_string());
        }
        member.ack(4);
        let Gap { to, count, reason, room, position } = member.gap();
        assert_eq!((to, &*room, position, reason), (5, "lobby", 5, reason::SLOW));
        let mut seq = 5;
        for said in 5 + count..=20 {
            seq += 1;
            member.takes(seq, said.to_string());
            member.ack(seq);
        }
        assert!(count >= 12, "{count} missing");
        member.beat();
    }
}

#[test]
fn who_reads_too_slowly_is_told_and_gets_what_waited_when_it_comes_back() {
    let flags = ["--window", "4", "--queue", "2", "--room-log", "8", "--resume-ttl", "60"];
    let relay = Example::relay(&[&flags[..], &["--shards", "1"]].concat());
    let mut member = Comet::open(&relay, Transport::Tcp, &Hello::new("member", "lobby"));
    say_in_lobby(&relay, 40);
    for seq in 1..=4 {
        member.takes(seq, seq.to_string());
    }
    assert_eq!(member.fails(), (code::SLOW, true, Transport::Tcp.goodbye(1008)));
    let back = Hello { ext: b"lobby".to_vec(), ..member.back("member", 4, 0) };
    let mut member = Comet::open(&relay, Transport::WebSocket, &back);
    assert_eq!((member.welcome.epoch, member.welcome.resumed), (2, true));
    let (mut seq, mut next) = (4, 5);
    while next <= 40 {
        seq += 1;
        let came = member.receive();
        assert_eq!(came.seq, seq, "numbers without holes");
        if came.op == op::GAP {
            let gap = Gap::of(&came);
            assert_eq!((gap.position, gap.reason), (next, reason::SLOW));
            next += gap.count;
        } else {
            assert_eq!((came.op, came.body), (op::DELIVER, next.to_string().into_bytes()));
            next += 1;
        }
        member.ack(seq);
    }
    assert_eq!(next, 41);
    member.hears_nothing_for(Duration::from_millis(50));
}

/// A client that sends numbers, and leaves.
fn say_in_lobby(relay: &Example, count: u32) {
    let mut sender = relay.client(Transport::Tcp, "other", "lobby");
    for seq in 1..=count {
        sender.send(&frame::say(seq, seq.to_string()));
        sender.receive_all(2);
        sender.send(&ack(seq));
    }
}

#[test]
fn messages_of_one_who_is_in_no_room_come_back_alone() {
    let relay = Example::relay(&[]);
    let mut alone = Comet::open(&relay, Transport::WebSocket, &Hello::new("alone", "device=phone"));
    let mut other =
        Comet::open(&relay, Transport::WebSocket, &Hello::new("alone", "device=tablet"));
    alone.send(&[send(1, b"me")]);
    let (answers, deliveries) = sorted(receive_all(&mut alone, 2));
    assert_eq!((answers.len(), &deliveries[..]), (1, &[delivery(1, b"me")][..]));
    other.beat();
}

#[test]
fn a_session_that_ends_when_it_is_too_slow_is_not_resumed() {
    let flags = ["--window", "4", "--room-log", "8", "--overflow", "close", "--resume-ttl", "60"];
    let relay = Example::relay(&[&flags[..], &["--shards", "1"]].concat());
    let mut member = Comet::open(&relay, Transport::Tcp, &Hello::new("member", "lobby"));
    say_in_lobby(&relay, 40);
    for seq in 1..=4 {
        member.takes(seq, seq.to_string());
    }
    assert_eq!(member.fails(), (code::SLOW, true, Transport::Tcp.goodbye(1008)));
    let back = Hello { ext: b"lobby".to_vec(), ..member.back("member", 4, 0) };
    let again = Comet::open(&relay, Transport::Tcp, &back).welcome;
    assert_eq!((again.epoch, again.resumed, again.loss), (1, false, loss::ENDED));
}
