//! Stored messages, their answers and their deliveries, and the number of each.

use comet_dtalk::message::{Channel, Reference, Source, SourceUser};
use tokio::sync::oneshot;

use super::*;
use crate::db::Range;

on_each_database!(
    a_message_goes_to_all_sessions_of_both_with_sender_id_and_time_of_the_server,
    the_answer_comes_before_the_deliveries_and_neither_before_the_commit,
    both_logs_get_a_row_and_each_counts_for_itself,
    numbers_of_a_log_have_no_holes_over_batches_repeats_and_restarts,
    a_message_to_oneself_is_one_row_and_one_delivery,
    a_repeat_gets_the_first_answer_and_is_not_delivered_again,
    only_the_first_of_repeats_is_delivered,
    a_group_message_is_stored_once_and_published_once,
    the_newest_of_several_groups_are_the_newest_of_all,
    what_is_read_back_is_what_was_delivered_byte_for_byte,
    a_batch_is_one_commit_however_large,
    ids_go_on_after_a_crash_with_a_clock_that_stepped_back,
    ids_go_on_after_the_greatest_message_was_taken_back,
    a_flush_is_answered_when_what_came_before_is_stored,
);

async fn a_message_goes_to_all_sessions_of_both_with_sender_id_and_time_of_the_server(
    database: Database,
) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "alice"), desktop(2, "alice"), desktop(3, "bob")]).await;

    let mut common = text("m-1", "bob", "hi");
    common.datetime = 5;
    common.from = "mallory".into();
    let (job, answer) = send("alice", &common);
    world.turn([job]).await;

    let stored = answer.await.unwrap().unwrap();
    assert_eq!(stored.datetime, world.now);
    common.from = "alice".into();
    common.datetime = world.now;
    common.log_id = stored.mid;
    for session in [1, 2, 3] {
        let [item] = &world.taken(session)[..] else { panic!("one delivery") };
        assert_eq!((item.id, item.tag), (stored.mid, stored.mid.unsigned_abs()));
        assert_eq!(message_in(item), common);
    }
}

async fn the_answer_comes_before_the_deliveries_and_neither_before_the_commit(database: Database) {
    /// Checks at each delivery that the sender has been answered and the row stored.
    struct Watch {
        answer: Answer,
        answered: Vec<Result<Stored, Unstored>>,
    }
    impl Outlet<u32> for Watch {
        fn push(&mut self, _session: u32, _item: &Item, _pass: Option<Pass>) -> bool {
            self.answered.extend(self.answer.try_recv());
            assert_eq!(self.answered.len(), 1);
            true
        }
        fn publish(&mut self, _group: i64, _item: &Item) {}
        fn join(&mut self, _session: u32, _group: i64) {}
        fn leave(&mut self, _session: u32, _group: i64) {}
        fn dissolve(&mut self, _group: i64) {}
        fn kick(&mut self, _session: u32) -> bool {
            true
        }
    }
    let mut world = World::new(database).await;
    world.turn([desktop(1, "bob")]).await;

    let (job, answer) = send("alice", &text("m-1", "bob", "hi"));
    let mut watch = Watch { answer, answered: vec![] };
    world.engine.turn([job].into_iter(), NOW, &mut watch).await;

    let [Ok(stored)] = watch.answered[..] else { panic!("answered before delivered") };
    assert_eq!(world.committed(), stored.mid);
    assert_eq!(world.log("bob").await[0].0, stored.mid);
}

async fn both_logs_get_a_row_and_each_counts_for_itself(database: Database) {
    let mut world = World::new(database).await;
    let first = world.send("alice", "bob", "m-1").await.mid;
    let second = world.send("bob", "alice", "m-1").await.mid;
    let third = world.send("alice", "carol", "m-2").await.mid;

    let (alice, bob, carol) = ("alice".to_owned(), "bob".to_owned(), "carol".to_owned());
    let of_alice = [(first, bob.clone(), 0, 0, 1), (second, bob, 1, 0, 2), (third, carol, 0, 0, 3)];
    assert_eq!(world.log("alice").await, of_alice);
    let of_bob = [(first, alice.clone(), 1, 0, 1), (second, alice.clone(), 0, 0, 2)];
    assert_eq!(world.log("bob").await, of_bob);
    assert_eq!(world.log("carol").await, [(third, alice, 1, 0, 1)]);
}

