//! Task that makes all changes to the table.
//!
//! Not here: the statements (`table`), the reconnect rule (`Registered::supersedes`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use comet_sql::{Connection, Error, Pool, Retry};
use tokio::sync::{mpsc, oneshot};

use super::{Admission, Registered, table};

/// Logins per transaction. At about 50 µs each this keeps other writers waiting for a few
/// milliseconds.
const BATCH: usize = 128;

/// Login, and the receiver of its answer. Dropping it reports that nothing was stored.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) uid: String,
    pub(super) device: Registered,
    pub(super) reconnects: bool,
    pub(super) reply: oneshot::Sender<Admission>,
}

pub(super) struct Writer {
    pool: Pool,
    last_login: u64,
    failing: Arc<AtomicBool>,
}

impl Writer {
    pub(super) fn new(pool: Pool, last_login: u64, failing: Arc<AtomicBool>) -> Self {
        Self { pool, last_login, failing }
    }

    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Request>) {
        let mut batch = Vec::new();
        while queue.recv_many(&mut batch, BATCH).await > 0 {
            let logins = batch.len();
            match self.store(&batch).await {
                Ok(admissions) => {
                    for (request, admission) in batch.drain(..).zip(admissions) {
                        // A closed channel means a lost connection; the device stays registered.
                        let _ = request.reply.send(admission);
                    }
                    if self.failing.swap(false, Ordering::Relaxed) {
                        tracing::info!("devices can be stored again");
                    }
                }
                // A full disk fails every batch, many times a second: one log entry is enough.
                Err(error) => {
                    batch.clear();
                    if !self.failing.swap(true, Ordering::Relaxed) {
                        tracing::error!(%error, logins, "devices cannot be stored");
                    }
                }
            }
        }
    }

    /// Admissions are told only after the transaction has been committed. One that was committed
    /// although that got lost is repeated: the same devices, with later logins.
    async fn store(&mut self, batch: &[Request]) -> Result<Vec<Admission>, Error> {
        let mut retry = Retry::new();
        loop {
            match self.attempt(batch).await {
                Ok(admissions) => return Ok(admissions),
                Err(error) => retry.after(error).await?,
            }
        }
    }

    async fn attempt(&mut self, batch: &[Request]) -> Result<Vec<Admission>, Error> {
        let mut transaction = self.pool.begin().await?;
        let mut admissions = Vec::with_capacity(batch.len());
        for request in batch {
            admissions.push(self.admit(&mut transaction, request).await?);
        }
        transaction.commit().await?;
        Ok(admissions)
    }

    async fn admit(&mut self, db: &mut Connection, request: &Request) -> Result<Admission, Error> {
        let Request { uid, device, reconnects, .. } = request;
        let Some(kind) = device.info.device else {
            return Ok(Admission::Admitted(device.clone()));
        };
        if *reconnects && kind.is_phone() {
            let newest = table::phone(uid).optional::<Registered>(db).await?;
            if let Some(newest) = newest.filter(|phone| phone.supersedes(&device.info)) {
                return Ok(Admission::Superseded(newest));
            }
        }
        self.last_login += 1;
        let mut device = device.clone();
        device.info.login = self.last_login;
        table::put(db, uid, kind, &device).await?;
        if !kind.is_phone() {
            table::trim(db, uid).await?;
        }
        Ok(Admission::Admitted(device))
    }
}
