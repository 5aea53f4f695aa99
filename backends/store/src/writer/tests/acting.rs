//! Revoke and focus.

use comet_dtalk::message::{SignalFocus, SignalRevoke};

use super::*;
use crate::db::Range;

on_each_database!(
    a_message_taken_back_is_gone_everywhere_and_both_are_told,
    a_repeat_of_a_message_taken_back_does_not_bring_it_back,
    only_the_author_takes_back_and_only_for_a_while,
    in_a_group_those_take_back_whom_the_group_allows_to,
    the_receiver_marks_a_message_and_its_author_learns_how_many_did,
    members_mark_what_others_wrote_in_the_group,
    a_message_can_be_taken_back_in_the_batch_that_stores_it,
);

const EVERYTHING: Range = Range { after: 0, before: i64::MAX, limit: 1000, bytes: usize::MAX };

async fn group_message(world: &mut World, from: &str, msg_id: &str) -> i64 {
    let (job, answer) = send(from, &to_group(msg_id));
    world.turn([job]).await;
    answer.await.unwrap().unwrap().mid
}

fn revoke_in(item: &Item) -> SignalRevoke {
    let signal = signal_in(item);
    assert_eq!(signal.r#type, 1);
    SignalRevoke::decode(signal.body).unwrap()
}

async fn a_message_taken_back_is_gone_everywhere_and_both_are_told(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "alice"), desktop(2, "bob")]).await;
    let stored = world.send("alice", "bob", "m-1").await;
    world.out.pushed.clear();

    assert_eq!(world.act(ActKind::Revoke, false, stored.mid, "alice").await, Ok(()));

    for session in [1, 2] {
        let [item] = &world.taken(session)[..] else { panic!("one signal") };
        let expected = SignalRevoke { mid: stored.mid, operator: "alice".into(), by_sender: true };
        assert_eq!(revoke_in(item), expected);
        assert!(signal_in(item).reliable);
    }
    assert_eq!(world.reads.newest("bob", EVERYTHING).await.unwrap().len(), 0);
    let of_pair = world.reads.newest_of_pair("bob", "alice", EVERYTHING).await.unwrap();
    assert_eq!(of_pair.len(), 0);
    world.turn([phone(3, "bob")]).await;
    world.read_pages().await;
    let replayed = world.taken(3);
    assert_eq!(replayed.iter().map(revoke_in).map(|r| r.mid).collect::<Vec<_>>(), [stored.mid]);
}

async fn a_repeat_of_a_message_taken_back_does_not_bring_it_back(database: Database) {
    let mut world = World::new(database).await;
    let stored = world.send("alice", "bob", "m-1").await;
    world.act(ActKind::Revoke, false, stored.mid, "alice").await.unwrap();

    let repeat = Stored { repeat: true, ..stored };
    assert_eq!(world.send("alice", "bob", "m-1").await, repeat);
    assert_eq!(world.count("dtalk_msg_content").await, 0);
    assert_eq!(world.log("bob").await, [(stored.mid, "alice".into(), 1, 1, 1)], "nobody waits");
}

async fn only_the_author_takes_back_and_only_for_a_while(database: Database) {
    let mut world = World::new(database).await;
    let stored = world.send("alice", "bob", "m-1").await;

    let denied = Err(ActError::NotAllowed);
    assert_eq!(world.act(ActKind::Revoke, false, stored.mid, "bob").await, denied);
    assert_eq!(world.act(ActKind::Revoke, true, stored.mid, "alice").await, Err(ActError::Unknown));
    assert_eq!(world.act(ActKind::Revoke, false, 5, "alice").await, Err(ActError::Unknown));
    world.now = stored.datetime + 3_600_000 - 999;
    assert_eq!(world.act(ActKind::Revoke, false, stored.mid, "alice").await, denied);
    world.now = stored.datetime + 3_600_000 - 1000;
    assert_eq!(world.act(ActKind::Revoke, false, stored.mid, "alice").await, Ok(()));
    assert_eq!(
        world.act(ActKind::Revoke, false, stored.mid, "alice").await,
        Err(ActError::Unknown)
    );
}

