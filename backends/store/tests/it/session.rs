//! Sending, receiving and acknowledging on sockets.

use comet_dtalk::message::SignalReceived;
use comet_sql_testing::{Database, on_each_database};
use comet_store::Config;
use comet_testkit::frame::{DELIVER, SEND, SEND_REPLY, frame};
use prost::Message as _;

use crate::support::{Server, message_in, proto_of, text, to_group};

on_each_database!(
    the_sender_is_answered_first_and_then_everybody_gets_the_message,
    a_frame_sent_again_gets_the_same_answer_and_nobody_gets_it_twice,
    refused_messages_get_no_answer_and_do_no_harm,
    the_author_learns_that_a_phone_received_it,
    a_phone_that_was_away_gets_everything_in_order_before_what_is_new,
    a_group_message_reaches_the_members_that_are_there,
    a_session_that_ended_is_forgotten,
    more_than_may_wait_is_refused_and_taken_when_it_comes_again,
);

async fn the_sender_is_answered_first_and_then_everybody_gets_the_message(database: Database) {
    let server = Server::start(database).await;
    let mut alice = server.login("alice");
    let mut alices_desk = server.login("alice");
    let mut bob = server.login("bob");
    server.sessions(3).await;

    let common = text("m-1", "bob");
    let seq = alice.send(&common);
    let answer = alice.answer(seq);

    let mut expected = common;
    expected.from = "alice".into();
    expected.log_id = answer.log_id;
    expected.datetime = answer.datetime;
    for client in [&mut alice, &mut alices_desk, &mut bob] {
        let delivery = client.delivery();
        assert_eq!(delivery.seq, 1);
        assert_eq!(message_in(&delivery.body), expected);
    }
    assert!(0 < answer.log_id && answer.log_id < 1 << 53);
    server.stop().await;
}

async fn a_frame_sent_again_gets_the_same_answer_and_nobody_gets_it_twice(database: Database) {
    let server = Server::start(database).await;
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    server.sessions(2).await;

    let frame = frame(SEND, 5, proto_of(&text("m-1", "bob")));
    alice.write(&frame);
    alice.write(&frame);
    let first = alice.answer(5);
    // If both were read at once, the second answer is there before the delivery.
    let mut next = [alice.read(), alice.read()];
    next.sort_by_key(|frame| frame.op);
    let told = next.map(|frame| (frame.op, frame.seq, frame.ack));
    assert_eq!(told, [(SEND_REPLY, 5, 5), (DELIVER, 1, 0)]);

    alice.send(&text("m-2", "bob"));
    assert_eq!(bob.message().log_id, first.log_id);
    assert_eq!(bob.message().msg_id, "m-2");
    server.stop().await;
}

async fn refused_messages_get_no_answer_and_do_no_harm(database: Database) {
    let server = Server::start(database).await;
    let mut mallory = server.login("mallory");
    for body in [&b""[..], b"\xff\xff", b"\x08\x02", b"\x12\x02\x08\x00"] {
        mallory.send_body(body);
    }
    mallory.send(&to_group("m-1"));
    let mut notice = text("m-2", "bob");
    notice.msg_type = 7;
    mallory.send(&notice);

    let seq = mallory.send(&text("m-3", "bob"));
    mallory.answer(seq);
    let stats = server.store.stats();
    assert_eq!((stats.malformed, stats.forbidden, stats.stored), (5, 1, 1));
    server.stop().await;
}

async fn the_author_learns_that_a_phone_received_it(database: Database) {
    let server = Server::start(database).await;
    let mut alice = server.login("alice");
    let mut bob = server.login("bob+phone");
    let mut bobs_desk = server.login("bob");
    server.sessions(3).await;

    let seq = alice.send(&text("m-1", "bob"));
    let mid = alice.answer(seq).log_id;
    assert_eq!(alice.message().log_id, mid);
    assert_eq!(bobs_desk.message().log_id, mid);
    assert_eq!(bob.message().log_id, mid);

    let signal = alice.signal();
    assert_eq!((signal.r#type, signal.reliable), (0, true));
    assert_eq!(SignalReceived::decode(signal.body).unwrap().logs, [mid]);
    server.stop().await;
}

async fn a_phone_that_was_away_gets_everything_in_order_before_what_is_new(database: Database) {
    let server = Server::start(database).await;
    let mut alice = server.login("alice");
    for n in 0..600 {
        alice.send(&text(&format!("m-{n}"), "bob"));
    }
    server.store.flush().await;
    let mut bob = server.login("bob+phone");
    alice.send(&text("m-600", "bob"));

    for n in 0..=600 {
        assert_eq!(bob.message().msg_id, format!("m-{n}"));
    }
    server.stop().await;
}

async fn a_group_message_reaches_the_members_that_are_there(database: Database) {
    let server = Server::start(database).await;
    let mut alice = server.login("alice");
    let mut bob = server.login("bob+phone");
    let mut mallory = server.login("mallory");
    server.sessions(3).await;

    let seq = alice.send(&to_group("m-1"));
    let mid = alice.answer(seq).log_id;
    assert_eq!(alice.message().log_id, mid);
    let got = bob.message();
    assert_eq!((got.log_id, got.channel_type, &*got.target), (mid, 1, "77"));

    let seq = mallory.send(&text("m-2", "mallory"));
    mallory.answer(seq);
    assert_eq!(mallory.message().msg_id, "m-2", "and nothing of the group");
    server.stop().await;
}

async fn a_session_that_ended_is_forgotten(database: Database) {
    let server = Server::start(database).await;
    let alice = server.login("alice");
    let _bob = server.login("bob");
    server.sessions(2).await;
    drop(alice);
    server.sessions(1).await;
    assert_eq!(server.store.stats().sessions, 1);
    server.stop().await;
}

async fn more_than_may_wait_is_refused_and_taken_when_it_comes_again(database: Database) {
    let server = Server::start_with(database, Config::default().queue(1)).await;
    let mut alice = server.login("alice");
    for n in 0..500 {
        alice.send(&text(&format!("m-{n}"), "alice"));
    }
    crate::support::until(async || {
        let stats = server.store.stats();
        stats.stored + stats.overloaded == 500
    })
    .await;
    assert!(server.store.stats().overloaded > 0);

    let mut again = server.login("alice");
    let seq = again.send(&text("m-499", "alice"));
    again.answer(seq);
    server.stop().await;
}
