//! Outbox: changes of groups that another backend has made, with what the members are to learn.
//!
//! The entries are written in the transaction of the change itself, so that neither is ever without
//! the other, also across a crash. The writer takes them in the order of their numbers, assigns
//! positions in the group's timeline, stores and delivers.
//!
//! Not here: what a change means (the group backend), and how it is delivered (`writer`).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use comet_dtalk::clock;
use comet_dtalk::message::SignalType;
use comet_sql::{Connection, Error, FromRow, Row, insert, sql};
use tokio::sync::Notify;

/// What happens in a group, in the order in which its members are to see it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// These users are members from here on: they get what comes after it, on every device.
    Join(Vec<String>),
    /// These users are members up to here: they get what came before it.
    Leave(Vec<String>),
    /// All members leave, and the group is gone.
    Dissolve,
    /// A message of type Notice.
    Notice {
        /// Its author: the operator. Clients drop a notice without one.
        from: String,
        /// The encoded notice.
        body: Bytes,
    },
    /// A reliable signal to the members.
    Signal {
        /// Its type.
        kind: SignalType,
        /// The encoded body of that type.
        body: Bytes,
    },
    /// A reliable signal to one user, a member or not.
    SignalTo {
        /// The user.
        user: String,
        /// Its type.
        kind: SignalType,
        /// The encoded body of that type.
        body: Bytes,
    },
}

const COLUMNS: [&str; 6] = ["id", "group_id", "type", "name", "signal_type", "body"];

/// Entries taken in one transaction.
const TAKEN: usize = 256;

/// Between the names of users, of which none contains it.
const SEPARATOR: &str = "\0";

impl Change {
    /// Values of `type`, `name`, `signal_type` and `body`.
    fn columns(&self) -> (i64, &str, i64, Bytes) {
        match self {
            Self::Join(users) => (0, "", 0, users.join(SEPARATOR).into()),
            Self::Leave(users) => (1, "", 0, users.join(SEPARATOR).into()),
            Self::Dissolve => (2, "", 0, Bytes::new()),
            Self::Notice { from, body } => (3, from, 0, body.clone()),
            Self::Signal { kind, body } => (4, "", (*kind as i32).into(), body.clone()),
            Self::SignalTo { user, kind, body } => (5, user, (*kind as i32).into(), body.clone()),
        }
    }

    /// The change of these columns; `None` if it is of no known type.
    fn of_columns(kind: i64, name: String, signal: i32, body: Bytes) -> Option<Self> {
        let users = || {
            let users = str::from_utf8(&body).ok()?.split(SEPARATOR).map(str::to_owned);
            Some(users.filter(|user| !user.is_empty()).collect())
        };
        let signal = || SignalType::try_from(signal).ok();
        Some(match kind {
            0 => Self::Join(users()?),
            1 => Self::Leave(users()?),
            2 => Self::Dissolve,
            3 => Self::Notice { from: name, body },
            4 => Self::Signal { kind: signal()?, body },
            5 => Self::SignalTo { user: name, kind: signal()?, body },
            _ => return None,
        })
    }
}

/// Entry of the outbox.
struct Entry {
    id: i64,
    group: i64,
    /// `None` if it is of no known type.
    change: Option<Change>,
}

impl FromRow for Entry {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let (kind, name): (i64, String) = (row.get(2)?, row.get(3)?);
        let (signal, body): (i32, Vec<u8>) = (row.get(4)?, row.get(5)?);
        let change = Change::of_columns(kind, name, signal, body.into());
        Ok(Self { id: row.get(0)?, group: row.get(1)?, change })
    }
}

/// Takes the first entries out of the outbox, each with its group; whether there may be more.
pub(crate) async fn take(tx: &mut Connection) -> Result<(Vec<(i64, Change)>, bool), Error> {
    let entries = "SELECT id, group_id, type, name, signal_type, body FROM comet_outbox
                   ORDER BY id LIMIT ?";
    let entries: Vec<Entry> = sql(entries).bind(TAKEN as i64).all(tx).await?;
    if entries.is_empty() {
        return Ok((Vec::new(), false));
    }
    let ids = entries.iter().map(|entry| entry.id);
    sql("DELETE FROM comet_outbox WHERE id IN ").list(ids).execute(tx).await?;
    let more = entries.len() == TAKEN;
    let change = |Entry { id, group, change }| {
        if change.is_none() {
            tracing::error!(id, group, "unknown change of a group left out");
        }
        Some((group, change?))
    };
    Ok((entries.into_iter().filter_map(change).collect(), more))
}

/// The way into the outbox. Clones are handles to the same one.
#[derive(Clone, Debug, Default)]
pub struct Outbox(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The last number given out.
    last: AtomicI64,
    waiting: Notify,
}

impl Outbox {
    /// Appends the changes of a group to the transaction in which they are made. The caller holds a
    /// lock on the group's row, so that the changes of one group have the order of their commits;
    /// after the commit it calls [`Outbox::wake`].
    ///
    /// # Errors
    ///
    /// [`Error`]
    pub async fn append(
        &self,
        tx: &mut Connection,
        group: i64,
        changes: &[Change],
    ) -> Result<(), Error> {
        let rows = changes.iter().map(|change| {
            let (kind, name, signal, body) = change.columns();
            let (id, body) = (self.number(), body.to_vec());
            [id.into(), group.into(), kind.into(), name.into(), signal.into(), body.into()]
        });
        insert("comet_outbox", &COLUMNS).rows(rows).execute(tx).await
    }

    /// A number greater than any before, also those of an earlier run.
    fn number(&self) -> i64 {
        let now = i64::try_from(clock::unix_ms() * 1_000).unwrap_or(i64::MAX);
        let next = |last: i64| Some(now.max(last + 1));
        let last = self.0.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        now.max(last.unwrap_or_default() + 1)
    }

    /// Returns once there may be new entries.
    pub(crate) async fn woken(&self) {
        self.0.waiting.notified().await;
    }

    /// Has the writer look for entries that were committed.
    pub fn wake(&self) {
        self.0.waiting.notify_one();
    }
}
