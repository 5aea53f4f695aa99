//! Resuming by ticket: the newest, an old one, another user's, a forged one.

use super::BOTH;
use crate::support::client::Transport;
use crate::support::comet::{Comet, Hello, bytes, code, number, op, packet, send};
use crate::support::frame::Frame;
use crate::support::program::Program;

const ALICE: Hello<'static> =
    Hello { token: "alice", ext: "lobby", ticket: &[], last_seq: 0, ranges: &[], first_send: 0 };

const UNKNOWN: u64 = 2;

fn relay() -> Program {
    Program::relay(&["--resume-ttl", "60", "--shards", "2"])
}

/// Epoch, resumed, accepted, loss.
fn summary(welcome: &[u8]) -> [u64; 4] {
    [2, 3, 6, 12].map(|tag| number(welcome, tag))
}

/// Sends a message to the lobby, and takes the results.
fn say(comet: &mut Comet, seq: u32, delivery: u32) {
    comet.send(&[send(seq, seq.to_string())]);
    let mut came = [comet.receive(), comet.receive()];
    came.sort_by_key(|packet| packet.op);
    let reply = packet(op::SEND_REPLY, 0, seq, b"");
    assert_eq!(came, [packet(op::DELIVER, delivery, 0, seq.to_string()), reply]);
}

#[test]
fn a_session_goes_on_over_another_transport_with_what_it_missed() {
    for (first, second) in [(BOTH[0], BOTH[1]), (BOTH[1], BOTH[0])] {
        let relay = relay();
        let mut other = Comet::open(&relay, Transport::Tcp, "other", "lobby");
        let (mut alice, welcome) = Comet::welcomed(&relay, first, &ALICE);
        for seq in 1..=4 {
            say(&mut other, seq, seq);
            alice.takes(seq, seq.to_string());
        }
        alice.send(&[send(1, b"5")]);
        assert_eq!([alice.receive().op, alice.receive().op].iter().sum::<u32>(), 74);
        drop(alice);
        other.takes(5, b"5");
        say(&mut other, 5, 6);

        // 1 and 3 have arrived, and no answer.
        let ticket = &bytes(&welcome, 4)[..];
        let back = Hello { ticket, last_seq: 1, ranges: b"\x01\x01", first_send: 1, ..ALICE };
        let (mut alice, again) = Comet::welcomed(&relay, second, &back);
        assert_eq!(summary(&again), [2, 1, 1, 0]);
        assert_eq!(number(&again, 1), number(&welcome, 1), "the same session");
        let came: Vec<Frame> = (0..5).map(|_| alice.receive()).collect();
        let (answers, deliveries): (Vec<_>, Vec<_>) =
            came.into_iter().partition(|packet| packet.op == op::SEND_REPLY);
        assert_eq!(answers, [packet(op::SEND_REPLY, 0, 1, b"")]);
        let missed = [(2, "2"), (4, "4"), (5, "5"), (6, "5")];
        assert_eq!(deliveries, missed.map(|(seq, body)| packet(op::DELIVER, seq, 0, body)));
        alice.ack(6, b"");
        say(&mut alice, 2, 7);
    }
}

#[test]
fn the_newest_connection_takes_the_session_over() {
    let relay = relay();
    for transport in BOTH {
        let (mut older, welcome) = Comet::welcomed(&relay, transport, &ALICE);
        let ticket = &bytes(&welcome, 4)[..];
        let (mut newer, again) =
            Comet::welcomed(&relay, Transport::Tcp, &Hello { ticket, ..ALICE });
        assert_eq!(summary(&again), [2, 1, 0, 0]);
        assert_eq!(older.fails(), (12, false, transport.goodbye(1008)), "REPLACED");
        newer.beat();
    }
}

