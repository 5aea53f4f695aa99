//! Sessions that lose their connection, or deliveries in flight.

use super::*;
use crate::tag::Tag;

on_each_database!(
    each_message_stands_in_the_record_of_its_sender_and_of_its_receiver,
    a_message_comes_with_the_same_position_from_the_database,
    from_what_was_lost_on_everything_is_sent_again_before_anything_newer,
    what_is_pushed_before_the_loss_is_known_comes_again_in_its_place,
    a_page_that_was_under_way_when_something_before_it_was_lost_is_not_sent,
    a_signal_that_was_lost_comes_again_too,
    a_wide_gap_is_filled_as_fast_as_the_client_acknowledges,
    of_a_gap_only_what_still_exists_is_sent,
    a_parked_session_costs_the_gateway_nothing_and_gets_everything_when_it_is_back,
    what_there_is_no_memory_to_hold_is_read_when_the_session_is_back,
    a_phone_that_is_back_gets_no_second_replay,
    a_page_that_was_under_way_when_the_session_parked_is_not_read_twice,
    what_a_group_says_while_a_desktop_catches_up_comes_after_what_it_missed,
    entries_that_a_room_gave_up_come_from_their_position,
    many_entries_that_were_lost_come_as_fast_as_the_client_acknowledges,
);

/// The gateway gave up everything from this message on, and accepts nothing of an earlier pass.
fn lost(world: &mut World, session: u32, first: i64) -> Job<u32> {
    let pass = world.out.passes.entry(session).or_default();
    *pass = pass.next();
    Job::Lost { session, count: 1, replay: Some((Tag::Message(first), *pass)) }
}

/// Sends one message per name, and returns their ids.
async fn sent(world: &mut World, from: &str, names: impl IntoIterator<Item = u32>) -> Vec<i64> {
    let mut mids = Vec::new();
    for name in names {
        mids.push(world.send(from, "bob", &format!("{from}-{name}")).await.mid);
    }
    mids
}

async fn each_message_stands_in_the_record_of_its_sender_and_of_its_receiver(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "alice"), desktop(2, "bob"), desktop(3, "carol")]).await;
    let jobs = [("alice", "m-1"), ("carol", "m-2"), ("alice", "m-3")]
        .map(|(from, msg_id)| send(from, &text(msg_id, "bob", "hi")).0);
    world.turn(jobs).await;
    world.send("bob", "bob", "m-4").await;
    world.turn([send("alice", &to_group("m-5")).0]).await;

    let mut positions = |session| {
        let taken = world.taken(session);
        taken.iter().map(|item| item.position).collect::<Vec<_>>()
    };
    assert_eq!(positions(1), [1, 2]);
    assert_eq!(positions(2), [1, 2, 3, 4]);
    assert_eq!(positions(3), [1]);
    assert_eq!(world.out.published[0].1.position, 1, "in the timeline of the group");
}

async fn a_message_comes_with_the_same_position_from_the_database(database: Database) {
    let mut world = World::new(database).await;
    let mids = sent(&mut world, "alice", 1..=3).await;
    world.turn([phone(1, "bob")]).await;
    world.read_pages().await;
    let items = world.taken(1);
    let places: Vec<_> = items.iter().map(|item| (item.id, item.position)).collect();
    assert_eq!(places, [(mids[0], 1), (mids[1], 2), (mids[2], 3)]);
}

async fn from_what_was_lost_on_everything_is_sent_again_before_anything_newer(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "bob"), desktop(2, "bob")]).await;
    let mids = sent(&mut world, "alice", 1..=6).await;
    world.taken(1);
    world.taken(2);

    // In one turn: the message is stored after the gap is known.
    let (job, answer) = send("alice", &text("new", "bob", "hi"));
    let lost = lost(&mut world, 1, mids[1]);
    world.turn([lost, job]).await;
    let new = answer.await.unwrap().unwrap().mid;
    assert_eq!(world.taken_ids(1), [0; 0], "first what was lost");
    world.read_pages().await;
    assert_eq!(world.taken_ids(1), [&mids[1..], &[new]].concat());
    assert_eq!(world.taken_ids(2), [new]);
    assert_eq!(world.stats().repaired, 1);

    let newer = sent(&mut world, "alice", [8]).await;
    assert_eq!(world.taken_ids(1), newer, "live again");
}

async fn what_is_pushed_before_the_loss_is_known_comes_again_in_its_place(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "bob")]).await;
    let mut mids = sent(&mut world, "alice", [1, 2]).await;
    world.taken(1);
    let lost = lost(&mut world, 1, mids[1]);
    mids.extend(sent(&mut world, "alice", [3, 4]).await);
    assert_eq!(world.taken_ids(1), [0; 0]);
    world.turn([lost]).await;
    world.read_pages().await;
    assert_eq!(world.taken_ids(1), mids[1..]);
}

