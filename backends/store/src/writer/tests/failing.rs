//! Database failures: nothing is promised, nothing half done, and the next batch succeeds.

use super::*;

async fn refused(world: &mut World) {
    let (job, answer) = send("alice", &text("m-1", "bob", "hi"));
    let (revoke, outcome) = act(ActKind::Revoke, false, 5, "alice");
    world.turn([job, revoke]).await;
    assert_eq!(answer.await.unwrap(), Err(Unstored));
    assert_eq!(outcome.await.unwrap(), Err(ActError::Unavailable));
    assert!(world.taken_ids(1).is_empty());
    assert_eq!((world.stats().failed_commits, world.stats().unstored), (1, 1));
}

async fn accepted(world: &mut World) {
    let stored = world.send("alice", "bob", "m-1").await;
    assert_eq!(world.taken_ids(1), [stored.mid]);
    assert_eq!(world.log("bob").await, [(stored.mid, "alice".into(), 1, 0, 1)]);
}

#[tokio::test]
async fn a_failure_in_the_middle_of_a_batch_leaves_nothing_behind() {
    let mut world = World::new(sqlite().await).await;
    world.turn([desktop(1, "bob")]).await;
    let mut other = world.connection().await;
    let trigger = "CREATE TRIGGER full BEFORE INSERT ON dtalk_msg_relation
         BEGIN SELECT raise(ABORT, 'disk full'); END";
    other.run(trigger).await.unwrap();

    refused(&mut world).await;
    for table in ["comet_sent", "dtalk_msg_content", "dtalk_msg_version"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
    assert_eq!(world.committed(), 0);

    other.run("DROP TRIGGER full").await.unwrap();
    accepted(&mut world).await;
}

#[tokio::test]
async fn a_database_that_another_process_holds_refuses_until_it_lets_go() {
    let mut world = World::impatient(sqlite().await).await;
    world.turn([desktop(1, "bob")]).await;
    let mut other = world.connection().await;
    other.run("BEGIN IMMEDIATE").await.unwrap();

    refused(&mut world).await;

    other.run("ROLLBACK").await.unwrap();
    accepted(&mut world).await;
}

#[tokio::test]
async fn a_file_that_cannot_grow_refuses_and_keeps_what_it_has() {
    let mut world = World::new(sqlite().await).await;
    world.turn([desktop(1, "bob")]).await;
    let stored = world.send("alice", "bob", "m-0").await;
    world.taken(1);
    let mut tx = world.engine.writer_db.begin().await.unwrap();
    tx.run("PRAGMA max_page_count = 1").await.unwrap();
    world.engine.writer_db.commit(tx, 0).await.unwrap();

    let mut common = text("m-1", "bob", "");
    common.msg = vec![1; 16_000].into();
    let jobs = (0..100).map(|n| send("alice", &Common { msg_id: n.to_string(), ..common.clone() }));
    let (jobs, answers): (Vec<_>, Vec<_>) = jobs.unzip();
    world.turn(jobs).await;
    for answer in answers {
        assert_eq!(answer.await.unwrap(), Err(Unstored));
    }
    assert!(world.taken_ids(1).is_empty());
    assert_eq!(world.log("bob").await, [(stored.mid, "alice".into(), 1, 0, 1)]);

    // The limit was that of the connection, and a connection that failed is not reused.
    let next = world.send("alice", "bob", "m-1").await;
    assert_eq!(world.taken_ids(1), [next.mid]);
}

#[tokio::test]
async fn acks_of_a_failed_batch_count_when_they_come_again() {
    let mut world = World::impatient(sqlite().await).await;
    world.turn([phone(1, "bob")]).await;
    world.read_pages().await;
    world.send("alice", "bob", "m-1").await;
    let item = world.taken(1).remove(0);
    let mut other = world.connection().await;
    other.run("BEGIN IMMEDIATE").await.unwrap();
    world.turn([acked(1, &item)]).await;
    drop(other);
    assert_eq!(world.log("bob").await[0].3, 0);

    world.turn([Job::Detach(1), phone(2, "bob")]).await;
    world.read_pages().await;
    assert_eq!(world.taken_ids(2), [item.id]);
    world.turn([acked(2, &item)]).await;
    assert_eq!(world.log("bob").await[0].3, 1);
}

#[tokio::test]
async fn a_file_of_a_later_version_is_not_touched() {
    let world = World::new(sqlite().await).await;
    world.connection().await.run("PRAGMA user_version = 3").await.unwrap();
    let error = db::open(world.database.location(), 1, CACHE, LONG_TIMEOUTS).await.unwrap_err();
    assert_eq!(error.to_string(), "message database has schema 3, this program knows up to 2");
}

/// As written before groups had timelines.
#[tokio::test]
async fn entries_of_an_earlier_version_get_positions() {
    let database = sqlite().await;
    let pool = database.pool();
    let first = comet_sql::Part { steps: &db::PART.steps[..1], ..db::PART };
    first.migrate(&pool).await.unwrap();
    let mut db = pool.lend().await.unwrap();
    for (mid, group) in [(4_100, "77"), (4_101, "78"), (4_102, "77")] {
        let text = "INSERT INTO dtalk_group_msg_content
            (mid, seq, sender_id, receiver_id, msg_type, content, create_time)
            VALUES (?, 'm', 'alice', ?, 1, x'00', 1)";
        sql(text).bind(mid).bind(group).execute(&mut db).await.unwrap();
    }
    db.done();
    pool.close().await;
    let world = World::new(database).await;
    let positions = "SELECT mid, position FROM dtalk_group_msg_content ORDER BY mid";
    let positions: Vec<(i64, i64)> = world.rows(sql(positions)).await;
    assert_eq!(positions, [(4_100, 1), (4_101, 1), (4_102, 2)]);
    let last = "SELECT group_id, position FROM comet_group_position ORDER BY group_id";
    let last: Vec<(String, i64)> = world.rows(sql(last)).await;
    assert_eq!(last, [("77".to_owned(), 2), ("78".to_owned(), 1)]);
    let directory = database_directory(&world);
    let copies = std::fs::read_dir(directory).unwrap();
    let is_copy = |name: &str| name.contains(".v1-");
    let names = copies.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| is_copy(name)).count(), 1, "a copy from before");
}

fn database_directory(world: &World) -> std::path::PathBuf {
    let location = world.database.location();
    location.path().unwrap().parent().unwrap().to_owned()
}

#[tokio::test]
async fn a_file_that_is_no_database_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    std::fs::write(&path, "no database, but long enough to be taken for one".repeat(100)).unwrap();
    let error = db::open(path.into(), 1, CACHE, LONG_TIMEOUTS).await.unwrap_err();
    assert!(matches!(error, db::OpenError::Database(comet_sql::Error::Corrupt(_))), "{error}");
}
