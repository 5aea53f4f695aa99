//! Catch-up of sessions that were absent, or too slow.

use super::*;

on_each_database!(
    a_phone_gets_what_no_phone_has_and_then_what_is_new,
    a_message_in_the_same_batch_as_the_login_comes_once,
    the_next_page_goes_out_when_the_phone_has_acknowledged_most_of_the_last,
    a_page_of_large_messages_ends_by_its_bytes,
    what_a_phone_has_acknowledged_is_not_replayed_to_the_next,
    too_much_new_for_memory_comes_from_the_database,
    a_desktop_gets_nothing_old,
    a_desktop_gets_what_was_stored_between_its_pull_and_its_connection,
    a_session_without_room_gets_the_rest_in_order_when_it_has,
    a_client_without_acks_gets_its_next_page_after_some_time,
    a_session_whose_log_cannot_be_read_is_closed,
    a_session_reads_its_log_again_when_the_database_is_back,
    pages_for_sessions_that_left_are_not_read,
);

/// Stores this many messages of alice to bob.
async fn stored(world: &mut World, count: usize) -> Vec<i64> {
    let (jobs, answers): (Vec<_>, Vec<_>) =
        (0..count).map(|n| send("alice", &text(&format!("s-{n}"), "bob", "hi"))).unzip();
    world.turn(jobs).await;
    let mut mids = Vec::new();
    for answer in answers {
        mids.push(answer.await.unwrap().unwrap().mid);
    }
    mids
}

async fn a_phone_gets_what_no_phone_has_and_then_what_is_new(database: Database) {
    let mut world = World::new(database).await;
    let mids = stored(&mut world, 3).await;

    world.turn([phone(1, "bob")]).await;
    let held = world.send("alice", "bob", "m-1").await.mid;
    assert!(world.taken_ids(1).is_empty(), "nothing new before the old");
    world.read_pages().await;
    let live = world.send("alice", "bob", "m-2").await.mid;

    let mut expected = mids;
    expected.extend([held, live]);
    assert_eq!(world.taken_ids(1), expected);
}

async fn a_message_in_the_same_batch_as_the_login_comes_once(database: Database) {
    let mut world = World::new(database).await;
    let (before, _first) = send("alice", &text("m-1", "bob", "hi"));
    let (after, _second) = send("alice", &text("m-2", "bob", "hi"));
    world.turn([before, phone(1, "bob"), after]).await;
    world.read_pages().await;

    let ids = world.taken_ids(1);
    assert_eq!(ids, world.log("bob").await.iter().map(|row| row.0).collect::<Vec<_>>());
    assert_eq!(ids.len(), 2);
}

async fn the_next_page_goes_out_when_the_phone_has_acknowledged_most_of_the_last(
    database: Database,
) {
    let mut world = World::new(database).await;
    let mids = stored(&mut world, 700).await;
    world.turn([phone(1, "bob")]).await;
    world.read_pages().await;
    let first = world.taken(1);
    assert_eq!(first.iter().map(|item| item.id).collect::<Vec<_>>(), mids[..256]);

    world.turn(first[..127].iter().map(|item| acked(1, item))).await;
    world.read_pages().await;
    assert!(world.taken_ids(1).is_empty());
    world.turn([acked(1, &first[127])]).await;
    world.read_pages().await;
    let second = world.taken(1);
    assert_eq!(second.iter().map(|item| item.id).collect::<Vec<_>>(), mids[256..512]);

    world.turn(first[128..].iter().chain(&second).map(|item| acked(1, item))).await;
    world.read_pages().await;
    assert_eq!(world.taken_ids(1), mids[512..]);
}

async fn a_page_of_large_messages_ends_by_its_bytes(database: Database) {
    let mut world = World::new(database).await;
    let jobs = (0..40).map(|n| {
        let mut common = text(&format!("m-{n}"), "bob", "");
        common.msg = vec![7; 16_000].into();
        send("alice", &common).0
    });
    world.turn(jobs).await;
    world.turn([phone(1, "bob")]).await;
    let request = world.engine.feeds.next_read().unwrap();
    let page = world.reads.page("bob", request.range, &[]).await.unwrap();
    assert_eq!((page.items.len(), page.exhausted), (16, false), "256 KiB and no more");
    world.engine.feeds.page_read(&request, Ok(page), &mut world.out);
    let mut got = world.taken(1);
    assert_eq!(got.len(), 16);
    world.read_pages().await;
    assert_eq!(
        world.taken(1),
        [],
        "the next one would fill the queue of a client that reads slowly"
    );
    let mut last = got.clone();
    while got.len() < 40 {
        world.turn(last.iter().map(|item| acked(1, item))).await;
        world.read_pages().await;
        last = world.taken(1);
        assert!((1..=16).contains(&last.len()));
        got.extend(last.iter().cloned());
    }
}

async fn what_a_phone_has_acknowledged_is_not_replayed_to_the_next(database: Database) {
    let mut world = World::new(database).await;
    let mids = stored(&mut world, 4).await;
    world.turn([phone(1, "bob")]).await;
    world.read_pages().await;
    let items = world.taken(1);
    world.turn([acked(1, &items[0]), acked(1, &items[2]), Job::Detach(1)]).await;

    world = world.reopen().await;
    world.turn([phone(2, "bob")]).await;
    world.read_pages().await;
    assert_eq!(world.taken_ids(2), [mids[1], mids[3]]);
}