#[test]
fn a_ticket_that_its_holder_has_replaced_disturbs_nobody() {
    let relay = relay();
    let (first, welcome) = Comet::welcomed(&relay, Transport::Tcp, &ALICE);
    let old = &bytes(&welcome, 4)[..];
    drop(first);
    let (mut second, _) = Comet::welcomed(&relay, Transport::Tcp, &Hello { ticket: old, ..ALICE });
    // From here on the ticket of the second connection is known to have arrived.
    second.beat();
    let mut late = Comet::connect(&relay, Transport::WebSocket);
    late.send(&[Hello { ticket: old, ..ALICE }.frame(3)]);
    let refused = late.receive();
    assert_eq!((refused.op, refused.ack), (op::REFUSED, 3));
    assert_eq!((code(&refused.body), number(&refused.body, 3)), (12, 0), "REPLACED, for good");
    assert_eq!(late.ending(), Transport::WebSocket.goodbye(1008));
    second.beat();
}

#[test]
fn a_welcome_that_was_lost_leaves_the_ticket_before_it_good() {
    let relay = relay();
    let (first, welcome) = Comet::welcomed(&relay, Transport::Tcp, &ALICE);
    let ticket = &bytes(&welcome, 4)[..];
    drop(first);
    for epoch in 2..=4 {
        let (_, again) = Comet::welcomed(&relay, Transport::Tcp, &Hello { ticket, ..ALICE });
        assert_eq!(summary(&again), [epoch, 1, 0, 0]);
    }
    // The same earlier request, delayed for a long time.
    let mut late = Comet::connect(&relay, Transport::Tcp);
    late.send(&[Hello { ticket, ..ALICE }.frame(3)]);
    let refused = late.receive();
    assert_eq!((refused.op, code(&refused.body)), (op::REFUSED, 12), "REPLACED");
}

#[test]
fn a_ticket_that_was_changed_anywhere_is_unknown() {
    let relay = relay();
    let (mut owner, welcome) = Comet::welcomed(&relay, Transport::Tcp, &ALICE);
    let good = bytes(&welcome, 4);
    let mut forged: Vec<Vec<u8>> = (0..good.len())
        .step_by(3)
        .map(|at| {
            let mut ticket = good.clone();
            ticket[at] ^= 0x10;
            ticket
        })
        .collect();
    forged.extend([good[1..].to_vec(), good[..good.len() - 1].to_vec(), vec![7; 512]]);
    for ticket in &forged {
        let hello = Hello { ticket, first_send: 8, ..ALICE };
        let (_, welcome) = Comet::welcomed(&relay, Transport::Tcp, &hello);
        let [epoch, resumed, accepted, loss] = summary(&welcome);
        assert_eq!([epoch, resumed, accepted], [1, 0, 7], "messages keep their numbers");
        // The period in which a ticket was sealed is not secret, so a forger may claim any.
        assert!([1, UNKNOWN].contains(&loss), "{loss}");
    }
    owner.beat();
    let mut late = Comet::connect(&relay, Transport::Tcp);
    late.send(&[Hello { ticket: &[7; 513], ..ALICE }.frame(1)]);
    assert_eq!(late.fails(), (2, false, Transport::Tcp.goodbye(1002)), "longer than any ticket");
}

#[test]
fn a_ticket_of_somebody_else_or_of_another_gateway_is_unknown() {
    let (relay, other) = (relay(), relay());
    let (mut owner, welcome) = Comet::welcomed(&relay, Transport::Tcp, &ALICE);
    let ticket = &bytes(&welcome, 4)[..];
    let others = [
        (&relay, Hello { ticket, token: "mallory", ..ALICE }),
        (&relay, Hello { ticket, ext: "lobby,device=other", ..ALICE }),
        (&other, Hello { ticket, ..ALICE }),
    ];
    for (relay, hello) in others {
        let (_, welcome) = Comet::welcomed(relay, Transport::WebSocket, &hello);
        assert_eq!(summary(&welcome), [1, 0, 0, UNKNOWN], "{hello:?}");
    }
    owner.beat();
}
