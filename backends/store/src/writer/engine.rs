//! Writer without its queue: a batch of jobs in one transaction, then answers and deliveries.
//!
//! Nothing is answered and nothing delivered before the transaction is durable; if it fails, the
//! senders are refused and the state is unchanged. The order of ids is the order of commits and the
//! order of deliveries to each session.
//!
//! If the connection is lost during a commit, its outcome is in doubt: the senders are refused, and
//! before the next transaction the database tells, by the greatest id that it has. If the commit
//! took place, its deliveries are made up for then, and the senders are answered when they repeat.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use comet_dtalk::id::IdGenerator;
use comet_dtalk::message::{SignalReceived, SignalType};
use comet_sql::{Connection, Retry, Transaction};
use prost::Message as _;
use tokio::sync::oneshot;

use super::act::{Outgoing, Rules};
use super::change::{Effects, store_changes};
use super::committed::Committed;
use super::feeds::Feeds;
use super::job::{Act, ActError, Job, Submission};
use super::outlet::Outlet;
use super::plan::{Plan, plan};
use super::reply::Unstored;
use super::shared::{CommitError, Shared};
use crate::check::Draft;
use crate::db::{self, Appended, Deletion, OutSignal, WriteConnection};
use crate::entry::EntryKind;
use crate::outbox;
use crate::tag::Tag;

/// Ids per signal, so that it fits a frame.
const RECEIVED_PER_SIGNAL: usize = 500;

/// State of the writer.
pub(crate) struct Engine<S> {
    pub(super) writer_db: WriteConnection,
    ids: IdGenerator,
    revoke_within: Duration,
    pub(super) shared: Shared,
    pub(super) feeds: Feeds<S>,
    outbox: OutboxState,
    /// Commit whose outcome is in doubt, and the greatest id of the database if it took place.
    doubt: Option<(Committed, i64)>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.submissions.is_empty()
            && self.acts.is_empty()
            && self.acks.is_empty()
            && self.receipts.is_empty()
    }
}

/// Extent to which the outbox was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum OutboxState {
    /// All of it.
    Read,
    /// The next transaction reads it.
    Due,
    /// The same, and there is no reason to wait for it.
    More,
}

/// Results of writing a batch, before it is committed.
struct Written {
    appended: Appended,
    verdicts: Vec<Result<(), ActError>>,
    outgoing: Outgoing,
    positions: Vec<i64>,
    effects: Effects,
    /// Whether the outbox has more.
    more: bool,
}

impl Written {
    /// Greatest id assigned.
    fn last(&self, plan: &Plan) -> i64 {
        let messages = plan.messages.iter().map(|message| message.common.log_id);
        let signals = self.outgoing.signals.iter().map(|signal| signal.sid);
        let group_signals = self.outgoing.group_signals.iter().map(|common| common.log_id);
        let ids = messages.chain(signals).chain(group_signals).chain([self.effects.last]);
        ids.max().unwrap_or(0)
    }
}

/// Jobs that need the database.
#[derive(Default)]
struct Batch {
    submissions: Vec<Submission>,
    acts: Vec<Act>,
    acks: Vec<(Arc<str>, Tag)>,
    /// Acks of entries of groups.
    receipts: Vec<(Arc<str>, i64)>,
}

impl<S: Copy + Eq + Hash> Engine<S> {
    pub(crate) fn new(
        writer_db: WriteConnection,
        ids: IdGenerator,
        revoke_within: Duration,
        shared: Shared,
    ) -> Self {
        let feeds = Feeds::new(shared.clone());
        let outbox = OutboxState::Read;
        Self { writer_db, ids, revoke_within, shared, feeds, outbox, doubt: None }
    }

    /// The next turn reads the outbox.
    pub(crate) fn wake(&mut self) {
        self.outbox = OutboxState::More;
    }

    /// The next turn writes what may wait for a while.
    pub(crate) fn tick(&mut self) {
        self.feeds.receipts.make_due();
    }

    /// Whether another turn is to follow at once.
    pub(crate) fn has_more(&self) -> bool {
        self.outbox == OutboxState::More
    }

