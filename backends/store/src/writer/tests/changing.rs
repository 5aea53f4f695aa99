//! Changes of groups, from the outbox to stays and rooms.

use comet_dtalk::message::SignalType;

use super::*;

on_each_database!(
    changes_are_stored_and_delivered_in_their_order,
    a_signal_to_one_user_is_stored_until_his_phone_has_it,
    a_newcomer_reads_what_comes_after_his_join_and_a_leaver_what_came_before_his_leave,
    who_comes_back_reads_both_stays_and_nothing_between,
    a_dissolved_group_has_no_members,
    sessions_that_catch_up_join_and_leave_too,
    more_changes_than_one_transaction_takes_follow_at_once,
);

/// Position and id-less bounds of each stay in a group: user, first and last position.
async fn stays(world: &World, group: i64) -> Vec<(String, i64, i64)> {
    let stays = "SELECT uid, joined_position, left_position FROM comet_group_stay
                 WHERE group_id = ? ORDER BY uid, joined_id";
    world.rows(sql(stays).bind(group)).await
}

async fn group_message(world: &mut World, msg_id: &str) -> i64 {
    let (job, answer) = send("alice", &to_this_group("78", msg_id));
    world.turn([job]).await;
    answer.await.unwrap().unwrap().mid
}

/// Ids of what a device reads that has pulled nothing.
async fn read_by(world: &mut World, session: u32, uid: &str) -> Vec<i64> {
    world.shared.marks.lock().note(uid, 0, world.now);
    world.turn([desktop(session, uid)]).await;
    world.read_pages().await;
    world.taken_ids(session)
}