async fn too_much_new_for_memory_comes_from_the_database(database: Database) {
    let mut world = World::new(database).await;
    stored(&mut world, 2).await;
    world.turn([phone(1, "bob")]).await;
    for round in 0..3 {
        let jobs = (0..200).map(|n| send("alice", &text(&format!("{round}-{n}"), "bob", "hi")).0);
        world.turn(jobs).await;
    }
    let mut got = Vec::new();
    loop {
        world.read_pages().await;
        let page = world.taken(1);
        if page.is_empty() {
            break;
        }
        got.extend(page.iter().map(|item| item.id));
        world.turn(page.iter().map(|item| acked(1, item))).await;
    }
    let everything: Vec<i64> = world.log("bob").await.iter().map(|row| row.0).collect();
    assert_eq!(everything.len(), 602);
    assert_eq!(got, everything);
}

async fn a_desktop_gets_nothing_old(database: Database) {
    let mut world = World::new(database).await;
    stored(&mut world, 3).await;
    world.turn([desktop(1, "bob")]).await;
    world.read_pages().await;
    assert!(world.taken_ids(1).is_empty());
}

async fn a_desktop_gets_what_was_stored_between_its_pull_and_its_connection(database: Database) {
    let mut world = World::new(database).await;
    stored(&mut world, 3).await;
    world.shared.marks.lock().note("bob", world.committed(), world.now);
    let private = world.send("alice", "bob", "m-1").await.mid;
    let (job, answer) = send("alice", &to_group("m-2"));
    world.turn([job]).await;
    let group = answer.await.unwrap().unwrap().mid;

    world.turn([desktop(1, "bob"), desktop(2, "alice")]).await;
    world.read_pages().await;
    assert_eq!(world.taken_ids(1), [private, group]);
    assert!(world.taken_ids(2).is_empty(), "she has not pulled");
}

async fn a_session_without_room_gets_the_rest_in_order_when_it_has(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "bob"), desktop(2, "bob")]).await;
    let mut expected = vec![world.send("alice", "bob", "m-1").await.mid];
    world.out.full.insert(1);
    for n in 2..5 {
        expected.push(world.send("alice", "bob", &format!("m-{n}")).await.mid);
    }
    assert!(world.engine.feeds.has_behind());
    world.engine.feeds.retry(&mut world.out);
    world.read_pages().await;
    assert!(world.engine.feeds.has_behind(), "still no room");

    world.out.full.clear();
    world.engine.feeds.retry(&mut world.out);
    expected.push(world.send("alice", "bob", "m-5").await.mid);
    world.read_pages().await;
    assert_eq!(world.taken_ids(1), expected);
    assert_eq!(world.taken_ids(2), expected);
    assert!(!world.engine.feeds.has_behind());
    assert_eq!(world.stats().fell_behind, 1);
}

async fn a_client_without_acks_gets_its_next_page_after_some_time(database: Database) {
    let mut world = World::new(database).await;
    let mids = stored(&mut world, 300).await;
    world.turn([phone(1, "bob")]).await;
    world.read_pages().await;
    assert_eq!(world.taken_ids(1), mids[..256]);

    world.engine.feeds.nudge(&mut world.out);
    world.read_pages().await;
    assert_eq!(world.taken_ids(1), mids[256..]);
}

async fn a_session_whose_log_cannot_be_read_is_closed(database: Database) {
    let mut world = World::new(database).await;
    let mids = stored(&mut world, 1).await;
    world.turn([phone(1, "bob"), phone(2, "bob")]).await;
    world.out.full.insert(2);
    for _ in 0..2 {
        let request = world.engine.feeds.next_read().unwrap();
        let failed = Err(comet_sql::Error::Closed);
        world.engine.feeds.page_read(&request, failed, &mut world.out);
    }
    assert_eq!(world.out.kicked, [1]);

    world.out.full.clear();
    world.engine.feeds.retry(&mut world.out);
    world.read_pages().await;
    assert_eq!(world.taken_ids(2), mids, "if it cannot even be closed, it is read again");
}

async fn a_session_reads_its_log_again_when_the_database_is_back(database: Database) {
    let mut world = World::new(database).await;
    let mids = stored(&mut world, 1).await;
    world.turn([phone(1, "bob")]).await;
    let nowhere: comet_sql::Location = "postgres://nobody@127.0.0.1:1/none".parse().unwrap();
    let down = comet_sql::Pool::new(nowhere, comet_sql::Settings::default());
    for _ in 0..2 {
        let request = world.engine.feeds.next_read().unwrap();
        let failed = Err(down.lend().await.map(drop).unwrap_err());
        world.engine.feeds.page_read(&request, failed, &mut world.out);
        assert_eq!(world.engine.feeds.next_read(), None, "not at once");
        world.engine.feeds.read_again(&mut world.out);
    }
    assert!(world.out.kicked.is_empty());
    world.read_pages().await;
    assert_eq!(world.taken_ids(1), mids);
}

async fn pages_for_sessions_that_left_are_not_read(database: Database) {
    let mut world = World::new(database).await;
    stored(&mut world, 1).await;
    world.turn([phone(1, "bob"), phone(2, "bob")]).await;
    world.turn([Job::Detach(1)]).await;

    assert_eq!(world.engine.feeds.next_read().map(|request| request.session), Some(2));
    assert_eq!(world.engine.feeds.next_read(), None);
}
