//! The engine on a real database, with numbers as sessions.

mod acting;
mod catching_up;
mod changing;
mod failing;
mod gateway;
mod oracle;
mod receiving;
mod repairing;
mod replaying_groups;
mod running;
mod storing;
mod timeline;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use comet::Pass;
use comet_dtalk::code::Code;
use comet_dtalk::id::{Id, IdGenerator, Node};
use comet_dtalk::message::{Common, Proto, Signal};
use comet_sql::{FromRow, Loan, Statement, sql};
use comet_sql_testing::{Database, Kind, on_each_database};
use parking_lot::Mutex;
use prost::Message as _;
use tokio::sync::{Semaphore, oneshot};

use super::job::{Act, ActError, ActKind, Client, Job, Submission};
use super::reply::{ReplyTo, Stored, Unstored};
use super::{Engine, Outlet, Shared};
use crate::catch_up::Item;
use crate::check::check;
use crate::db::{self, ReadPool, Timeouts};
use crate::stats::Counters;
use crate::sync_marks::SyncMarks;
use crate::testing::{proto_of, text};
use crate::{Change, Membership, Outbox, Stats};

const NOW: u64 = 1_700_000_000_000;
/// Load on the machine must not cause a failure.
const LONG_TIMEOUTS: Timeouts =
    Timeouts { busy: Duration::from_secs(60), reader: Duration::from_secs(60) };
/// Page cache in bytes.
const CACHE: usize = 1024 * 1024;
/// For tests that keep the database locked until a failure is seen.
const SHORT_TIMEOUTS: Timeouts = Timeouts { busy: Duration::from_millis(50), ..LONG_TIMEOUTS };

type Answer = oneshot::Receiver<Result<Stored, Unstored>>;

/// Change of a room, with the number of deliveries published before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Room {
    Joined(u32, i64, usize),
    Left(u32, i64, usize),
    Dissolved(i64, usize),
}

/// Output of the engine.
#[derive(Default)]
struct Recorder {
    pushed: Vec<(u32, Item)>,
    published: Vec<(i64, Item)>,
    joined: Vec<(u32, i64)>,
    rooms: Vec<Room>,
    kicked: Vec<u32>,
    /// Sessions without room.
    full: HashSet<u32>,
    /// Pass in which a session accepts deliveries, if not the first.
    passes: HashMap<u32, Pass>,
    /// Bytes held, and their limit; `None` for no limit.
    held: usize,
    most_held: Option<usize>,
}

impl Outlet<u32> for Recorder {
    fn push(&mut self, session: u32, item: &Item, pass: Option<Pass>) -> bool {
        let room = !self.full.contains(&session);
        let expected = self.passes.get(&session).copied().unwrap_or_default();
        if room && pass.is_none_or(|pass| pass == expected) {
            self.pushed.push((session, item.clone()));
        }
        room
    }

    fn hold(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.held || self.most_held.is_none_or(|most| bytes <= most);
        if fits {
            self.held = bytes;
        }
        fits
    }

    fn publish(&mut self, group: i64, item: &Item) {
        self.published.push((group, item.clone()));
    }

    fn join(&mut self, session: u32, group: i64) {
        self.joined.push((session, group));
        self.rooms.push(Room::Joined(session, group, self.published.len()));
    }

    fn leave(&mut self, session: u32, group: i64) {
        self.rooms.push(Room::Left(session, group, self.published.len()));
    }

    fn dissolve(&mut self, group: i64) {
        self.rooms.push(Room::Dissolved(group, self.published.len()));
    }

    fn kick(&mut self, session: u32) -> bool {
        let room = !self.full.contains(&session);
        if room {
            self.kicked.push(session);
        }
        room
    }
}

/// Group 77 has alice and bob; carol may revoke messages of others in it.
struct Group77;

impl Membership for Group77 {
    fn may_send(&self, uid: &str, group: i64) -> Result<(), Code> {
        if self.groups_of(uid).contains(&group) { Ok(()) } else { Err(Code::NOT_IN_GROUP) }
    }

