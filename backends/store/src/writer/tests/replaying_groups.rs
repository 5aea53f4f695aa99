//! Entries of groups that phones missed, and the cursors that tell which.

use comet_dtalk::message::SignalType;

use super::*;

on_each_database!(
    a_phone_gets_what_it_missed_in_its_stays_in_the_order_of_ids,
    what_a_phone_has_acknowledged_does_not_come_again,
    what_one_phone_withholds_comes_again_alone,
    what_was_sent_from_a_phone_counts_as_received_by_it,
    a_revoked_message_does_not_hold_the_cursor,
    who_was_removed_gets_the_notice_and_the_signal_of_it_later,
    a_member_by_membership_alone_gets_everything_once,
    the_next_page_waits_for_acks_of_entries_too,
    live_entries_come_from_the_room_once_a_phone_has_caught_up,
    a_desktop_has_no_cursor,
);

async fn group_message(world: &mut World, msg_id: &str) -> i64 {
    let (job, answer) = send("alice", &to_this_group("78", msg_id));
    world.turn([job]).await;
    answer.await.unwrap().unwrap().mid
}

/// What a new phone of the user gets; it stays connected.
async fn replay(world: &mut World, session: u32, uid: &str) -> Vec<Item> {
    world.turn([phone(session, uid)]).await;
    world.read_pages().await;
    world.taken(session)
}

fn ids(items: &[Item]) -> Vec<i64> {
    items.iter().map(|item| item.id).collect()
}

/// Cursor of a user in a group: position and what is above it.
async fn cursor(world: &World, uid: &str) -> Vec<(i64, String)> {
    let cursor = "SELECT received, above FROM comet_group_stay WHERE uid = ? ORDER BY joined_id";
    world.rows(sql(cursor).bind(uid.to_owned())).await
}

/// Acks of these items, and the end of the session.
async fn ack_and_end(world: &mut World, session: u32, items: &[Item]) {
    let acks = items.iter().map(|item| acked(session, item)).collect::<Vec<_>>();
    world.turn(acks.into_iter().chain([Job::Detach(session)])).await;
}

async fn a_phone_gets_what_it_missed_in_its_stays_in_the_order_of_ids(database: Database) {
    let mut world = World::new(database).await;
    group_message(&mut world, "too early").await;
    world.change(78, &[joining(&["dave"])]).await;
    let first = group_message(&mut world, "m-1").await;
    let second = world.send("alice", "dave", "m-2").await.mid;
    world.change(78, &[notice("frank")]).await;
    let third = world.committed();
    let fourth = world.send("alice", "dave", "m-4").await.mid;
    world.change(78, &[leaving(&["dave"])]).await;
    group_message(&mut world, "too late").await;
    world.change(78, &[joining(&["dave"])]).await;
    let fifth = group_message(&mut world, "m-5").await;

    let items = replay(&mut world, 1, "dave").await;
    assert_eq!(ids(&items), [first, second, third, fourth, fifth]);
    assert_eq!(world.out.joined, []);
    assert_eq!(replay(&mut world, 2, "grace").await, []);
}

async fn what_a_phone_has_acknowledged_does_not_come_again(database: Database) {
    let mut world = World::new(database).await;
    world.change(78, &[joining(&["dave"])]).await;
    let mut mids = Vec::new();
    for n in 0..4 {
        mids.push(group_message(&mut world, &format!("m-{n}")).await);
    }
    let items = replay(&mut world, 1, "dave").await;
    ack_and_end(&mut world, 1, &items[..3]).await;
    assert_eq!(cursor(&world, "dave").await, [(3, String::new())]);

    // Live entries, from the room, too; written when the next phone comes.
    let mut world = world.reopen().await;
    assert_eq!(ids(&replay(&mut world, 2, "dave").await), mids[3..]);
    let live = group_message(&mut world, "m-4").await;
    let item = world.out.published.last().unwrap().1.clone();
    world.turn([acked(2, &item), acked(2, &items[3])]).await;
    assert_eq!(cursor(&world, "dave").await, [(3, String::new())], "not yet");
    assert_eq!(replay(&mut world, 3, "dave").await, []);
    assert_eq!(cursor(&world, "dave").await, [(5, String::new())]);

    let next = group_message(&mut world, "m-5").await;
    assert!(next > live);
    let item = world.out.published.last().unwrap().1.clone();
    world.turn([acked(3, &item)]).await;
    world.engine.tick();
    world.turn([]).await;
    assert_eq!(cursor(&world, "dave").await, [(6, String::new())]);
}

async fn what_one_phone_withholds_comes_again_alone(database: Database) {
    let mut world = World::new(database).await;
    world.change(78, &[joining(&["dave"])]).await;
    for n in 0..5 {
        group_message(&mut world, &format!("m-{n}")).await;
    }
    let items = replay(&mut world, 1, "dave").await;
    let acks = [&items[..1], &items[2..]].concat();
    ack_and_end(&mut world, 1, &acks).await;
    assert_eq!(cursor(&world, "dave").await, [(1, "3-5".into())]);
    let again = replay(&mut world, 2, "dave").await;
    assert_eq!(again, items[1..2]);
    ack_and_end(&mut world, 2, &again).await;
    assert_eq!(cursor(&world, "dave").await, [(5, String::new())]);
}

