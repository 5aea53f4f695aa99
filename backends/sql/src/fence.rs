//! Check of a lease within a transaction.

use crate::connection::Connection;
use crate::error::Error;
use crate::statement::sql;

/// Proof of a lease, for the transactions of its holder, see [`Pool::guard`](crate::Pool::guard).
#[derive(Clone, Copy, Debug)]
pub struct Fence {
    /// None on SQLite: the lock of the file cannot be lost.
    epoch: Option<i64>,
}

impl Fence {
    pub(crate) const fn new(epoch: Option<i64>) -> Self {
        Self { epoch }
    }

    pub(crate) const fn epoch(self) -> Option<i64> {
        self.epoch
    }

    /// Fails if the lease has another holder; keeps it from getting one until the transaction ends.
    pub(crate) async fn check(self, db: &mut Connection) -> Result<(), Error> {
        let Some(epoch) = self.epoch else { return Ok(()) };
        let row = sql("SELECT epoch, holder FROM comet_lease WHERE name = 'database'");
        let row = row.then(db.dialect().shared_lock());
        let (found, holder): (i64, String) = row.one(db).await?;
        if found == epoch { Ok(()) } else { Err(Error::Fenced { holder }) }
    }
}