    fn groups_of(&self, uid: &str) -> Vec<i64> {
        if uid == "alice" || uid == "bob" { vec![77] } else { vec![] }
    }

    fn may_revoke(&self, uid: &str, group: i64, author: &str) -> bool {
        (uid, group, author) == ("carol", 77, "bob")
    }
}

struct World {
    engine: Engine<u32>,
    reads: ReadPool,
    shared: Shared,
    out: Recorder,
    now: u64,
    outbox: Outbox,
    database: Arc<Database>,
}

impl World {
    async fn new(database: Database) -> Self {
        Self::open(Arc::new(database), NOW, LONG_TIMEOUTS).await
    }

    async fn impatient(database: Database) -> Self {
        Self::open(Arc::new(database), NOW, SHORT_TIMEOUTS).await
    }

    async fn open(database: Arc<Database>, now: u64, timeouts: Timeouts) -> Self {
        let opened = db::open(database.location(), 2, CACHE, timeouts).await.unwrap();
        let shared = Shared {
            membership: Arc::new(Group77),
            marks: Arc::new(Mutex::new(SyncMarks::default())),
            committed: Arc::new(AtomicI64::new(opened.last.map_or(0, Id::get))),
            counters: Arc::new(Counters::default()),
        };
        let ids = IdGenerator::after(Node::default(), opened.last);
        let hour = Duration::from_secs(3600);
        let engine = Engine::new(opened.writer_db, ids, hour, shared.clone());
        let (reads, out, outbox) = (opened.reads, Recorder::default(), Outbox::default());
        Self { engine, reads, shared, out, now, outbox, database }
    }

    /// As after a crash: nothing is closed first.
    async fn reopen(self) -> Self {
        let (database, now) = (Arc::clone(&self.database), self.now);
        drop(self);
        Self::open(database, now, LONG_TIMEOUTS).await
    }

    async fn turn(&mut self, jobs: impl IntoIterator<Item = Job<u32>>) {
        self.now += 1000;
        let close = self.engine.turn(jobs.into_iter(), self.now, &mut self.out).await;
        assert!(close.is_none());
    }

    /// Reads pages until no session waits for one.
    async fn read_pages(&mut self) {
        while let Some(request) = self.engine.feeds.next_read() {
            let groups = self.shared.membership.groups_of(&request.uid);
            let page = self.reads.page(&request.uid, request.range, &groups).await;
            self.engine.feeds.page_read(&request, page, &mut self.out);
        }
    }

