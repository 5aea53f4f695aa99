//! [`Store`]: the handle used by all other parts.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use comet::{Gateway, SessionId};
use comet_dtalk::code::Code;
use comet_dtalk::id::{Id, IdGenerator};
use comet_dtalk::rate::{Paces, Rate};
use comet_dtalk::user;
use comet_sql::Location;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::check::{Draft, To};
use crate::db::{self, OpenError, ReadPool, Timeouts};
use crate::retention::{self, Deleter};
use crate::stats::Counters;
use crate::sync_marks::SyncMarks;
use crate::tag::Tag;
use crate::writer::job::{Act, ActError, ActKind, Job, Submission};
use crate::writer::reply::{ReplyTo, Stored, Unstored};
use crate::writer::{self, Engine, GatewayOutlet, Intake, Shared};
use crate::{Config, Membership, Stats};

/// Reason why a store is unusable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableReason {
    /// The last transaction failed; the reason is in the log.
    #[error("messages cannot be stored")]
    Writing,
    /// The database cannot be read.
    #[error("messages cannot be read")]
    Reading(#[source] comet_sql::Error),
}

/// Reason for not accepting a valid message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    /// The sender may not send to this group.
    Forbidden(Code),
    /// Too many messages of the sender or in the queue, or the database failed: the message may be
    /// sent again.
    Busy,
}

impl Refused {
    pub(crate) const fn code(self) -> Code {
        match self {
            Self::Forbidden(code) => code,
            Self::Busy => Code::MESSAGE_NOT_SENT,
        }
    }
}

/// Message store. A cheap handle; clones refer to the same store.
///
/// As the innermost [`Router`](comet::Router) of a server it accepts the messages of sessions and
/// delivers new ones; wrap it in the router that admits peers. Its HTTP interface is
/// [`routes`](crate::routes).
///
/// One store serves one application: its users are distinguished by their ids alone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    /// The channel itself is unbounded: messages and requests take one of `places`, acks one of
    /// `ack_places`. Sessions begin and end once, park and resume once per connection, and lose
    /// only deliveries that the writer itself has pushed before.
    jobs: mpsc::UnboundedSender<Job<SessionId>>,
    places: Arc<Semaphore>,
    ack_places: Arc<Semaphore>,
    /// Send rates of users, over sockets and HTTP together.
    paces: Mutex<Paces<Box<str>>>,
    reads: ReadPool,
    answers: u16,
    shared: Shared,
    gateway: Arc<OnceLock<Arc<GatewayOutlet>>>,
}

impl Store {
    /// Opens the database, given as a path or a [`Location`], creates its tables if there are none,
    /// and starts the writer. Requires a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if the database cannot be used.
    pub async fn open(
        database: impl Into<Location>,
        config: Config,
        membership: Arc<dyn Membership>,
    ) -> Result<Self, OpenError> {
        let timeouts = Timeouts { busy: config.busy_timeout, reader: config.busy_timeout };
        let readers = 2 * u32::from(config.readers);
        let mut opened = db::open(database.into(), readers, config.cache, timeouts).await?;
        if let Some(fence) = config.fence {
            opened.writer_db.guard(fence);
        }
        let found = opened.last.map_or(0, Id::get);
        if let Some(lost) = opened.lost {
            let lost = OpenError::Lost { found, marked: lost.get() };
            if !config.accept_loss {
                return Err(lost);
            }
            tracing::error!("opened all the same, as it was told to: {lost}");
            opened.writer_db.accept_loss(found);
        }
        let shared = Shared {
            membership,
            marks: Arc::new(Mutex::new(SyncMarks::default())),
            committed: Arc::new(AtomicI64::new(opened.last.map_or(0, Id::get))),
            counters: Arc::new(Counters::default()),
        };
        // Clients know the missing ids: none of them is assigned again.
        let ids = IdGenerator::after(config.node, opened.lost.or(opened.last));
        let engine = Engine::new(opened.writer_db, ids, config.revoke_within, shared.clone());
        let (jobs, queue) = mpsc::unbounded_channel();
        let intake = Intake {
            jobs: queue,
            batch: config.batch,
            readers: config.readers.into(),
            outbox: config.outbox,
        };
        let gateway = Arc::new(OnceLock::<Arc<GatewayOutlet>>::new());
        let outlet = {
            let gateway = Arc::clone(&gateway);
            move || gateway.get().cloned()
        };
        if config.retention.is_limited() {
            let deleter = Deleter::new(&jobs);
            tokio::spawn(retention::run(config.retention, opened.reads.clone(), deleter));
        }
        tokio::spawn(writer::run(engine, opened.reads.clone(), intake, outlet));
        let semaphore =
            |places: usize| Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        let (places, ack_places) = (semaphore(config.queue), semaphore(config.acks));
        let paces = Mutex::new(Paces::new(message_rate(config.message_rate)));
        let (reads, answers) = (opened.reads, config.answers);
        Ok(Self(Arc::new(Inner {
            jobs,
            places,
            ack_places,
            paces,
            reads,
            answers,
            shared,
            gateway,
        })))
    }

