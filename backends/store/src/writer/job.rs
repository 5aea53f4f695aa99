//! Jobs of the writer.

use std::sync::Arc;

use comet::Pass;
use comet_dtalk::id::Id;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::reply::ReplyTo;
use crate::check::Draft;
use crate::db::Deletion;
use crate::tag::Tag;

/// Job, in the order in which the writer sees it.
#[derive(Debug)]
pub(crate) enum Job<S> {
    /// Store a message and deliver it.
    Send(Box<Submission>),
    /// Revoke or focus a message.
    Act(Box<Act>),
    /// A session is open.
    Attach { session: S, client: Client },
    /// A session has lost its connection, and is kept.
    Park(S),
    /// A session that was parked has a connection again.
    Resume(S),
    /// This many deliveries to a session were given up; `replay` has the first delivery to repeat,
    /// and the pass for it.
    Lost { session: S, count: usize, replay: Option<(Tag, Pass)> },
    /// So many entries of a group, from a position on, were given up on their way from its room.
    LostEntries { session: S, group: i64, position: i64, count: i64 },
    /// A session is gone.
    Detach(S),
    /// A session acknowledged a delivery. The place is released once the ack is recorded.
    Acked { session: S, tag: Tag, _place: Option<OwnedSemaphorePermit> },
    /// Delete what retention says, and tell whether it was deleted.
    Delete(Box<Deletion>, oneshot::Sender<bool>),
    /// Notify when all jobs before this one are done.
    Flush(oneshot::Sender<()>),
    /// Close the database, notify, and end.
    Close(oneshot::Sender<()>),
}

/// Client of a session.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) uid: Arc<str>,
    /// Whether it is a phone: it gets deliveries that no phone has acknowledged, and its acks count
    /// as received.
    pub(crate) phone: bool,
    /// Whether it is notified of missed messages and pulls them itself.
    pub(crate) pulls: bool,
}

/// Message with a waiting sender.
#[derive(Debug)]
pub(crate) struct Submission {
    /// Validated, with the sender filled in.
    pub(crate) draft: Draft,
    pub(crate) from_phone: bool,
    pub(crate) reply_to: ReplyTo,
    /// Released once the sender has been answered.
    pub(crate) place: OwnedSemaphorePermit,
}

/// Request of a user to change a stored message.
#[derive(Debug)]
pub(crate) struct Act {
    pub(crate) kind: ActKind,
    /// Whether the message was sent to a group.
    pub(crate) in_group: bool,
    pub(crate) mid: Id,
    pub(crate) uid: String,
    pub(crate) done: oneshot::Sender<Result<(), ActError>>,
    pub(crate) _place: OwnedSemaphorePermit,
}

/// Kinds of change to a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ActKind {
    /// Revoke it.
    Revoke,
    /// Focus it: draw attention to it.
    Focus,
    /// Mark its conversation as read up to it.
    Read,
}

/// Reason why a message was not changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ActError {
    /// The message does not exist, at least not for this user.
    #[error("message does not exist")]
    Unknown,
    /// The user is not permitted to, or not any more.
    #[error("permission denied")]
    NotAllowed,
    /// The queue is full, or the database failed.
    #[error("message store is unavailable")]
    Unavailable,
}