async fn what_was_sent_from_a_phone_counts_as_received_by_it(database: Database) {
    let mut world = World::new(database).await;
    world.change(78, &[joining(&["dave"])]).await;
    let (from_phone, _answer) = send_from("dave", &to_this_group("78", "m-1"), true);
    let (from_desktop, answer) = send_from("dave", &to_this_group("78", "m-2"), false);
    world.turn([from_phone, from_desktop]).await;
    let second = answer.await.unwrap().unwrap().mid;
    assert_eq!(ids(&replay(&mut world, 1, "dave").await), [second]);
}

async fn a_revoked_message_does_not_hold_the_cursor(database: Database) {
    let mut world = World::new(database).await;
    world.change(78, &[joining(&["dave"])]).await;
    let revoked = group_message(&mut world, "m-1").await;
    group_message(&mut world, "m-2").await;
    world.act(ActKind::Revoke, true, revoked, "alice").await.unwrap();
    let items = replay(&mut world, 1, "dave").await;
    assert_eq!(message_in(&items[0]).msg_id, "m-2");
    assert_eq!((signal_in(&items[1]).r#type, items.len()), (1, 2));
    ack_and_end(&mut world, 1, &items).await;
    assert_eq!(cursor(&world, "dave").await, [(3, String::new())]);
}

async fn who_was_removed_gets_the_notice_and_the_signal_of_it_later(database: Database) {
    let mut world = World::new(database).await;
    world.change(78, &[joining(&["dave"])]).await;
    let signal = Change::Signal { kind: SignalType::Revoke, body: "gone".into() };
    world.change(78, &[notice("frank"), signal, leaving(&["dave"]), notice("frank")]).await;
    let items = replay(&mut world, 1, "dave").await;
    assert_eq!(message_in(&items[0]).msg_type, 7);
    assert_eq!((&*signal_in(&items[1]).body, items.len()), (&b"gone"[..], 2));
    ack_and_end(&mut world, 1, &items).await;
    assert_eq!(replay(&mut world, 2, "dave").await, []);
}

async fn a_member_by_membership_alone_gets_everything_once(database: Database) {
    let mut world = World::new(database).await;
    let jobs = ["m-1", "m-2"].map(|msg_id| send("alice", &to_group(msg_id)).0);
    world.turn(jobs).await;
    let items = replay(&mut world, 1, "bob").await;
    assert_eq!(items.len(), 2);
    ack_and_end(&mut world, 1, &items).await;
    assert_eq!(replay(&mut world, 2, "bob").await, []);
    world.turn([Job::Detach(2), send("alice", &to_group("m-3")).0]).await;
    assert_eq!(replay(&mut world, 3, "bob").await.len(), 1);
    assert_eq!(world.out.joined, [(1, 77), (2, 77), (3, 77)]);
}

async fn the_next_page_waits_for_acks_of_entries_too(database: Database) {
    let mut world = World::new(database).await;
    world.change(78, &[joining(&["dave"])]).await;
    let jobs = (0..400).map(|n| send("alice", &to_this_group("78", &n.to_string())).0);
    world.turn(jobs).await;
    let first = replay(&mut world, 1, "dave").await;
    assert_eq!(first.len(), 256);
    world.turn(first[..127].iter().map(|item| acked(1, item))).await;
    world.read_pages().await;
    assert_eq!(world.taken(1), []);
    world.turn([acked(1, &first[127])]).await;
    world.read_pages().await;
    let second = world.taken(1);
    assert_eq!(second.len(), 144);
    assert!(first[255].id < second[0].id);
}

async fn live_entries_come_from_the_room_once_a_phone_has_caught_up(database: Database) {
    let mut world = World::new(database).await;
    let sent = async |world: &mut World, msg_id| {
        world.turn([send("alice", &to_group(msg_id)).0]).await;
        world.out.published.last().unwrap().1.id
    };
    let first = sent(&mut world, "m-1").await;
    world.turn([phone(1, "bob")]).await;
    let held = sent(&mut world, "m-2").await;
    world.read_pages().await;
    let items = world.taken(1);
    assert_eq!((ids(&items), items[1].position), (vec![first, held], 0));
    assert_eq!(world.out.joined, [(1, 77)]);
    sent(&mut world, "m-3").await;
    assert_eq!(world.taken(1), []);
}

async fn a_desktop_has_no_cursor(database: Database) {
    let mut world = World::new(database).await;
    world.change(78, &[joining(&["dave"])]).await;
    let mid = group_message(&mut world, "m-1").await;
    world.shared.marks.lock().note("dave", 0, world.now);
    world.turn([desktop(1, "dave")]).await;
    world.read_pages().await;
    let items = world.taken(1);
    ack_and_end(&mut world, 1, &items).await;
    assert_eq!(cursor(&world, "dave").await, [(0, String::new())]);
    assert_eq!(ids(&replay(&mut world, 2, "dave").await), [mid]);
}

#[tokio::test]
async fn acks_that_could_not_be_written_cost_a_repeat() {
    let mut world = World::impatient(sqlite().await).await;
    world.change(78, &[joining(&["dave"])]).await;
    group_message(&mut world, "m-1").await;
    let items = replay(&mut world, 1, "dave").await;
    let mut other = world.connection().await;
    other.run("BEGIN IMMEDIATE").await.unwrap();
    ack_and_end(&mut world, 1, &items).await;
    other.run("ROLLBACK").await.unwrap();
    assert_eq!(replay(&mut world, 2, "dave").await, items);
}
