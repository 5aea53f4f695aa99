//! [`Groups`]: the handle used by all other parts, and the transaction around each change.
//!
//! Changes of one group are made one after the other in this process, so that the view has the
//! order of the commits. Each runs in a task of its own: a caller that goes away does not keep the
//! view from what was committed. A connection that is lost during a commit leaves open whether it
//! succeeded; the number stored with the group tells.
//!
//! Not here: what a change consists of (`edit`), its rule (`operations`).

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use comet_dtalk::clock;
use comet_dtalk::code::Code;
use comet_dtalk::id::{Id, IdGenerator};
use comet_sql::{Error, Pool, Retry};
use comet_store::{Membership, Outbox};
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::config::Config;
use crate::db;
use crate::edit::{Edit, Operation, Scope, Written};
use crate::error::{GroupError, OpenError};
use crate::group::Group;
use crate::organisation::Organisation;
use crate::view::View;

/// Groups whose changes wait for each other by chance: those whose ids have the same remainder.
const TURNS: usize = 256;
/// Wait before a group is read again after the database failed.
const RELOAD: Duration = Duration::from_secs(1);

/// Groups of one database. A cheap handle; clones refer to the same groups.
///
/// Its HTTP interface is [`routes`](crate::routes); for the store it is the [`Membership`]. The
/// `force_` operations are for the organisation.
#[derive(Clone, Debug)]
pub struct Groups(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: Pool,
    scope: Scope,
    outbox: Outbox,
    turns: Vec<Mutex<()>>,
    organisation: OnceLock<Arc<dyn Organisation>>,
}

/// Group of a change.
#[derive(Debug)]
enum Start {
    Stored(i64),
    New(Box<Group>),
}

/// Outcome of one attempt.
#[derive(Debug)]
enum Attempt<A> {
    Committed(Written, A),
    /// The connection was lost during the commit.
    Unsure(Error, Written, A),
    /// An earlier attempt was committed.
    Earlier,
}

impl Groups {
    /// Creates the tables if there are none, and reads groups and members into memory. `pool` is of
    /// the database of the store, whose outbox this is. Requires a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if the tables can be neither created nor read.
    pub async fn open(pool: Pool, config: Config, outbox: Outbox) -> Result<Self, OpenError> {
        db::PART.migrate(&pool).await?;
        let mut last = 0;
        for statement in [db::last_group(), db::last_application()] {
            last = pool.read::<i64>(statement).await?.into_iter().fold(last, i64::max);
        }
        let ids = IdGenerator::after(config.node, Id::new(last));
        let view = View::load(&pool, now()).await?;
        let scope = Scope { config, ids, view };
        let turns = (0..TURNS).map(|_| Mutex::default()).collect();
        let organisation = OnceLock::new();
        Ok(Self(Arc::new(Inner { pool, scope, outbox, turns, organisation })))
    }

    /// Asks this organisation about people to be invited to its groups. Only the first call has an
    /// effect.
    pub fn ask(&self, organisation: Arc<dyn Organisation>) {
        let _only_the_first = self.0.organisation.set(organisation);
    }

    pub(crate) fn organisation(&self) -> Option<&dyn Organisation> {
        self.0.organisation.get().map(|organisation| &**organisation)
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.0.pool
    }

    pub(crate) fn view(&self) -> &View {
        &self.0.scope.view
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.scope.config
    }

    /// A new id.
    pub(crate) fn id(&self) -> Result<i64, GroupError> {
        Ok(self.0.scope.ids.next()?.get())
    }

    /// Changes a group.
    pub(crate) async fn change<O: Operation>(
        &self,
        group: i64,
        operation: O,
    ) -> Result<O::Answer, GroupError> {
        self.spawn(Start::Stored(group), operation).await
    }

    /// Stores a new group, whose number for people is found by and by.
    pub(crate) async fn insert<O: Operation>(
        &self,
        group: Group,
        operation: O,
    ) -> Result<O::Answer, GroupError> {
        self.spawn(Start::New(Box::new(group)), operation).await
    }

    async fn spawn<O: Operation>(
        &self,
        start: Start,
        operation: O,
    ) -> Result<O::Answer, GroupError> {
        let groups = self.clone();
        let change = tokio::spawn(async move { groups.run(start, operation).await });
        change.await.unwrap_or(Err(GroupError::Stopping))
    }