async fn numbers_of_a_log_have_no_holes_over_batches_repeats_and_restarts(database: Database) {
    let mut world = World::new(database).await;
    for round in 0..4 {
        let jobs = (0..40).map(|n| {
            let target = if n % 3 == 0 { "bob" } else { "carol" };
            send("alice", &text(&format!("m-{round}-{}", n % 30), target, "hi")).0
        });
        world.turn(jobs).await;
        world = world.reopen().await;
    }
    let numbers: Vec<i64> = world.log("alice").await.iter().map(|row| row.4).collect();
    assert_eq!(numbers, (1..=120).collect::<Vec<_>>());
    let versions: Vec<(String, i64)> =
        world.rows(sql("SELECT uid, version FROM dtalk_msg_version ORDER BY uid")).await;
    assert_eq!(versions, [("alice".into(), 120), ("bob".into(), 40), ("carol".into(), 80)]);
}

async fn a_message_to_oneself_is_one_row_and_one_delivery(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "alice")]).await;
    let stored = world.send("alice", "alice", "m-1").await;

    assert_eq!(world.taken_ids(1), [stored.mid]);
    assert_eq!(world.log("alice").await, [(stored.mid, "alice".into(), 0, 0, 1)]);
    let range = Range { after: 0, before: i64::MAX, limit: 9, bytes: usize::MAX };
    assert_eq!(world.reads.newest_of_pair("alice", "alice", range).await.unwrap().len(), 1);
}

async fn a_repeat_gets_the_first_answer_and_is_not_delivered_again(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "bob")]).await;

    let (first, first_answer) = send("alice", &text("m-1", "bob", "hi"));
    let (again, again_answer) = send("alice", &text("m-1", "bob", "hi"));
    world.turn([first, again]).await;
    let stored = first_answer.await.unwrap().unwrap();
    assert_eq!(again_answer.await.unwrap().unwrap(), stored, "in the same batch");
    let repeat = Stored { repeat: true, ..stored };
    assert_eq!(world.send("alice", "bob", "m-1").await, repeat, "in the next batch");
    world = world.reopen().await;
    assert_eq!(world.send("alice", "bob", "m-1").await, repeat, "after a restart");
    assert_eq!(world.send("alice", "carol", "m-1").await, repeat, "to somebody else");

    assert_eq!(world.log("bob").await.len(), 1);
    assert_eq!(world.log("carol").await.len(), 0);
    assert_ne!(world.send("bob", "alice", "m-1").await.mid, stored.mid, "of another sender");
}

async fn only_the_first_of_repeats_is_delivered(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "bob")]).await;
    let stored = world.send("alice", "bob", "m-1").await;
    world.send("alice", "bob", "m-1").await;

    assert_eq!(world.taken_ids(1), [stored.mid]);
    assert_eq!((world.stats().stored, world.stats().repeated), (1, 1));
}

async fn a_group_message_is_stored_once_and_published_once(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "alice"), desktop(2, "carol")]).await;
    assert_eq!(world.out.joined, [(1, 77)]);

    let (job, answer) = send("alice", &to_group("m-1"));
    world.turn([job]).await;
    let stored = answer.await.unwrap().unwrap();

    let [(77, item)] = &world.out.published[..] else { panic!("published once") };
    assert_eq!(message_in(item).log_id, stored.mid);
    assert!(world.out.pushed.is_empty());
    assert_eq!(world.count("dtalk_group_msg_content").await, 1);
    assert_eq!(world.count("dtalk_msg_relation").await, 0);
}

