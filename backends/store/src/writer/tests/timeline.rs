//! Entries of groups: their positions, and what becomes of them.

use super::*;

on_each_database!(
    messages_and_signals_of_a_group_have_dense_positions_in_the_order_of_their_ids,
    positions_go_on_after_a_restart_and_a_repeat_takes_none,
    a_message_that_was_revoked_keeps_its_position,
    a_signal_to_a_group_is_reliable_and_is_read_with_its_messages,
);

/// Position, kind, type and sender of each entry of a group.
async fn timeline(world: &World, group: i64) -> Vec<(i64, i64, i64, String)> {
    let entries = "SELECT position, kind, msg_type, sender_id FROM dtalk_group_msg_content
                   WHERE receiver_id = ? ORDER BY mid";
    world.rows(sql(entries).bind(group.to_string())).await
}

async fn messages_and_signals_of_a_group_have_dense_positions_in_the_order_of_their_ids(
    database: Database,
) {
    let mut world = World::new(database).await;
    let (first, answer) = send("alice", &to_group("m-1"));
    let other = send("alice", &to_this_group("78", "m-2")).0;
    world.turn([first, other, send("bob", &to_group("m-3")).0]).await;
    let mid = answer.await.unwrap().unwrap().mid;
    let (focus, _outcome) = act(ActKind::Focus, true, mid, "bob");
    world.turn([send("alice", &to_group("m-4")).0, focus]).await;
    world.send("alice", "bob", "m-5").await;

    let expected = [(1, 0, 1, "alice"), (2, 0, 1, "bob"), (3, 0, 1, "alice"), (4, 1, 13, "")];
    assert_eq!(timeline(&world, 77).await, expected.map(|(a, b, c, d)| (a, b, c, d.to_owned())));
    assert_eq!(timeline(&world, 78).await, [(1, 0, 1, "alice".to_owned())]);
    let published: Vec<_> =
        world.out.published.iter().map(|(group, item)| (*group, item.position)).collect();
    assert_eq!(published, [(77, 1), (78, 1), (77, 2), (77, 3), (77, 4)]);
    assert!(world.out.published.is_sorted_by(|a, b| a.1.id < b.1.id));
}

async fn positions_go_on_after_a_restart_and_a_repeat_takes_none(database: Database) {
    let mut world = World::new(database).await;
    world.turn([send("alice", &to_group("m-1")).0]).await;
    let mut world = world.reopen().await;
    world.turn([send("alice", &to_group("m-1")).0, send("alice", &to_group("m-2")).0]).await;
    let positions: Vec<_> = timeline(&world, 77).await.into_iter().map(|row| row.0).collect();
    assert_eq!(positions, [1, 2]);
    let last = "SELECT position FROM comet_group_position WHERE group_id = '77'";
    assert_eq!(world.rows::<i64>(sql(last)).await, [2]);
}

async fn a_message_that_was_revoked_keeps_its_position(database: Database) {
    let mut world = World::new(database).await;
    let (job, answer) = send("alice", &to_group("m-1"));
    world.turn([job]).await;
    let mid = answer.await.unwrap().unwrap().mid;
    world.act(ActKind::Revoke, true, mid, "alice").await.unwrap();
    world.turn([send("alice", &to_group("m-2")).0]).await;

    let places: Vec<_> =
        timeline(&world, 77).await.into_iter().map(|(place, kind, ..)| (place, kind)).collect();
    assert_eq!(places, [(1, 2), (2, 1), (3, 0)]);
    let content = "SELECT content FROM dtalk_group_msg_content WHERE position = 1";
    assert_eq!(world.rows::<(Vec<u8>,)>(sql(content)).await, [(Vec::new(),)]);
    let again = world.act(ActKind::Revoke, true, mid, "alice").await;
    assert_eq!(again, Err(ActError::Unknown));
}

async fn a_signal_to_a_group_is_reliable_and_is_read_with_its_messages(database: Database) {
    let mut world = World::new(database).await;
    world.shared.marks.lock().note("bob", world.committed(), world.now);
    let (job, answer) = send("alice", &to_group("m-1"));
    world.turn([job, send("alice", &to_group("m-2")).0]).await;
    let mid = answer.await.unwrap().unwrap().mid;
    world.act(ActKind::Revoke, true, mid, "alice").await.unwrap();
    let (_, live) = world.out.published.last().unwrap().clone();

    world.turn([desktop(1, "bob")]).await;
    world.read_pages().await;
    let items = world.taken(1);
    assert_eq!(message_in(&items[0]).msg_id, "m-2", "of the first nothing is left");
    let signal = signal_in(&items[1]);
    assert_eq!((signal.r#type, signal.reliable, signal.sid), (1, true, live.id));
    assert_eq!(signal_in(&live), signal);
    assert_eq!((items.len(), items[1].tag, live.tag), (2, live.tag, items[1].tag));
    assert_eq!((items[1].position, live.position), (0, 3), "only the room counts it");
    assert_eq!(world.stats().replayed, 2);
}
