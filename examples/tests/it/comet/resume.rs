//! Resuming by ticket: the newest, an old one, another user's, a forged one.

use comet_testkit::client::Transport;
use comet_testkit::comet::{Comet, Hello, Welcome, code, delivery, loss, op, reply, send};
use comet_testkit::frame::Frame;

use super::BOTH;
use crate::example::Example;

fn hello() -> Hello {
    Hello::new("alice", "lobby")
}

/// The request with the ticket of a connection.
fn again(comet: &Comet) -> Hello {
    Hello { ticket: comet.welcome.ticket.clone(), ..hello() }
}

fn relay() -> Example {
    Example::relay(&["--resume-ttl", "60", "--shards", "2"])
}

/// Epoch, resumed, accepted, loss.
fn summary(comet: &Comet) -> (u64, bool, u64, u64) {
    let Welcome { epoch, resumed, accepted, loss, .. } = comet.welcome;
    (epoch, resumed, accepted, loss)
}

/// Sends a message to the lobby, and takes the results.
fn say(comet: &mut Comet, seq: u32, number: u32) {
    comet.send(&[send(seq, seq.to_string())]);
    let mut came = [comet.receive(), comet.receive()];
    came.sort_by_key(|packet| packet.op);
    let reply = reply(seq, b"");
    assert_eq!(came, [delivery(number, seq.to_string()), reply]);
}

#[test]
fn a_session_goes_on_over_another_transport_with_what_it_missed() {
    for (first, second) in [(BOTH[0], BOTH[1]), (BOTH[1], BOTH[0])] {
        let relay = relay();
        let mut other = Comet::open(&relay, Transport::Tcp, &Hello::new("other", "lobby"));
        let mut alice = Comet::open(&relay, first, &hello());
        for seq in 1..=4 {
            say(&mut other, seq, seq);
            alice.takes(seq, seq.to_string());
        }
        alice.send(&[send(1, b"5")]);
        assert_eq!([alice.receive().op, alice.receive().op].iter().sum::<u32>(), 74);
        let Welcome { session, ticket, .. } = alice.welcome.clone();
        drop(alice);
        other.takes(5, b"5");
        say(&mut other, 5, 6);

        // 1 and 3 have arrived, and no answer.
        let ranges = vec![1, 1];
        let back = Hello { ticket, last_seq: 1, ranges, first_send: 1, ..hello() };
        let mut alice = Comet::open(&relay, second, &back);
        assert_eq!(summary(&alice), (2, true, 1, loss::NONE));
        assert_eq!(alice.welcome.session, session, "the same session");
        let came: Vec<Frame> = (0..5).map(|_| alice.receive()).collect();
        let (answers, deliveries): (Vec<_>, Vec<_>) =
            came.into_iter().partition(|packet| packet.op == op::SEND_REPLY);
        assert_eq!(answers, [reply(1, b"")]);
        let missed = [(2, "2"), (4, "4"), (5, "5"), (6, "5")];
        assert_eq!(deliveries, missed.map(|(seq, body)| delivery(seq, body)));
        alice.ack(6);
        say(&mut alice, 2, 7);
    }
}

#[test]
fn the_newest_connection_takes_the_session_over() {
    let relay = relay();
    for transport in BOTH {
        let mut older = Comet::open(&relay, transport, &hello());
        let mut newer = Comet::open(&relay, Transport::Tcp, &again(&older));
        assert_eq!(summary(&newer), (2, true, 0, loss::NONE));
        assert_eq!(older.fails(), (code::REPLACED, false, transport.goodbye(1008)));
        newer.beat();
    }
}

#[test]
fn a_ticket_that_its_holder_has_replaced_disturbs_nobody() {
    let relay = relay();
    let old = again(&Comet::open(&relay, Transport::Tcp, &hello()));
    let mut second = Comet::open(&relay, Transport::Tcp, &old);
    // From here on the ticket of the second connection is known to have arrived.
    second.beat();
    let mut late = Comet::connect(&relay, Transport::WebSocket);
    let refused = late.ask_as(3, &old).unwrap_err();
    assert_eq!((refused.code, refused.retryable), (code::REPLACED, false));
    assert_eq!(late.ends(), Transport::WebSocket.goodbye(1008));
    second.beat();
}

#[test]
fn a_welcome_that_was_lost_leaves_the_ticket_before_it_good() {
    let relay = relay();
    let old = again(&Comet::open(&relay, Transport::Tcp, &hello()));
    for epoch in 2..=4 {
        let back = Comet::open(&relay, Transport::Tcp, &old);
        assert_eq!(summary(&back), (epoch, true, 0, loss::NONE));
    }
    // The same earlier request, delayed for a long time.
    let mut late = Comet::connect(&relay, Transport::Tcp);
    assert_eq!(late.ask_as(3, &old).unwrap_err().code, code::REPLACED);
}

#[test]
fn a_ticket_that_was_changed_anywhere_is_unknown() {
    let relay = relay();
    let mut owner = Comet::open(&relay, Transport::Tcp, &hello());
    let good = owner.welcome.ticket.clone();
    let mut forged: Vec<Vec<u8>> = (0..good.len())
        .step_by(3)
        .map(|at| {
            let mut ticket = good.clone();
            ticket[at] ^= 0x10;
            ticket
        })
        .collect();
    forged.extend([good[1..].to_vec(), good[..good.len() - 1].to_vec(), vec![7; 512]]);
    for ticket in forged {
        let forged = Hello { ticket, first_send: 8, ..hello() };
        let forger = Comet::open(&relay, Transport::Tcp, &forged);
        let (epoch, resumed, accepted, loss) = summary(&forger);
        assert_eq!((epoch, resumed, accepted), (1, false, 7), "messages keep their numbers");
        // The period in which a ticket was sealed is not secret, so a forger may claim any.
        assert!([loss::EXPIRED, loss::UNKNOWN].contains(&loss), "{loss}");
    }
    owner.beat();
    let mut late = Comet::connect(&relay, Transport::Tcp);
    late.send(&[Hello { ticket: vec![7; 513], ..hello() }.frame(1)]);
    let too_long = (code::PROTOCOL, false, Transport::Tcp.goodbye(1002));
    assert_eq!(late.fails(), too_long, "longer than any ticket");
}

#[test]
fn a_ticket_of_somebody_else_or_of_another_gateway_is_unknown() {
    let (relay, other) = (relay(), relay());
    let mut owner = Comet::open(&relay, Transport::Tcp, &hello());
    let own = again(&owner);
    let others = [
        (&relay, Hello { token: "mallory".to_owned(), ..own.clone() }),
        (&relay, Hello { ext: b"lobby,device=other".to_vec(), ..own.clone() }),
        (&other, own),
    ];
    for (relay, hello) in others {
        let thief = Comet::open(relay, Transport::WebSocket, &hello);
        assert_eq!(summary(&thief), (1, false, 0, loss::UNKNOWN), "{hello:?}");
    }
    owner.beat();
}