async fn a_page_that_was_under_way_when_something_before_it_was_lost_is_not_sent(
    database: Database,
) {
    let mut world = World::new(database).await;
    let mids = sent(&mut world, "alice", 1..=3).await;
    world.turn([phone(1, "bob")]).await;
    let request = world.engine.feeds.next_read().unwrap();
    let page = world.reads.page("bob", request.range, &[]).await;
    let lost = lost(&mut world, 1, mids[1]);
    world.turn([lost]).await;
    world.engine.feeds.page_read(&request, page, &mut world.out);
    assert_eq!(world.taken_ids(1), [0; 0]);
    world.read_pages().await;
    assert_eq!(world.taken_ids(1), mids[1..]);
}

async fn a_signal_that_was_lost_comes_again_too(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "bob")]).await;
    let mids = sent(&mut world, "alice", [1]).await;
    world.act(ActKind::Revoke, false, mids[0], "alice").await.unwrap();
    let signal = world.taken(1).remove(1);
    let Some(Tag::Signal(sid)) = Tag::decode(signal.tag) else { panic!("a signal") };
    let pass = Pass::FIRST.next();
    world.out.passes.insert(1, pass);
    world.turn([Job::Lost { session: 1, count: 1, replay: Some((Tag::Signal(sid), pass)) }]).await;
    world.read_pages().await;
    assert_eq!(world.taken(1), [signal]);
}

async fn a_wide_gap_is_filled_as_fast_as_the_client_acknowledges(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "bob")]).await;
    let jobs = (0..600).map(|n| send("alice", &text(&format!("m-{n}"), "bob", "hi")).0);
    world.turn(jobs).await;
    let pushed = world.taken(1);
    world.turn(pushed[..100].iter().map(|item| acked(1, item))).await;

    let lost = lost(&mut world, 1, pushed[100].id);
    world.turn([lost]).await;
    let mut got = Vec::new();
    loop {
        world.read_pages().await;
        let page = world.taken(1);
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 256);
        got.extend(page.iter().map(|item| item.id));
        world.turn(page.iter().map(|item| acked(1, item))).await;
    }
    assert_eq!(got, pushed[100..].iter().map(|item| item.id).collect::<Vec<_>>());
}

async fn of_a_gap_only_what_still_exists_is_sent(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "bob")]).await;
    let mids = sent(&mut world, "alice", 1..=3).await;
    world.act(ActKind::Revoke, false, mids[1], "alice").await.unwrap();
    let signal = world.taken_ids(1)[3];

    let lost = lost(&mut world, 1, mids[0]);
    world.turn([lost]).await;
    world.read_pages().await;
    assert_eq!(world.taken_ids(1), [mids[0], mids[2], signal]);
}

async fn a_parked_session_costs_the_gateway_nothing_and_gets_everything_when_it_is_back(
    database: Database,
) {
    for count in [3, 300] {
        let mut world = World::new(Database::new(database.kind()).await).await;
        world.turn([desktop(1, "bob"), desktop(2, "bob")]).await;
        sent(&mut world, "alice", [0]).await;
        world.taken(1);
        world.turn([Job::Park(1)]).await;
        let missed = sent(&mut world, "alice", 1..=count).await;
        world.read_pages().await;
        assert_eq!(world.taken_ids(1), [0; 0]);

        world.turn([Job::Resume(1)]).await;
        let mut got = Vec::new();
        while got.len() < missed.len() {
            world.read_pages().await;
            let page = world.taken(1);
            assert!(!page.is_empty(), "{} of {count}", got.len());
            got.extend(page.iter().map(|item| item.id));
            world.turn(page.iter().map(|item| acked(1, item))).await;
        }
        assert_eq!(got, missed);
        let live = sent(&mut world, "alice", [count + 1]).await;
        assert_eq!(world.taken_ids(1), live);
    }
}

async fn what_there_is_no_memory_to_hold_is_read_when_the_session_is_back(database: Database) {
    let mut world = World::new(database).await;
    world.out.most_held = Some(128 * 1024);
    let sessions = 1..=20;
    world.turn(sessions.clone().map(|session| desktop(session, "bob"))).await;
    world.turn(sessions.clone().map(Job::Park)).await;
    let missed = sent(&mut world, "alice", 1..=200).await;
    assert_eq!(world.out.held, 128 * 1024, "as much as there is, and no more");

    world.turn(sessions.clone().map(Job::Resume)).await;
    world.read_pages().await;
    for session in sessions {
        assert_eq!(world.taken_ids(session), missed);
    }
    world.engine.feeds.settle_held(&mut world.out);
    assert_eq!(world.out.held, 0);
}

