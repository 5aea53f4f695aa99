//! Mark: id up to which all pushes are done, in one row of a table of its own.
//!
//! It is written at most once a second and behind what was done, so that a kill costs a repeat and
//! never a loss.

use comet_sql::{Error, MigrateError, Part, Pool, insert, sql};

/// Table of the mark.
pub const PART: Part = Part {
    name: "push",
    steps: &["CREATE TABLE comet_push_mark (
        \"only\" {int} NOT NULL PRIMARY KEY CHECK (\"only\" = 1),
        id     {int} NOT NULL
    ) {table:rows};"],
    user_version: false,
};

/// The mark in the database.
#[derive(Debug)]
pub(crate) struct Mark {
    pool: Pool,
    written: i64,
}

impl Mark {
    /// The mark; `first` if there has never been one. It is `last` at most: the record may be an
    /// older copy.
    pub(crate) async fn open(pool: Pool, last: i64) -> Result<Self, MigrateError> {
        PART.migrate(&pool).await?;
        let found = pool.read::<i64>(sql("SELECT id FROM comet_push_mark")).await?;
        let mut mark = Self { pool, written: found.first().copied().unwrap_or(-1) };
        if !(0..=last).contains(&mark.written) {
            mark.write(last).await?;
        }
        Ok(mark)
    }

    pub(crate) const fn get(&self) -> i64 {
        self.written
    }

    pub(crate) async fn write(&mut self, id: i64) -> Result<(), Error> {
        let mut tx = self.pool.begin().await?;
        let row = insert("comet_push_mark", &["\"only\"", "id"]).row([1.into(), id.into()]);
        row.replace(&mut tx, &["\"only\""]).await?;
        tx.commit().await?;
        self.written = id;
        Ok(())
    }
}