    /// Handle without a writer; jobs go to the returned receiver.
    #[cfg(test)]
    pub(crate) fn without_writer(
        reads: ReadPool,
        shared: Shared,
        acks: usize,
    ) -> (Self, mpsc::UnboundedReceiver<Job<SessionId>>) {
        let (jobs, queue) = mpsc::unbounded_channel();
        let inner = Inner {
            jobs,
            places: Arc::new(Semaphore::new(1)),
            ack_places: Arc::new(Semaphore::new(acks)),
            paces: Mutex::new(Paces::new(message_rate(0))),
            reads,
            answers: 1,
            shared,
            gateway: Arc::default(),
        };
        (Self(Arc::new(inner)), queue)
    }

    /// Applies another [`Config::message_rate`] from now on.
    pub fn set_message_rate(&self, rate: u32) {
        self.0.paces.lock().set_rate(message_rate(rate));
    }

    /// Returns once all jobs submitted before are stored or refused.
    pub async fn flush(&self) {
        self.run_job(Job::Flush).await;
    }

    /// Whether the last transaction failed.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.counters().is_failing()
    }

    /// Checks that messages can be stored and read now. If the last transaction failed, this makes
    /// one without changes, and waits for it.
    ///
    /// # Errors
    ///
    /// [`UnusableReason`].
    pub async fn check(&self) -> Result<(), UnusableReason> {
        if self.is_failing() {
            self.flush().await;
        }
        if self.is_failing() {
            return Err(UnusableReason::Writing);
        }
        self.0.reads.check().await.map_err(UnusableReason::Reading)
    }

    /// Stores the jobs submitted before, closes the database, and accepts no more.
    pub async fn close(&self) {
        self.run_job(Job::Close).await;
    }

    /// Counters so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.shared.counters.read()
    }

    async fn run_job(&self, job: impl FnOnce(oneshot::Sender<()>) -> Job<SessionId>) {
        let (done, is_done) = oneshot::channel();
        self.send_job(job(done));
        // A writer that has closed has nothing left to do.
        let _closed = is_done.await;
    }

    /// Submits a job to the writer. After the writer has closed, the job is dropped, which refuses
    /// it.
    pub(crate) fn send_job(&self, job: Job<SessionId>) {
        let _refused = self.0.jobs.send(job);
    }

    /// Submits an ack to the writer; `false` if too many are waiting.
    pub(crate) fn acked(&self, session: SessionId, tag: Tag) -> bool {
        let Ok(place) = Arc::clone(&self.0.ack_places).try_acquire_owned() else {
            self.counters().ack_unrecorded();
            return false;
        };
        self.send_job(Job::Acked { session, tag, _place: Some(place) });
        true
    }

    /// Accepts a message of `from`, or refuses it at once: the only entry, for sockets and HTTP.
    ///
    /// # Errors
    ///
    /// Reason of the refusal; `reply` is then returned unsettled.
    pub(crate) fn submit(
        &self,
        mut draft: Draft,
        from: &str,
        from_phone: bool,
        reply_to: ReplyTo,
    ) -> Result<(), (Refused, ReplyTo)> {
        if let Err(refused) = self.admit(draft.to, from) {
            return Err((refused, reply_to));
        }
        let Ok(place) = Arc::clone(&self.0.places).try_acquire_owned() else {
            self.0.shared.counters.overloaded();
            return Err((Refused::Busy, reply_to));
        };
        from.clone_into(&mut draft.common.from);
        if draft.to == To::User {
            draft.common.target = user::of_app(user::app(from), &draft.common.target);
        }
        self.send_job(Job::Send(Box::new(Submission { draft, from_phone, reply_to, place })));
        Ok(())
    }

    /// Checks the rights of `from`, and its rate.
    pub(crate) fn admit(&self, to: To, from: &str) -> Result<(), Refused> {
        if let To::Group(group) = to
            && let Err(code) = self.0.shared.membership.may_send(from, group.get())
        {
            self.0.shared.counters.forbidden();
            return Err(Refused::Forbidden(code));
        }
        if !self.0.paces.lock().admit(from, Instant::now()) {
            self.0.shared.counters.over_rate();
            return Err(Refused::Busy);
        }
        Ok(())
    }

    /// Submits a message of `from` and waits until it is stored.
    pub(crate) async fn send(
        &self,
        draft: Draft,
        from: &str,
        from_phone: bool,
    ) -> Result<Stored, Refused> {
        let (reply, stored) = oneshot::channel();
        self.submit(draft, from, from_phone, ReplyTo::Http(reply)).map_err(|(why, _)| why)?;
        match stored.await {
            Ok(Ok(stored)) => Ok(stored),
            Ok(Err(Unstored)) | Err(_) => Err(Refused::Busy),
        }
    }

    /// Revokes or focuses a message on request of `uid`.
    pub(crate) async fn act(
        &self,
        kind: ActKind,
        in_group: bool,
        mid: Id,
        uid: String,
    ) -> Result<(), ActError> {
        let places = Arc::clone(&self.0.places);
        let _place = places.try_acquire_owned().map_err(|_| ActError::Unavailable)?;
        let (done, outcome) = oneshot::channel();
        self.send_job(Job::Act(Box::new(Act { kind, in_group, mid, uid, done, _place })));
        outcome.await.unwrap_or(Err(ActError::Unavailable))
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.0.shared.counters
    }

    pub(crate) fn reads(&self) -> &ReadPool {
        &self.0.reads
    }

    /// Maximum number of concurrent answers.
    pub(crate) fn answers(&self) -> u16 {
        self.0.answers
    }

    pub(crate) fn membership(&self) -> &dyn Membership {
        &*self.0.shared.membership
    }

    /// Greatest id up to which everything can be read.
    pub(crate) fn committed(&self) -> i64 {
        self.0.shared.committed.load(Ordering::Acquire)
    }

    /// Records that an answer to `uid` covered everything up to `mid`.
    pub(crate) fn note_synced(&self, uid: &str, mid: i64, now: u64) {
        self.0.shared.marks.lock().note(uid, mid, now);
    }

    /// Sets the gateway for deliveries. Only the first call has an effect.
    pub(crate) fn deliver_through(&self, gateway: &Gateway) {
        self.0.gateway.get_or_init(|| GatewayOutlet::new(gateway.clone()));
    }
}

/// Messages per second of one user, in bursts of two seconds' worth; 0 for no limit.
fn message_rate(rate: u32) -> Rate {
    Rate::new(rate, Duration::from_secs(1), 2)
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