    /// Processes the jobs at `now`, Unix milliseconds. Returns the sender to notify once the writer
    /// has closed.
    pub(crate) async fn turn(
        &mut self,
        jobs: impl Iterator<Item = Job<S>>,
        now: u64,
        outlet: &mut impl Outlet<S>,
    ) -> Option<oneshot::Sender<()>> {
        let mut batch = Batch::default();
        let (mut deletions, mut flushes) = (Vec::new(), Vec::new());
        let mut close = None;
        for job in jobs {
            match job {
                Job::Send(submission) => batch.submissions.push(*submission),
                Job::Act(act) => batch.acts.push(*act),
                Job::Attach { session, client } => {
                    self.feeds.attach(session, &client, now, outlet);
                }
                Job::Park(session) => self.feeds.park(session),
                Job::Resume(session) => self.feeds.resume(session, outlet),
                Job::Lost { session, count, replay } => {
                    self.feeds.lost(session, count, replay, outlet);
                }
                Job::LostEntries { session, group, position, count } => {
                    self.feeds.lost_entries(session, group, (position, count), outlet);
                }
                Job::Detach(session) => self.feeds.detach(session),
                Job::Acked { session, tag, .. } => {
                    let uid = self.feeds.acked(session, tag, outlet);
                    batch.acks.extend(uid.map(|uid| (uid, tag)));
                }
                Job::Delete(deletion, done) => deletions.push((deletion, done)),
                Job::Flush(done) => flushes.push(done),
                Job::Close(done) => close = Some(done),
            }
        }
        // A flush while the database is failing checks whether it still does.
        let probe = !flushes.is_empty() && self.shared.counters.is_failing();
        if !flushes.is_empty() || close.is_some() {
            self.feeds.receipts.make_due();
        }
        batch.receipts = self.feeds.receipts.take_due();
        self.write(batch, probe, now, outlet).await;
        for (deletion, done) in deletions {
            // The task may have ended.
            let _gone = done.send(self.delete(*deletion).await);
        }
        self.shared.counters.sessions(self.feeds.len());
        for done in flushes {
            // The receiver may have stopped waiting.
            let _gone = done.send(());
        }
        close
    }

    async fn write(
        &mut self,
        mut batch: Batch,
        probe: bool,
        now: u64,
        outlet: &mut impl Outlet<S>,
    ) {
        let idle = self.outbox == OutboxState::Read && self.doubt.is_none();
        if batch.is_empty() && !probe && idle {
            return;
        }
        let (drafts, waiting): (Vec<_>, Vec<_>) = batch
            .submissions
            .drain(..)
            .map(|s| ((s.draft, s.from_phone), (s.reply_to, s.place)))
            .unzip();
        let began = Instant::now();
        let committed = match self.settle_doubt(outlet).await {
            Ok(()) => self.commit(drafts, &batch, now).await,
            Err(error) => Err(error.into()),
        };
        self.shared.counters.commit_took(began.elapsed());
        match committed {
            Ok(committed) => {
                self.log_success();
                self.shared.counters.committed(waiting.len(), committed.fresh().count());
                for ((reply_to, _place), place) in waiting.into_iter().zip(&committed.plan.places) {
                    reply_to.settle(Ok(committed.stored(*place)));
                }
                answer(batch.acts, &committed.verdicts);
                committed.deliver(&mut self.feeds, outlet);
            }
            Err(error) => {
                self.log_failure(&error);
                if self.outbox == OutboxState::More {
                    self.outbox = OutboxState::Due;
                }
                self.shared.counters.failed(waiting.len());
                waiting.into_iter().for_each(|(reply_to, _place)| reply_to.settle(Err(Unstored)));
                let failed = vec![Err(ActError::Unavailable); batch.acts.len()];
                answer(batch.acts, &failed);
            }
        }
    }

    /// Deletes what retention says, after the messages of the batch have been answered.
    async fn delete(&mut self, deletion: Deletion) -> bool {
        let deleted = self.writer_db.delete(deletion).await;
        match &deleted {
            Ok(deleted) => self.shared.counters.expired(*deleted),
            Err(error) => tracing::warn!(%error, "nothing deleted"),
        }
        deleted.is_ok()
    }

    /// One transaction for the whole batch, which is repeated when it met another one.
    async fn commit(
        &mut self,
        drafts: Vec<(Draft, bool)>,
        batch: &Batch,
        now: u64,
    ) -> Result<Committed, CommitError> {
        let plan = plan(drafts, &self.ids, now)?;
        let mut retry = Retry::new();
        let (tx, written, last) = loop {
            match self.attempt(&plan, batch, now).await {
                Err(CommitError::Database(error @ comet_sql::Error::Conflict(_))) => {
                    retry.after(error).await?;
                }
                outcome => break outcome?,
            }
        };
        let Written { appended, verdicts, outgoing, positions, effects, more } = written;
        let committed = Committed { plan, appended, verdicts, outgoing, positions, effects };
        match self.writer_db.commit(tx, last).await {
            Ok(()) => {
                self.shared.committed.store(last, Ordering::Release);
                self.outbox = if more { OutboxState::More } else { OutboxState::Read };
                Ok(committed)
            }
            Err(error) => {
                if matches!(error, comet_sql::Error::Lost(_)) && last > self.committed() {
                    self.doubt = Some((committed, last));
                }
                Err(error.into())
            }
        }
    }

