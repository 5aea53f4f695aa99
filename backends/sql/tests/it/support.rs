//! A table for the tests.

use comet_sql::{Error, Part, Pool, Transaction, insert, sql};
use comet_sql_testing::Database;

pub(crate) const PART: Part = Part {
    name: "test",
    steps: &["CREATE TABLE item (
        name  {key:160} NOT NULL,
        id    {int} NOT NULL,
        state {int} NOT NULL,
        note  {text},               -- anything
        body  {blob},
        PRIMARY KEY (name, id)
    ) {table};

    CREATE INDEX item_new ON item (name, id){where:state = 0};

    CREATE TABLE counter (
        name  {key:160} NOT NULL PRIMARY KEY,
        total {int} NOT NULL
    ) {table};"],
    user_version: false,
};

pub(crate) const COLUMNS: &[&str] = &["name", "id", "state", "note", "body"];

pub(crate) async fn tables(database: &Database) -> Pool {
    let pool = database.pool();
    PART.migrate(&pool).await.unwrap();
    pool
}

pub(crate) async fn put(db: &mut Transaction, name: &str, id: i64) -> Result<(), Error> {
    let row = [name.into(), id.into(), 0.into(), "note".into(), vec![0, 255].into()];
    insert("item", COLUMNS).row(row).execute(db).await
}

/// Stores one item in a transaction of its own.
pub(crate) async fn store(pool: &Pool, name: &str, id: i64) -> Result<(), Error> {
    let mut db = pool.begin().await?;
    put(&mut db, name, id).await?;
    db.commit().await
}

pub(crate) async fn names(pool: &Pool) -> Vec<String> {
    let mut db = pool.lend().await.unwrap();
    let names = sql("SELECT name FROM item ORDER BY name, id").all(&mut db).await.unwrap();
    db.done();
    names
}

pub(crate) async fn count(pool: &Pool) -> Result<i64, Error> {
    let mut db = pool.lend().await?;
    let count = sql("SELECT count(*) FROM item").one(&mut db).await?;
    db.done();
    Ok(count)
}
