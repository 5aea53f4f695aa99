//! Task that makes all changes to the table.
//!
//! Not here: the statements (`table`), the reconnect rule (`Registered::supersedes`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::vec::Drain;

use comet_sql::sqlite::Pool;
use sqlx::SqliteConnection;
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
            match self.store(batch.drain(..)).await {
                Ok(answers) => {
                    answers.into_iter().for_each(Answer::send);
                    if self.failing.swap(false, Ordering::Relaxed) {
                        tracing::info!("devices can be stored again");
                    }
                }
                // A full disk fails every batch, many times a second: one log entry is enough.
                Err(error) => {
                    if !self.failing.swap(true, Ordering::Relaxed) {
                        tracing::error!(%error, logins, "devices cannot be stored");
                    }
                }
            }
        }
    }

    async fn store(&mut self, batch: Drain<'_, Request>) -> sqlx::Result<Vec<Answer>> {
        let mut transaction = self.pool.begin().await?;
        let mut answers = Vec::with_capacity(batch.len());
        for request in batch {
            answers.push(self.admit(&mut transaction, request).await?);
        }
        transaction.commit().await?;
        Ok(answers)
    }

    async fn admit(&mut self, db: &mut SqliteConnection, request: Request) -> sqlx::Result<Answer> {
        let Request { uid, mut device, reconnects, reply } = request;
        let Some(kind) = device.info.device else {
            return Ok(Answer { reply, admission: Admission::Admitted(device) });
        };
        if reconnects && kind.is_phone() {
            let newest = table::phone(db, &uid).await?;
            if let Some(newest) = newest.filter(|phone| phone.supersedes(&device.info)) {
                return Ok(Answer { reply, admission: Admission::Superseded(newest) });
            }
        }
        self.last_login += 1;
        device.info.login = self.last_login;
        table::put(db, &uid, kind, &device).await?;
        if !kind.is_phone() {
            table::trim(db, &uid).await?;
        }
        Ok(Answer { reply, admission: Admission::Admitted(device) })
    }
}

/// Sent only after the transaction has been committed.
struct Answer {
    reply: oneshot::Sender<Admission>,
    admission: Admission,
}

impl Answer {
    fn send(self) {
        // A closed channel means a lost connection; the device stays registered.
        let _ = self.reply.send(self.admission);
    }
}