    async fn run<O: Operation>(&self, start: Start, operation: O) -> Result<O::Answer, GroupError> {
        let (id, number) = (start.id(), change_number()?);
        let _turn = self.turn(id).lock().await;
        let (mut retry, mut unsure) = (Retry::new(), None);
        let outcome = loop {
            let error = match self.attempt(&start, &operation, number).await {
                Ok(Attempt::Committed(written, answer)) => {
                    return Ok(self.publish(&written, answer));
                }
                Ok(Attempt::Earlier) => match unsure.take() {
                    Some((written, answer)) => return Ok(self.publish(&written, answer)),
                    // Two random numbers are the same.
                    None => break Code::INTERNAL.into(),
                },
                Ok(Attempt::Unsure(error, written, answer)) => {
                    unsure = Some((written, answer));
                    error
                }
                Err(GroupError::Database(error)) => error,
                Err(error) => break error,
            };
            if let Err(error) = retry.after(error).await {
                break error.into();
            }
        };
        if unsure.is_some() {
            self.reload_later(id);
        }
        Err(outcome)
    }

    async fn attempt<O: Operation>(
        &self,
        start: &Start,
        operation: &O,
        number: i64,
    ) -> Result<Attempt<O::Answer>, GroupError> {
        let Inner { pool, scope, outbox, .. } = &*self.0;
        let mut tx = pool.begin().await?;
        let found = db::locked(&mut tx, start.id()).await?;
        if found.as_ref().is_some_and(|group| group.change == number) {
            tx.commit().await?;
            return Ok(Attempt::Earlier);
        }
        let mut edit = match (start, found) {
            (Start::Stored(_), Some(group)) => Edit::of(&mut tx, scope, group, now()),
            (Start::New(group), None) => {
                let mut group = Group::clone(group);
                group.profile.mark_id = unused_mark(&mut tx).await?;
                Edit::new(&mut tx, scope, group, now())
            }
            (Start::Stored(_), None) => {
                tx.commit().await?;
                return Err(Code::GROUP_UNKNOWN.into());
            }
            (Start::New(_), Some(_)) => return Err(Code::INTERNAL.into()),
        };
        let answer = match operation.run(&mut edit).await {
            Ok(answer) => answer,
            Err(refused @ GroupError::Refused(_)) => {
                // Nothing was written: the connection is as good as before.
                tx.commit().await?;
                return Err(refused);
            }
            Err(error) => return Err(error),
        };
        let is_new = matches!(start, Start::New(_));
        let written = edit.write(number).await.map_err(|error| match error {
            // Another group got the same number for people in the meantime.
            Error::Constraint(cause) if is_new => Error::Conflict(cause),
            error => error,
        })?;
        outbox.append(&mut tx, written.group.id, &written.changes).await?;
        Ok(match tx.commit().await {
            Ok(()) => Attempt::Committed(written, answer),
            Err(error @ Error::Lost(_)) => Attempt::Unsure(error, written, answer),
            Err(error) => return Err(error.into()),
        })
    }

    fn publish<A>(&self, written: &Written, answer: A) -> A {
        self.view().apply(&written.group, &written.writes);
        if !written.changes.is_empty() {
            self.0.outbox.wake();
        }
        answer
    }

    fn turn(&self, group: i64) -> &Mutex<()> {
        // In range, and the same for each change of a group.
        #[expect(clippy::cast_possible_truncation, reason = "less than the number of turns")]
        let index = group.rem_euclid(TURNS as i64) as usize;
        &self.0.turns[index]
    }

    /// Reads a group anew as soon as the database answers: whether its last change was committed is
    /// unknown.
    fn reload_later(&self, group: i64) {
        let groups = self.clone();
        tokio::spawn(async move {
            loop {
                sleep(RELOAD).await;
                let _turn = groups.turn(group).lock().await;
                match groups.view().reload(groups.pool(), group, now()).await {
                    Ok(()) => break,
                    Err(Error::Closed) => return,
                    Err(error) => tracing::warn!(%error, group, "group not read again"),
                }
            }
            groups.0.outbox.wake();
        });
    }
}

impl Start {
    fn id(&self) -> i64 {
        match self {
            Self::Stored(id) => *id,
            Self::New(group) => group.id,
        }
    }
}

impl Membership for Groups {
    fn may_send(&self, uid: &str, group: i64) -> Result<(), Code> {
        self.view().may_send(uid, group, now())
    }

    fn groups_of(&self, uid: &str) -> Vec<i64> {
        self.view().groups_of(uid)
    }

    fn may_revoke(&self, uid: &str, group: i64, author: &str) -> bool {
        self.view().may_revoke(uid, group, author)
    }
}

/// Unix milliseconds.
pub(crate) fn now() -> i64 {
    clock::unix_ms().cast_signed()
}

/// Number of a change, which no other change of the group has.
fn change_number() -> Result<i64, GroupError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random)?;
    Ok(i64::from_be_bytes(random))
}

/// Eight random digits that no group has.
async fn unused_mark(db: &mut comet_sql::Connection) -> Result<String, GroupError> {
    loop {
        let mut random = [0; 4];
        getrandom::fill(&mut random)?;
        let mark_id = (10_000_000 + u32::from_be_bytes(random) % 90_000_000).to_string();
        if db::count_mark(db, &mark_id).await? == 0 {
            return Ok(mark_id);
        }
    }
}