    /// Writes changes of a group into the outbox, as the group backend does.
    async fn write_changes(&self, group: i64, changes: &[Change]) {
        let mut tx = self.database.pool().begin().await.unwrap();
        self.outbox.append(&mut tx, group, changes).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The same, and one turn for them.
    async fn change(&mut self, group: i64, changes: &[Change]) {
        self.write_changes(group, changes).await;
        self.engine.wake();
        self.turn([]).await;
    }

    /// One turn for one new message.
    async fn send(&mut self, from: &str, target: &str, msg_id: &str) -> Stored {
        let (job, answer) = send(from, &text(msg_id, target, "hi"));
        self.turn([job]).await;
        answer.await.unwrap().unwrap()
    }

    async fn act(
        &mut self,
        kind: ActKind,
        group: bool,
        mid: i64,
        uid: &str,
    ) -> Result<(), ActError> {
        let (job, outcome) = act(kind, group, mid, uid);
        self.turn([job]).await;
        outcome.await.unwrap()
    }

    /// Deliveries pushed to a session since the last call.
    fn taken(&mut self, session: u32) -> Vec<Item> {
        let (taken, rest) = self.out.pushed.drain(..).partition(|&(to, _)| to == session);
        self.out.pushed = rest;
        Vec::into_iter(taken).map(|(_, item)| item).collect()
    }

    /// Their ids.
    fn taken_ids(&mut self, session: u32) -> Vec<i64> {
        self.taken(session).iter().map(|item| item.id).collect()
    }

    fn committed(&self) -> i64 {
        self.shared.committed.load(Ordering::Acquire)
    }

    fn stats(&self) -> Stats {
        self.shared.counters.read()
    }

    /// A foreign connection to the database.
    async fn connection(&self) -> Loan {
        self.database.pool().lend().await.unwrap()
    }

    async fn rows<T: FromRow>(&self, query: Statement<'_>) -> Vec<T> {
        let mut db = self.connection().await;
        query.all(&mut db).await.unwrap()
    }

    /// Log of a user: id, other user, type, state and number of each row.
    async fn log(&self, uid: &str) -> Vec<(i64, String, i64, i64, i64)> {
        let log = "SELECT mid, other_uid, type, state, owner_seq FROM dtalk_msg_relation
                   WHERE owner_uid = ? ORDER BY mid";
        self.rows(sql(log).bind(uid)).await
    }

    async fn count(&self, table: &'static str) -> i64 {
        self.rows::<i64>(sql("SELECT count(*) FROM ").then(table)).await[0]
    }
}

/// For what is not known of the database, or is of SQLite alone.
async fn sqlite() -> Database {
    Database::new(Kind::Sqlite).await
}

fn send_from<S>(from: &str, common: &Common, from_phone: bool) -> (Job<S>, Answer) {
    let mut draft = check(proto_of(common)).unwrap();
    draft.common.from = from.into();
    let (reply, answer) = oneshot::channel();
    let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    let submission = Submission { draft, from_phone, reply_to: ReplyTo::Http(reply), place };
    (Job::Send(Box::new(submission)), answer)
}

fn send(from: &str, common: &Common) -> (Job<u32>, Answer) {
    send_from(from, common, false)
}

fn to_group(msg_id: &str) -> Common {
    to_this_group("77", msg_id)
}

fn to_this_group(group: &str, msg_id: &str) -> Common {
    Common { channel_type: 1, ..text(msg_id, group, "hi") }
}

fn act(
    kind: ActKind,
    in_group: bool,
    mid: i64,
    uid: &str,
) -> (Job<u32>, oneshot::Receiver<Result<(), ActError>>) {
    let (done, outcome) = oneshot::channel();
    let _place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    let mid = Id::new(mid).unwrap();
    (Job::Act(Box::new(Act { kind, in_group, mid, uid: uid.into(), done, _place })), outcome)
}

fn phone(session: u32, uid: &str) -> Job<u32> {
    attach(session, uid, true)
}

fn desktop(session: u32, uid: &str) -> Job<u32> {
    attach(session, uid, false)
}

fn attach(session: u32, uid: &str, phone: bool) -> Job<u32> {
    Job::Attach { session, client: Client { uid: uid.into(), phone, pulls: false } }
}

fn acked(session: u32, item: &Item) -> Job<u32> {
    Job::Acked { session, tag: crate::tag::Tag::decode(item.tag).unwrap(), _place: None }
}

fn joining(users: &[&str]) -> Change {
    Change::Join(users.iter().map(|&user| user.into()).collect())
}

fn leaving(users: &[&str]) -> Change {
    Change::Leave(users.iter().map(|&user| user.into()).collect())
}

fn notice(from: &str) -> Change {
    Change::Notice { from: from.into(), body: "what happened".into() }
}

/// Message carried by an item.
fn message_in(item: &Item) -> Common {
    let proto = Proto::decode(item.body.clone()).unwrap();
    assert_eq!(proto.event_type, 0);
    Common::decode(proto.body).unwrap()
}

/// Signal carried by an item.
fn signal_in(item: &Item) -> Signal {
    let proto = Proto::decode(item.body.clone()).unwrap();
    assert_eq!(proto.event_type, 2);
    Signal::decode(proto.body).unwrap()
}
