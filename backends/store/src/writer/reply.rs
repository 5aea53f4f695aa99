//! Who waits for a message to be stored.

use comet::{Receipt, Refusal};
use comet_dtalk::code::Code;
use tokio::sync::oneshot;

use crate::body;

/// A stored message: the first one with its sender and client id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stored {
    /// The server's id of the message.
    pub(crate) mid: i64,
    /// Server time in milliseconds.
    pub(crate) datetime: u64,
}

/// The message could not be stored now; sending it again may succeed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("message was not stored")]
pub(crate) struct Unstored;

/// The waiting sender: on a socket, or in an HTTP handler.
#[derive(Debug)]
pub(crate) enum Reply {
    Socket(Receipt),
    Http(oneshot::Sender<Result<Stored, Unstored>>),
}

impl Reply {
    pub(crate) fn settle(self, outcome: Result<Stored, Unstored>) {
        match (self, outcome) {
            (Self::Socket(receipt), Ok(Stored { mid, datetime })) => {
                receipt.ack(body::ack(mid, datetime));
            }
            (Self::Socket(receipt), Err(Unstored)) => {
                receipt.refuse(Refusal::later(Code::MESSAGE_NOT_SENT.0));
            }
            (Self::Http(waiting), outcome) => {
                // A client that went away asks again, and gets the same answer.
                let _gone = waiting.send(outcome);
            }
        }
    }
}
