//! What the writer is asked to do.

use std::sync::Arc;

use comet::Pass;
use comet_dtalk::id::Id;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::reply::Reply;
use crate::check::Draft;
use crate::tag::Tag;

/// One request, in the order in which the writer sees them.
#[derive(Debug)]
pub(crate) enum Job<S> {
    /// Store a message and deliver it.
    Send(Box<Submission>),
    /// Take back or mark a message.
    Act(Box<Act>),
    /// A session is open.
    Attach { session: S, client: Client },
    /// A session has lost its connection, and is kept.
    Park(S),
    /// A session that was parked has a connection again.
    Resume(S),
    /// So many deliveries to a session were given up; `replay` says from which on, and in which
    /// pass, it gets them again.
    Lost { session: S, count: usize, replay: Option<(Tag, Pass)> },
    /// A session is gone.
    Detach(S),
    /// A session acknowledged a delivery. The place is given back when that is noted.
    Acked { session: S, tag: Tag, _place: Option<OwnedSemaphorePermit> },
    /// Tell when everything before this is done.
    Flush(oneshot::Sender<()>),
    /// Close the database, tell, and end.
    Close(oneshot::Sender<()>),
}

/// Who is on the other side of a session.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) uid: Arc<str>,
    /// It gets what no phone has acknowledged, and what it acknowledges counts as received.
    pub(crate) phone: bool,
    /// It is told itself of what it misses, and asks for it.
    pub(crate) pulls: bool,
}

/// A message whose sender waits.
#[derive(Debug)]
pub(crate) struct Submission {
    /// Checked, with the sender filled in.
    pub(crate) draft: Draft,
    pub(crate) from_phone: bool,
    pub(crate) reply: Reply,
    /// Given back when the sender has been answered.
    pub(crate) place: OwnedSemaphorePermit,
}

/// What a user wants done to a stored message.
#[derive(Debug)]
pub(crate) struct Act {
    pub(crate) kind: ActKind,
    /// Whether the message went to a group.
    pub(crate) in_group: bool,
    pub(crate) mid: Id,
    pub(crate) uid: String,
    pub(crate) done: oneshot::Sender<Result<(), ActError>>,
    pub(crate) _place: OwnedSemaphorePermit,
}

/// The two things that can be done to a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ActKind {
    /// Take it back.
    Revoke,
    /// Draw attention to it.
    Focus,
}

/// Why nothing was done to a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ActError {
    /// There is no such message, at least not for this user.
    #[error("message does not exist")]
    Unknown,
    /// This user may not, or not any more.
    #[error("permission denied")]
    NotAllowed,
    /// Too much is waiting, or the database failed.
    #[error("message store is unavailable")]
    Unavailable,
}