    /// Writes the batch in a transaction, and returns the greatest id in it. If the transaction is
    /// dropped before its commit, it is rolled back.
    async fn attempt(
        &mut self,
        plan: &Plan,
        batch: &Batch,
        now: u64,
    ) -> Result<(Transaction, Written, i64), CommitError> {
        let mut tx = self.writer_db.begin().await?;
        let appended = db::append(&mut tx, &plan.messages).await?;
        let mut outgoing = Outgoing::default();
        mark(&mut tx, &batch.acks, &self.ids, now, &mut outgoing).await?;
        db::mark_entries(&mut tx, &batch.receipts).await?;
        let rules = Rules {
            membership: &*self.shared.membership,
            revoke_within: self.revoke_within,
            ids: &self.ids,
            now,
        };
        let mut verdicts = Vec::with_capacity(batch.acts.len());
        for act in &batch.acts {
            verdicts.push(rules.carry_out(&mut tx, act, &mut outgoing).await?);
        }
        db::insert_signals(&mut tx, &outgoing.signals, now).await?;
        let entries = outgoing.group_signals.iter().map(|common| (EntryKind::Signal, common));
        let positions = db::append_entries(&mut tx, &entries.collect::<Vec<_>>()).await?;
        let (changes, more) = match self.outbox {
            OutboxState::Read => (Vec::new(), false),
            OutboxState::Due | OutboxState::More => outbox::take(&mut tx).await?,
        };
        let effects = store_changes(&mut tx, changes, &self.ids, now).await?;
        let written = Written { appended, verdicts, outgoing, positions, effects, more };
        let last = written.last(plan).max(self.committed());
        db::mark_last(&mut tx, last).await?;
        Ok((tx, written, last))
    }

    /// Finds out whether the commit in doubt took place; if so, delivers.
    async fn settle_doubt(&mut self, outlet: &mut impl Outlet<S>) -> Result<(), comet_sql::Error> {
        if self.doubt.is_none() {
            return Ok(());
        }
        let found = self.writer_db.last_id().await?;
        let Some((committed, last)) = self.doubt.take() else { return Ok(()) };
        let took_place = found >= last;
        tracing::warn!(took_place, "commit settled whose outcome was in doubt");
        if took_place {
            self.shared.committed.store(last, Ordering::Release);
            let stored = committed.fresh().count();
            self.shared.counters.committed(stored, stored);
            committed.deliver(&mut self.feeds, outlet);
        }
        Ok(())
    }

    /// A full disk fails every batch, many times a second: one log entry is enough.
    fn log_failure(&self, error: &CommitError) {
        if self.shared.counters.turn_failing(true) {
            tracing::error!(%error, "messages cannot be stored");
        }
    }

    fn log_success(&self) {
        if self.shared.counters.turn_failing(false) {
            tracing::info!("messages can be stored again");
        }
    }

    pub(crate) async fn close(&mut self) {
        self.writer_db.close().await;
    }

    fn committed(&self) -> i64 {
        self.shared.committed.load(Ordering::Acquire)
    }
}

fn answer(acts: Vec<Act>, verdicts: &[Result<(), ActError>]) {
    for (act, &verdict) in acts.into_iter().zip(verdicts) {
        // A client that has disconnected learns it from the signal.
        let _gone = act.done.send(verdict);
    }
}

/// Marks messages acknowledged by phones as received, and notifies their senders.
async fn mark(
    tx: &mut Connection,
    acks: &[(Arc<str>, Tag)],
    ids: &IdGenerator,
    now: u64,
    outgoing: &mut Outgoing,
) -> Result<(), CommitError> {
    let (mut messages, mut signals) = (Vec::new(), Vec::new());
    for (uid, tag) in acks {
        match *tag {
            Tag::Message(mid) => messages.push((&**uid, mid)),
            Tag::Signal(sid) => signals.push((&**uid, sid)),
            Tag::Group(_) => {}
        }
    }
    db::mark_signals(tx, &signals, now).await?;
    let mut of_sender = BTreeMap::<String, Vec<i64>>::new();
    for received in db::mark_messages(tx, &messages).await? {
        of_sender.entry(received.sender).or_default().push(received.mid);
    }
    for (sender, mut mids) in of_sender {
        // Databases return rows in no particular order.
        mids.sort_unstable();
        let uid: Arc<str> = sender.into();
        for logs in mids.chunks(RECEIVED_PER_SIGNAL) {
            let sid = ids.next_at(now)?.get();
            let body = Bytes::from(SignalReceived { logs: logs.to_vec() }.encode_to_vec());
            let kind = SignalType::Received as i32;
            outgoing.signals.push(OutSignal { sid, uid: Arc::clone(&uid), kind, body });
        }
    }
    Ok(())
}
