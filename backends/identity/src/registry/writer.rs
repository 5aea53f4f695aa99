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

/// Request, and the receiver of its answer. Dropping it reports that nothing was stored.
#[derive(Debug)]
pub(super) enum Request {
    Login(Box<LoginRequest>),
    /// Remove the devices of a user with this uuid; answered with their logins.
    Revoke {
        uid: String,
        uuid: String,
        now_ms: u64,
        reply: oneshot::Sender<Vec<u64>>,
    },
    /// Remove a push token of a user that came with this login or an earlier one.
    ForgetToken {
        uid: String,
        token: String,
        login: u64,
        reply: oneshot::Sender<()>,
    },
}

/// Login of a device.
#[derive(Debug)]
pub(super) struct LoginRequest {
    pub(super) uid: String,
    pub(super) device: Registered,
    pub(super) reconnects: bool,
    pub(super) reply: oneshot::Sender<Admission>,
}

/// Outcome of a request, before it is told.
enum Answer {
    Admission(Admission),
    Revoked(Vec<u64>),
    Forgotten,
}

impl Request {
    /// A closed channel means a lost connection; what was stored stays so.
    fn settle(self, answer: Answer) {
        match (self, answer) {
            (Self::Login(login), Answer::Admission(admission)) => {
                let _gone = login.reply.send(admission);
            }
            (Self::Revoke { reply, .. }, Answer::Revoked(logins)) => {
                let _gone = reply.send(logins);
            }
            (Self::ForgetToken { reply, .. }, Answer::Forgotten) => {
                let _gone = reply.send(());
            }
            (Self::Login(_) | Self::Revoke { .. } | Self::ForgetToken { .. }, _) => {}
        }
    }
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
            let requests = batch.len();
            match self.store(&batch).await {
                Ok(answers) => {
                    for (request, answer) in batch.drain(..).zip(answers) {
                        request.settle(answer);
                    }
                    if self.failing.swap(false, Ordering::Relaxed) {
                        tracing::info!("devices can be stored again");
                    }
                }
                // A full disk fails every batch, many times a second: one log entry is enough.
                Err(error) => {
                    batch.clear();
                    if !self.failing.swap(true, Ordering::Relaxed) {
                        tracing::error!(%error, requests, "devices cannot be stored");
                    }
                }
            }
        }
    }

    /// Answers are told only after the transaction has been committed. One that was committed
    /// although that got lost is repeated: the same devices, with later logins.
    async fn store(&mut self, batch: &[Request]) -> Result<Vec<Answer>, Error> {
        let mut retry = Retry::new();
        loop {
            match self.attempt(batch).await {
                Ok(answers) => return Ok(answers),
                Err(error) => retry.after(error).await?,
            }
        }
    }

    async fn attempt(&mut self, batch: &[Request]) -> Result<Vec<Answer>, Error> {
        let mut transaction = self.pool.begin().await?;
        let mut answers = Vec::with_capacity(batch.len());
        for request in batch {
            answers.push(match request {
                Request::Login(login) => {
                    Answer::Admission(self.admit(&mut transaction, login).await?)
                }
                Request::Revoke { uid, uuid, now_ms, .. } => {
                    Answer::Revoked(table::revoke(&mut transaction, uid, uuid, *now_ms).await?)
                }
                Request::ForgetToken { uid, token, login, .. } => {
                    table::forget_token(&mut transaction, uid, token, *login).await?;
                    Answer::Forgotten
                }
            });
        }
        transaction.commit().await?;
        Ok(answers)
    }

    async fn admit(
        &mut self,
        db: &mut Connection,
        request: &LoginRequest,
    ) -> Result<Admission, Error> {
        let LoginRequest { uid, device, reconnects, .. } = request;
        let Some(kind) = device.info.device else {
            return Ok(Admission::Admitted { device: device.clone(), replaced: None });
        };
        let was_revoked = table::revoked(uid, &device.info.uuid).optional::<i64>(db).await?;
        match (was_revoked, reconnects) {
            (Some(_), true) => return Ok(Admission::Revoked),
            (Some(_), false) => table::restore(db, uid, &device.info.uuid).await?,
            (None, _) => {}
        }
        let mut replaced = None;
        if kind.is_phone()
            && let Some(phone) = table::phone(uid).optional::<Registered>(db).await?
        {
            if *reconnects && phone.supersedes(&device.info) {
                return Ok(Admission::Superseded(phone));
            }
            replaced = (phone.info.uuid != device.info.uuid).then_some(phone.info.login);
        }
        self.last_login += 1;
        let mut device = device.clone();
        device.info.login = self.last_login;
        table::put(db, uid, kind, &device).await?;
        if !kind.is_phone() {
            table::trim(db, uid).await?;
        }
        Ok(Admission::Admitted { device, replaced })
    }
}