async fn the_newest_of_several_groups_are_the_newest_of_all(database: Database) {
    let mut world = World::new(database).await;
    for n in 0..6 {
        let group = if n % 3 == 0 { "77" } else { "78" };
        world.turn([send("alice", &to_this_group(group, &n.to_string())).0]).await;
    }
    let newest = async |groups: &[i64], limit| {
        let range = Range { after: 0, before: i64::MAX, limit, bytes: usize::MAX };
        let stays = world.reads.stays("alice", groups).await.unwrap();
        let choice = world.reads.newest_of_groups(&stays, range).await.unwrap();
        let messages = world.reads.chosen(&choice, Channel::ToGroup).await.unwrap();
        let msg_ids = messages.into_iter().map(|common| common.msg_id);
        (msg_ids.collect::<Vec<_>>(), choice.more)
    };
    let of = |msg_ids: &str| msg_ids.chars().map(String::from).collect::<Vec<_>>();
    assert_eq!(newest(&[77, 78], 4).await, (of("2345"), true));
    assert_eq!(newest(&[78, 77], 5).await, (of("12345"), true));
    assert_eq!(newest(&[78, 77, 79], 6).await, (of("012345"), false));
    assert_eq!(newest(&[77], 2).await, (of("03"), false));
    assert_eq!(newest(&[], 2).await, (of(""), false));
}

async fn what_is_read_back_is_what_was_delivered_byte_for_byte(database: Database) {
    let mut world = World::new(database).await;
    world.turn([desktop(1, "bob")]).await;
    let mut common = text("m-1", "bob", "");
    common.msg = (0..=255).cycle().take(16_000).collect::<Vec<u8>>().into();
    common.msg_type = 8;
    let user = |id: &str| Some(SourceUser { id: id.into(), name: "名".into() });
    common.source = Some(Source { channel_type: 1, from: user("carol"), target: user("77") });
    common.reference = Some(Reference { topic: 7, r#ref: 1 << 52 });
    world.turn([send("alice", &common).0]).await;
    let live = world.taken(1);

    world.turn([phone(2, "bob")]).await;
    world.read_pages().await;
    assert_eq!(world.taken(2), live);
    assert_eq!(message_in(&live[0]).msg, common.msg);
}

async fn a_batch_is_one_commit_however_large(database: Database) {
    let mut world = World::new(database).await;
    let (jobs, answers): (Vec<_>, Vec<_>) = (0..9_000)
        .map(|n| send(&format!("user-{}", n % 100), &text(&format!("m-{n}"), "bob", "hi")))
        .unzip();
    world.turn(jobs).await;

    let mut mids = Vec::new();
    for answer in answers {
        mids.push(answer.await.unwrap().unwrap().mid);
    }
    assert!(mids.is_sorted_by(|a, b| a < b));
    assert_eq!((world.stats().commits, world.stats().stored), (1, 9_000));
    assert_eq!(world.log("bob").await.len(), 9_000);
}

#[tokio::test]
async fn a_commit_waits_for_the_disk() {
    let mut world = World::new(sqlite().await).await;
    let mut tx = world.engine.writer_db.begin().await.unwrap();
    let mode: String = sql("PRAGMA journal_mode").one(&mut tx).await.unwrap();
    let synchronous: i64 = sql("PRAGMA synchronous").one(&mut tx).await.unwrap();
    assert_eq!((&*mode, synchronous), ("wal", 2));
}

async fn ids_go_on_after_a_crash_with_a_clock_that_stepped_back(database: Database) {
    let mut world = World::new(database).await;
    let before = world.send("alice", "bob", "m-1").await.mid;
    world.now = 1_600_000_000_000;
    world = world.reopen().await;

    assert_eq!(world.committed(), before);
    let stored = world.send("alice", "bob", "m-2").await;
    assert!(stored.mid > before);
    assert_eq!(stored.datetime, 1_600_000_001_000, "time is what the clock says");
}

async fn ids_go_on_after_the_greatest_message_was_taken_back(database: Database) {
    let mut world = World::new(database).await;
    let stored = world.send("alice", "alice", "m-1").await;
    world.act(ActKind::Revoke, false, stored.mid, "alice").await.unwrap();
    let committed = world.committed();
    assert!(committed > stored.mid);

    world = world.reopen().await;
    assert_eq!(world.committed(), committed);
}

async fn a_flush_is_answered_when_what_came_before_is_stored(database: Database) {
    let mut world = World::new(database).await;
    let (done, mut flushed) = oneshot::channel();
    world.turn([send("alice", &text("m-1", "bob", "hi")).0, Job::Flush(done)]).await;
    assert_eq!(flushed.try_recv(), Ok(()));
    assert_eq!(world.log("bob").await.len(), 1);
}