async fn changes_are_stored_and_delivered_in_their_order(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "dave"), desktop(2, "dave"), desktop(3, "erin")]).await;
    let signal = Change::Signal { kind: SignalType::Revoke, body: "why".into() };
    let changes =
        [joining(&["dave", "erin"]), notice("frank"), leaving(&["dave"]), signal, notice("frank")];
    let (message, _answer) = send("alice", &to_this_group("78", "m-1"));
    world.write_changes(78, &changes).await;
    world.engine.wake();
    world.turn([message]).await;

    let rooms = [
        Room::Joined(1, 78, 1),
        Room::Joined(2, 78, 1),
        Room::Joined(3, 78, 1),
        Room::Left(1, 78, 2),
        Room::Left(2, 78, 2),
    ];
    assert_eq!(world.out.rooms, rooms);
    let [(78, first), (78, second), (78, third), (78, last)] = &world.out.published[..] else {
        panic!("a message, two notices and a signal")
    };
    let positions = [first, second, third, last].map(|item| item.position);
    assert_eq!((&*message_in(first).msg_id, positions), ("m-1", [1, 2, 3, 4]));
    let (told, again) = (message_in(second), message_in(last));
    assert_eq!(
        (told.channel_type, told.msg_type, &*told.from, &*told.target),
        (1, 7, "frank", "78")
    );
    assert_eq!((&*told.msg, told.datetime), (&b"what happened"[..], world.now));
    assert!(!told.msg_id.is_empty() && told.msg_id.len() <= 40 && told.msg_id != again.msg_id);
    let signal = signal_in(third);
    assert_eq!((signal.r#type, &*signal.body, signal.reliable), (1, &b"why"[..], true));
    let (dave, erin) = (("dave".into(), 1, 2), ("erin".into(), 1, i64::MAX));
    assert_eq!(stays(&world, 78).await, [dave, erin]);
    assert_eq!(world.count("comet_outbox").await, 0);
    assert_eq!(world.committed(), last.id);
}

async fn a_signal_to_one_user_is_stored_until_his_phone_has_it(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "dave")]).await;
    let (user, body) = ("dave".into(), "why".into());
    world.change(78, &[Change::SignalTo { user, kind: SignalType::Revoke, body }]).await;
    let [item] = &world.taken(1)[..] else { panic!("one signal") };
    assert_eq!((signal_in(item).r#type, world.count("dtalk_group_msg_content").await), (1, 0));

    world.turn([phone(2, "dave")]).await;
    world.read_pages().await;
    assert_eq!(world.taken(2), std::slice::from_ref(item));
    world.turn([acked(2, item), Job::Detach(2), phone(3, "dave")]).await;
    world.read_pages().await;
    assert_eq!(world.taken(3), []);
}

async fn a_newcomer_reads_what_comes_after_his_join_and_a_leaver_what_came_before_his_leave(
    database: Database,
) {
    let mut world = World::new(database).await;
    world.change(78, &[joining(&["dave"])]).await;
    let first = group_message(&mut world, "m-1").await;
    world.change(78, &[joining(&["erin", "dave"]), notice("frank"), leaving(&["dave"])]).await;
    let told = world.out.published.last().unwrap().1.id;
    let last = group_message(&mut world, "m-2").await;

    assert_eq!(read_by(&mut world, 1, "dave").await, [first, told]);
    assert_eq!(read_by(&mut world, 2, "erin").await, [told, last]);
    assert_eq!(read_by(&mut world, 3, "grace").await, [0; 0]);
}

async fn who_comes_back_reads_both_stays_and_nothing_between(database: Database) {
    let mut world = World::new(database).await;
    world.change(78, &[joining(&["dave"])]).await;
    let first = group_message(&mut world, "m-1").await;
    world.change(78, &[leaving(&["dave"])]).await;
    group_message(&mut world, "m-2").await;
    world.change(78, &[joining(&["dave"])]).await;
    let third = group_message(&mut world, "m-3").await;

    let mut world = world.reopen().await;
    assert_eq!(read_by(&mut world, 1, "dave").await, [first, third]);
    let expected = [("dave".into(), 0, 1), ("dave".into(), 2, i64::MAX)];
    assert_eq!(stays(&world, 78).await, expected);
}

async fn a_dissolved_group_has_no_members(database: Database) {
    let mut world = World::new(database).await;
    world.change(78, &[joining(&["dave", "erin"])]).await;
    world.change(79, &[joining(&["dave"])]).await;
    world.change(78, &[notice("frank"), Change::Dissolve]).await;

    assert_eq!(world.out.rooms, [Room::Dissolved(78, 1)]);
    assert_eq!(stays(&world, 78).await, [("dave".into(), 0, 1), ("erin".into(), 0, 1)]);
    assert_eq!(stays(&world, 79).await, [("dave".into(), 0, i64::MAX)]);
}

async fn sessions_that_catch_up_join_and_leave_too(database: Database) {
    let mut world = World::new(database).await;
    let before = world.send("alice", "bob", "m-0").await.mid;
    world.shared.marks.lock().note("bob", 0, world.now);
    world.turn([desktop(1, "bob")]).await;
    world.change(78, &[joining(&["bob"])]).await;
    let first = group_message(&mut world, "m-1").await;
    world.change(78, &[leaving(&["bob"])]).await;
    group_message(&mut world, "m-2").await;
    world.change(79, &[joining(&["bob"])]).await;
    world.change(80, &[joining(&["bob"])]).await;
    world.change(80, &[Change::Dissolve]).await;
    assert_eq!(world.out.joined, [], "live messages would overtake");

    world.read_pages().await;
    assert_eq!(world.taken_ids(1), [before, first]);
    assert_eq!(world.out.joined, [(1, 77), (1, 79)]);
    world.change(79, &[leaving(&["bob"])]).await;
    assert_eq!(world.out.rooms.last(), Some(&Room::Left(1, 79, 2)));
}

async fn more_changes_than_one_transaction_takes_follow_at_once(database: Database) {
    let mut world = World::new(database).await;
    let changes = vec![notice("frank"); 257];
    world.change(78, &changes).await;
    assert_eq!((world.out.published.len(), world.engine.has_more()), (256, true));
    world.turn([]).await;
    assert_eq!((world.out.published.len(), world.engine.has_more()), (257, false));
    let commits = world.stats().commits;
    world.turn([]).await;
    assert_eq!(world.stats().commits, commits, "there is nothing to do");
}

/// One bad entry does not stop the others.
#[tokio::test]
async fn a_change_that_nobody_knows_is_left_out() {
    let mut world = World::new(sqlite().await).await;
    world.write_changes(78, &[notice("frank"), notice("frank")]).await;
    let mut db = world.connection().await;
    db.run("UPDATE comet_outbox SET type = 9 WHERE id = (SELECT min(id) FROM comet_outbox)")
        .await
        .unwrap();
    world.engine.wake();
    world.turn([]).await;
    assert_eq!((world.out.published.len(), world.count("comet_outbox").await), (1, 0));
}

#[tokio::test]
async fn after_a_failed_transaction_changes_are_there_for_the_next() {
    let mut world = World::impatient(sqlite().await).await;
    world.write_changes(78, &[joining(&["dave"]), notice("frank")]).await;
    let mut other = world.connection().await;
    other.run("BEGIN IMMEDIATE").await.unwrap();
    world.engine.wake();
    world.turn([]).await;
    assert_eq!((world.out.published.len(), world.engine.has_more()), (0, false));

    other.run("ROLLBACK").await.unwrap();
    world.turn([]).await;
    assert_eq!(world.out.published[0].1.position, 1);
    assert_eq!(stays(&world, 78).await, [("dave".into(), 0, i64::MAX)]);
}