async fn in_a_group_those_take_back_whom_the_group_allows_to(database: Database) {
    let mut world = World::new(database).await;
    let of_bob = group_message(&mut world, "bob", "m-1").await;
    let of_alice = group_message(&mut world, "alice", "m-1").await;
    world.out.published.clear();

    let denied = Err(ActError::NotAllowed);
    assert_eq!(world.act(ActKind::Revoke, true, of_bob, "alice").await, denied);
    assert_eq!(world.act(ActKind::Revoke, true, of_alice, "carol").await, denied);
    assert_eq!(world.act(ActKind::Revoke, true, of_alice, "alice").await, Ok(()));
    world.now += 7_200_000;
    assert_eq!(world.act(ActKind::Revoke, true, of_bob, "carol").await, Ok(()));

    let told: Vec<_> = world.out.published.iter().map(|(_, item)| revoke_in(item)).collect();
    let revoked =
        |mid, operator: &str, by_sender| SignalRevoke { mid, operator: operator.into(), by_sender };
    assert_eq!(told, [revoked(of_alice, "alice", true), revoked(of_bob, "carol", false)]);
    assert_eq!(world.count("dtalk_group_msg_content WHERE kind = 0").await, 0);
    assert_eq!(world.count("dtalk_signal_content").await, 0);
}

async fn the_receiver_marks_a_message_and_its_author_learns_how_many_did(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "alice"), desktop(2, "bob")]).await;
    let mid = world.send("alice", "bob", "m-1").await.mid;
    world.out.pushed.clear();

    assert_eq!(world.act(ActKind::Focus, false, mid, "alice").await, Err(ActError::NotAllowed));
    assert_eq!(world.act(ActKind::Focus, false, mid, "carol").await, Err(ActError::NotAllowed));
    assert_eq!(world.act(ActKind::Focus, false, mid, "bob").await, Ok(()));
    let time = world.now;
    assert_eq!(world.act(ActKind::Focus, false, mid, "bob").await, Ok(()), "once is enough");

    let [item] = &world.taken(1)[..] else { panic!("one signal") };
    assert_eq!(signal_in(item).r#type, 13);
    let expected = SignalFocus { mid, uid: "bob".into(), current_num: 1, time };
    assert_eq!(SignalFocus::decode(signal_in(item).body), Ok(expected));
    assert_eq!(world.taken(2), []);
}

async fn members_mark_what_others_wrote_in_the_group(database: Database) {
    let mut world = World::new(database).await;
    let mid = group_message(&mut world, "alice", "m-1").await;
    world.out.published.clear();

    assert_eq!(world.act(ActKind::Focus, true, mid, "alice").await, Err(ActError::NotAllowed));
    assert_eq!(world.act(ActKind::Focus, true, mid, "carol").await, Err(ActError::NotAllowed));
    assert_eq!(world.act(ActKind::Focus, true, mid, "bob").await, Ok(()));

    let [(77, item)] = &world.out.published[..] else { panic!("published once") };
    let focus = SignalFocus::decode(signal_in(item).body).unwrap();
    assert_eq!((focus.mid, &*focus.uid, focus.current_num), (mid, "bob", 1));
}

async fn a_message_can_be_taken_back_in_the_batch_that_stores_it(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "bob")]).await;
    let next = world.send("alice", "carol", "m-0").await.mid;
    let (job, answer) = send("alice", &text("m-1", "bob", "hi"));
    // The next turn is a second later: 1000 ms of 4096 ids.
    let (revoke, outcome) = act(ActKind::Revoke, false, next + 1000 * 4096, "alice");
    world.turn([job, revoke]).await;

    assert_eq!(answer.await.unwrap().unwrap().mid, next + 1000 * 4096);
    assert_eq!(outcome.await.unwrap(), Ok(()));
    let items = world.taken(1);
    assert_eq!(message_in(&items[0]).log_id, revoke_in(&items[1]).mid);
}
