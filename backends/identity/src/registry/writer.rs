//! The one task that changes the table.
//!
//! Not here: the statements (`table`), who may log in (`reconnect`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::vec::Drain;

use comet_sql::Pool;
use sqlx::SqliteConnection;
use tokio::sync::{mpsc, oneshot};

use super::{Admission, Registered, table};
use crate::reconnect::supersedes;

/// Logins per transaction. At some 50 µs each this keeps other writers waiting for a few
/// milliseconds.
const BATCH: usize = 128;

/// A login, and where its answer goes. Dropped, it tells that nothing was stored.
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
                // A full disk fails every batch, many times a second: once is enough to know.
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
            if let Some(newest) = newest.filter(|phone| supersedes(phone, &device.info)) {
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

/// Sent only once the transaction is committed.
struct Answer {
    reply: oneshot::Sender<Admission>,
    admission: Admission,
}

impl Answer {
    fn send(self) {
        // Whoever no longer waits has lost its connection; the device stays registered.
        let _ = self.reply.send(self.admission);
    }
}
