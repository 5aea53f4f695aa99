//! Migrations: once, in order, never backwards.

use comet_sql::{MigrateError, Part, Pool, Settings, sql};
use comet_sql_testing::{Database, Kind, on_each_database};

use crate::support::{PART, count, store};

on_each_database!(
    processes_that_start_together_migrate_once,
    a_later_step_keeps_what_is_there,
    a_newer_schema_is_refused_and_not_touched,
    parts_do_not_meet,
    a_step_that_fails_can_be_repeated,
);

/// [`PART`] of a later version: `count` fails if it is executed twice.
const LATER: Part = Part {
    name: "test",
    steps: &[
        PART.steps[0],
        "INSERT INTO counter (name, total) VALUES ('steps', 1);
         ALTER TABLE item ADD COLUMN extra {int} NOT NULL DEFAULT 7;",
    ],
    user_version: false,
};

async fn processes_that_start_together_migrate_once(database: Database) {
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            // Pools of their own, as processes have.
            let mut settings = Settings::default();
            settings.sqlite.busy = std::time::Duration::from_secs(60);
            let pool = Pool::new(database.location(), settings);
            tokio::spawn(async move { LATER.migrate(&pool).await })
        })
        .collect();
    let mut created = 0;
    for task in tasks {
        let migration = task.await.unwrap().unwrap();
        assert_eq!(migration.to, 2);
        created += usize::from(migration.from == 0);
    }
    assert_eq!(created, 1);
    let mut db = database.pool().lend().await.unwrap();
    let steps: i64 =
        sql("SELECT total FROM counter WHERE name = 'steps'").one(&mut db).await.unwrap();
    assert_eq!(steps, 1);
}

async fn a_later_step_keeps_what_is_there(database: Database) {
    let pool = database.pool();
    let first = PART.migrate(&pool).await.unwrap();
    assert_eq!((first.from, first.to, first.backup), (0, 1, None));
    store(&pool, "a", 1).await.unwrap();

    let second = LATER.migrate(&pool).await.unwrap();
    assert_eq!((second.from, second.to), (1, 2));
    let mut db = pool.lend().await.unwrap();
    let extra: i64 = sql("SELECT extra FROM item WHERE name = 'a'").one(&mut db).await.unwrap();
    assert_eq!(extra, 7);
    db.done();
    assert_eq!(LATER.migrate(&pool).await.unwrap().from, 2);

    // Of a file a copy was kept, as it was before.
    assert_eq!(second.backup.is_some(), database.kind() == Kind::Sqlite);
    if let Some(copy) = second.backup {
        let copy = Pool::new(comet_sql::Location::file(copy), Settings::default());
        assert_eq!(PART.migrate(&copy).await.unwrap().from, 1);
        assert_eq!(count(&copy).await.unwrap(), 1);
    }
}

async fn a_newer_schema_is_refused_and_not_touched(database: Database) {
    let pool = database.pool();
    LATER.migrate(&pool).await.unwrap();
    let error = PART.migrate(&pool).await.unwrap_err();
    assert_eq!(error.to_string(), "test has schema 2, this program knows up to 1");
    assert!(matches!(error, MigrateError::Newer { found: 2, known: 1, .. }));
    assert_eq!(LATER.migrate(&pool).await.unwrap().from, 2);
}

async fn parts_do_not_meet(database: Database) {
    const OTHER: Part = Part {
        name: "other",
        steps: &["CREATE TABLE other (id {int} NOT NULL PRIMARY KEY) {table:rows};"],
        user_version: false,
    };
    let pool = database.pool();
    LATER.migrate(&pool).await.unwrap();
    assert_eq!(OTHER.migrate(&pool).await.unwrap().from, 0);
    assert_eq!(OTHER.migrate(&pool).await.unwrap().from, 1);
    assert_eq!(LATER.migrate(&pool).await.unwrap().from, 2);
}

/// As after a crash in the middle of a step.
async fn a_step_that_fails_can_be_repeated(database: Database) {
    const BROKEN: Part = Part {
        name: "test",
        steps: &[
            "CREATE TABLE one (id {int} NOT NULL PRIMARY KEY) {table:rows};
                  CREATE TABLE two (id {int} NOT NULL PRIMARY KEY, nothing {int} NO) {table:rows};",
        ],
        user_version: false,
    };
    const MENDED: Part = Part {
        steps: &["CREATE TABLE one (id {int} NOT NULL PRIMARY KEY) {table:rows};
                  CREATE TABLE two (id {int} NOT NULL PRIMARY KEY) {table:rows};"],
        ..BROKEN
    };
    let pool = database.pool();
    let error = BROKEN.migrate(&pool).await.unwrap_err();
    assert!(matches!(error, MigrateError::Database(_)), "{error:?}");
    let migration = MENDED.migrate(&pool).await.unwrap();
    assert_eq!((migration.from, migration.to), (0, 1));
    let mut db = pool.lend().await.unwrap();
    let rows: i64 = sql("SELECT count(*) FROM one").one(&mut db).await.unwrap();
    let more: i64 = sql("SELECT count(*) FROM two").one(&mut db).await.unwrap();
    assert_eq!((rows, more), (0, 0));
}

#[tokio::test]
async fn the_version_of_a_file_counts_where_it_is_used() {
    let database = Database::new(Kind::Sqlite).await;
    let part = Part { user_version: true, ..PART };
    let pool = database.pool();
    // As written by a program that knew no `comet_schema`.
    let mut db = pool.lend().await.unwrap();
    for statement in ["CREATE TABLE item (name)", "PRAGMA user_version = 1"] {
        db.run(statement).await.unwrap();
    }
    db.done();
    assert_eq!(part.migrate(&pool).await.unwrap().from, 1);
    let later = Part { user_version: true, ..LATER };
    // Of `counter` there is none.
    later.migrate(&pool).await.unwrap_err();
    let mut db = pool.lend().await.unwrap();
    db.run("CREATE TABLE counter (name, total)").await.unwrap();
    db.done();
    assert_eq!(later.migrate(&pool).await.unwrap().from, 1);
    let mut db = pool.lend().await.unwrap();
    assert_eq!(sql("PRAGMA user_version").one::<i64>(&mut db).await.unwrap(), 2);
    db.done();
    assert!(matches!(part.migrate(&pool).await, Err(MigrateError::Newer { found: 2, .. })));
}
