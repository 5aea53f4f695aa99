//! What a session whose end has begun must no longer get.

use comet::{CommandError, Delivery};
use comet_testkit::client::{Client, Ending, Next};
use comet_testkit::clock;
use comet_testkit::frame::{Frame, ack, delivery, frame, reply, say};

use crate::support::gateway::{Server, Setup, config};
use crate::support::place::everywhere;
use crate::support::router::hold;

/// Everything until the end.
fn last_words(client: &mut Client) -> (Vec<Frame>, Ending) {
    let (deadline, mut frames) = (clock::deadline(), Vec::new());
    loop {
        match client.next(deadline) {
            Next::Frame(frame) => frames.push(frame),
            Next::Ended(ending) => return (frames, ending),
            Next::Nothing => panic!("the connection never ended"),
        }
    }
}

#[test]
fn deliveries_are_never_numbered_again_from_1_while_a_session_ends() {
    everywhere(|place| {
        // With an inbox of one message the shard carries out what the router asked for in the midst
        // of the client's input.
        let setup = Setup::new(config(place.shards).limits(|it| it.inbox = 1));
        let setup = setup.on_message(|gateway, _, _, message, receipt| {
            gateway.publish("lobby", Delivery::acked(message.body)).unwrap();
            receipt.ack("");
        });
        let server = setup.start();
        let mut client = server.client(place.transport, "alice", "lobby");
        client.send(&say(2, "first"));
        let got = client.receive_all(2);
        assert!(got.contains(&reply(2, "")) && got.contains(&delivery(1, "first")), "{got:?}");
        client.send(&ack(1));
        client.send_all(&[say(3, "second"), say(4, "third"), frame(5, 5, "")]);
        let (frames, _) = last_words(&mut client);
        let seqs: Vec<u32> = frames.iter().filter(|got| got.op == 9).map(|got| got.seq).collect();
        let expected: Vec<u32> = (2..).take(seqs.len()).collect();
        assert_eq!(seqs, expected, "after 1 comes 2");
    });
}

#[test]
fn a_reply_that_comes_too_late_does_not_follow_the_close_frame() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards)).on_message(hold).start();
        let mut client = server.client(place.transport, "alice", "");
        client.send(&say(2, "question"));
        let held = server.log.held();
        server.gateway.kick(held.peer.session(), "for the test").unwrap();
        held.receipt.ack("answer");
        let (frames, ending) = last_words(&mut client);
        assert_eq!((frames, ending), (vec![], place.transport.goodbye(1008)));
    });
}

#[test]
fn a_body_that_fits_no_frame_is_refused_and_costs_nobody_anything() {
    let server = Server::start(config(1));
    let mut client = server.client(comet_testkit::client::Transport::Tcp, "alice", "lobby");
    let session = server.log.peer("alice").session();
    // Zeroes that nobody touches take no memory.
    let body = bytes::Bytes::from(vec![0; (1 << 30) + 1]);
    let long = || Delivery::best_effort(body.clone());
    assert_eq!(server.gateway.push(session, long()), Err(CommandError::TooLong));
    assert_eq!(server.gateway.publish("lobby", long()), Err(CommandError::TooLong));
    client.beat(2);
}
