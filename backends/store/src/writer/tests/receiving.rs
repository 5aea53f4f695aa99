//! Acks of phones, and the resulting signals to senders.

use comet_dtalk::message::SignalReceived;

use super::*;

on_each_database!(
    an_ack_of_the_receivers_phone_marks_the_row_and_tells_the_sender,
    acks_of_one_batch_are_one_signal_for_each_sender,
    very_many_acks_of_one_batch_fit_frames,
    a_second_ack_and_a_second_phone_change_nothing,
    acks_of_desktops_mark_nothing,
    what_a_phone_sends_counts_as_received_by_its_owner,
    the_senders_own_phone_acknowledges_without_a_signal,
    nobody_can_acknowledge_for_somebody_else,
    acks_that_change_nothing_do_not_hide_what_is_stored,
    a_signal_waits_for_the_senders_phone_until_that_has_it,
);

fn received_in(item: &Item) -> Vec<i64> {
    let signal = signal_in(item);
    assert_eq!((signal.r#type, signal.sid, signal.reliable), (0, item.id, true));
    SignalReceived::decode(signal.body).unwrap().logs
}

/// A world with alice on a desktop (1) and bob on a phone (2).
async fn world(database: Database) -> World {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "alice"), phone(2, "bob")]).await;
    world.read_pages().await;
    world
}

async fn an_ack_of_the_receivers_phone_marks_the_row_and_tells_the_sender(database: Database) {
    let mut world = world(database).await;
    let mid = world.send("alice", "bob", "m-1").await.mid;
    let item = world.taken(2).remove(0);
    world.taken(1);

    world.turn([acked(2, &item)]).await;

    assert_eq!(world.log("bob").await, [(mid, "alice".into(), 1, 1, 1)]);
    assert_eq!(world.log("alice").await, [(mid, "bob".into(), 0, 0, 1)]);
    let [signal] = &world.taken(1)[..] else { panic!("one signal") };
    assert_eq!(received_in(signal), [mid]);
    assert!(signal.id > mid);
}

async fn acks_of_one_batch_are_one_signal_for_each_sender(database: Database) {
    let mut world = world(database).await;
    world.turn([desktop(3, "carol")]).await;
    let first = world.send("alice", "bob", "m-1").await.mid;
    let second = world.send("carol", "bob", "m-1").await.mid;
    let third = world.send("alice", "bob", "m-2").await.mid;
    let acks: Vec<_> = world.taken(2).iter().rev().map(|item| acked(2, item)).collect();
    world.out.pushed.clear();

    world.turn(acks).await;

    let [to_alice] = &world.taken(1)[..] else { panic!("one signal") };
    let [to_carol] = &world.taken(3)[..] else { panic!("one signal") };
    assert_eq!(received_in(to_alice), [first, third]);
    assert_eq!(received_in(to_carol), [second]);
}

async fn very_many_acks_of_one_batch_fit_frames(database: Database) {
    let mut world = world(database).await;
    let jobs = (0..1_100).map(|n| send("alice", &text(&format!("m-{n}"), "bob", "hi")).0);
    world.turn(jobs).await;
    let acks: Vec<_> = world.taken(2).iter().map(|item| acked(2, item)).collect();
    world.taken(1);

    world.turn(acks).await;

    let signals = world.taken(1);
    let lengths: Vec<_> = signals.iter().map(|signal| received_in(signal).len()).collect();
    assert_eq!(lengths, [500, 500, 100]);
    assert!(signals.iter().all(|signal| signal.body.len() < 8_192));
}

async fn a_second_ack_and_a_second_phone_change_nothing(database: Database) {
    let mut world = world(database).await;
    world.turn([phone(3, "bob")]).await;
    world.read_pages().await;
    world.send("alice", "bob", "m-1").await;
    let item = world.taken(2).remove(0);
    world.taken(1);
    world.turn([acked(2, &item), acked(2, &item)]).await;
    assert_eq!(world.taken(1).len(), 1);

    world.turn([acked(2, &item), acked(3, &item)]).await;
    assert_eq!(world.taken(1), []);
}

async fn acks_of_desktops_mark_nothing(database: Database) {
    let mut world = world(database).await;
    world.turn([desktop(3, "bob")]).await;
    let mid = world.send("alice", "bob", "m-1").await.mid;
    let item = world.taken(3).remove(0);
    world.taken(1);

    world.turn([acked(3, &item), acked(1, &item)]).await;

    assert_eq!(world.log("bob").await, [(mid, "alice".into(), 1, 0, 1)]);
    assert_eq!(world.taken(1), []);
}

async fn what_a_phone_sends_counts_as_received_by_its_owner(database: Database) {
    let mut world = world(database).await;
    let (job, _answer) = send_from("bob", &text("m-1", "alice", "hi"), true);
    world.turn([job]).await;
    let states: Vec<_> = world.log("bob").await.iter().map(|row| (row.2, row.3)).collect();
    assert_eq!(states, [(0, 1)]);
    assert_eq!(world.taken(2).len(), 1, "its session gets it all the same");
}

async fn the_senders_own_phone_acknowledges_without_a_signal(database: Database) {
    let mut world = world(database).await;
    world.turn([desktop(3, "bob")]).await;
    let mid = world.send("bob", "alice", "m-1").await.mid;
    let item = world.taken(2).remove(0);
    world.out.pushed.clear();

    world.turn([acked(2, &item)]).await;

    assert_eq!(world.log("bob").await, [(mid, "alice".into(), 0, 1, 1)]);
    assert!(world.out.pushed.is_empty());
}

async fn nobody_can_acknowledge_for_somebody_else(database: Database) {
    let mut world = world(database).await;
    world.turn([phone(3, "carol")]).await;
    world.read_pages().await;
    let mid = world.send("alice", "bob", "m-1").await.mid;
    let item = world.taken(2).remove(0);
    world.taken(1);

    let unknown = Item { id: 5, position: 0, body: "".into(), tag: 5 };
    world.turn([acked(3, &item), acked(2, &unknown), acked(9, &item)]).await;

    assert_eq!(world.log("bob").await, [(mid, "alice".into(), 1, 0, 1)]);
    assert_eq!(world.taken(1), []);
}

async fn acks_that_change_nothing_do_not_hide_what_is_stored(database: Database) {
    let mut world = world(database).await;
    let mid = world.send("alice", "carol", "m-1").await.mid;
    let unknown = Item { id: 5, position: 0, body: "".into(), tag: 5 };
    world.turn([acked(2, &unknown)]).await;

    assert_eq!(world.committed(), mid);
    world.turn([phone(3, "carol")]).await;
    world.read_pages().await;
    assert_eq!(world.taken_ids(3), [mid]);
}

async fn a_signal_waits_for_the_senders_phone_until_that_has_it(database: Database) {
    let mut world = world(database).await;
    let (job, _answer) = send_from("alice", &text("m-1", "bob", "hi"), true);
    world.turn([job]).await;
    let item = world.taken(2).remove(0);
    world.turn([acked(2, &item)]).await;
    let live = world.taken(1).pop().unwrap();

    world = world.reopen().await;
    world.turn([phone(4, "alice")]).await;
    world.read_pages().await;
    let replayed = world.taken(4);
    assert_eq!(replayed, std::slice::from_ref(&live), "the same bytes");

    world.turn([acked(4, &live), Job::Detach(4), phone(5, "alice")]).await;
    world.read_pages().await;
    assert_eq!(world.taken(5), []);
}