async fn a_phone_that_is_back_gets_no_second_replay(database: Database) {
    let mut world = World::new(database).await;
    let mids = sent(&mut world, "alice", 1..=3).await;
    world.turn([phone(1, "bob")]).await;
    world.read_pages().await;
    assert_eq!(world.taken_ids(1), mids);

    world.turn([Job::Park(1)]).await;
    world.turn([Job::Resume(1)]).await;
    world.read_pages().await;
    assert_eq!(world.taken_ids(1), [0; 0], "the gateway keeps what is not acknowledged");
}

async fn a_page_that_was_under_way_when_the_session_parked_is_not_read_twice(database: Database) {
    let mut world = World::new(database).await;
    let mids = sent(&mut world, "alice", 1..=3).await;
    world.turn([phone(1, "bob"), Job::Park(1)]).await;
    world.read_pages().await;
    assert_eq!(world.taken_ids(1), mids);
    let live = sent(&mut world, "alice", [4]).await;
    world.turn([Job::Resume(1)]).await;
    world.read_pages().await;
    assert_eq!(world.taken_ids(1), live);
}

async fn what_a_group_says_while_a_desktop_catches_up_comes_after_what_it_missed(
    database: Database,
) {
    let mut world = World::new(database).await;
    let before = world.send("alice", "bob", "m-0").await.mid;
    world.shared.marks.lock().note("bob", before, world.now);
    let mut expected = Vec::new();
    for name in ["g-1", "g-2"] {
        let (job, answer) = send("alice", &to_group(name));
        world.turn([job]).await;
        expected.push(answer.await.unwrap().unwrap().mid);
    }
    world.turn([desktop(1, "bob")]).await;
    for name in ["g-3", "g-4"] {
        let (job, answer) = send("alice", &to_group(name));
        world.turn([job]).await;
        expected.push(answer.await.unwrap().unwrap().mid);
    }
    assert_eq!(world.out.joined, [], "live messages would overtake");
    world.read_pages().await;
    assert_eq!(world.taken_ids(1), expected);
    assert_eq!(world.out.joined, [(1, 77)]);
}

/// Sends so many messages to group 77, and returns their ids.
async fn to_room(world: &mut World, count: usize) -> Vec<i64> {
    let before = world.out.published.len();
    let jobs = (0..count).map(|n| send("alice", &to_group(&format!("{before}-{n}"))).0);
    world.turn(jobs).await;
    world.out.published[before..].iter().map(|(_, item)| item.id).collect()
}

async fn entries_that_a_room_gave_up_come_from_their_position(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "bob")]).await;
    let entries = to_room(&mut world, 6).await;
    let lost = Job::LostEntries { session: 1, group: 77, position: 2, count: 3 };
    let not_a_member = Job::LostEntries { session: 1, group: 78, position: 1, count: 9 };
    let (private, answer) = send("alice", &text("m-1", "bob", "hi"));
    world.turn([lost, not_a_member, private]).await;
    let private = answer.await.unwrap().unwrap().mid;
    world.read_pages().await;

    let items = world.taken(1);
    let ids: Vec<i64> = items.iter().map(|item| item.id).collect();
    assert_eq!(ids, [&entries[1..4], &[private]].concat());
    assert_eq!((items[0].position, world.stats().repaired), (0, 2));
    let live = world.send("alice", "bob", "m-2").await.mid;
    assert_eq!(world.taken_ids(1), [live]);
}

async fn many_entries_that_were_lost_come_as_fast_as_the_client_acknowledges(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "bob")]).await;
    let entries = to_room(&mut world, 400).await;
    let private = sent(&mut world, "alice", [1]).await[0];
    let unacked = world.taken(1);
    let both = [
        Job::LostEntries { session: 1, group: 77, position: 1, count: 300 },
        lost(&mut world, 1, private),
        acked(1, &unacked[0]),
    ];
    world.turn(both).await;
    world.read_pages().await;
    let first = world.taken(1);
    let ids: Vec<i64> = first.iter().map(|item| item.id).collect();
    assert_eq!(ids, [&[private], &entries[..256]].concat(), "a loss does not end the repair");
    world.turn(first.iter().map(|item| acked(1, item))).await;
    world.read_pages().await;
    assert_eq!(world.taken_ids(1), entries[256..300]);
}
