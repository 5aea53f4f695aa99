//! Answer to the sender of a message.

use comet::{Receipt, Refusal};
use comet_dtalk::code::Code;
use tokio::sync::oneshot;

use crate::body;

/// Stored message: the first one with its sender and client id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stored {
    /// Message id of the server.
    pub(crate) mid: i64,
    /// Server time in milliseconds.
    pub(crate) datetime: u64,
    /// Whether it was stored before.
    pub(crate) repeat: bool,
}

/// The message could not be stored now; a resend may succeed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("message was not stored")]
pub(crate) struct Unstored;

/// Waiting sender: on a socket, or in an HTTP handler.
#[derive(Debug)]
pub(crate) enum ReplyTo {
    Socket(Receipt),
    Http(oneshot::Sender<Result<Stored, Unstored>>),
}

impl ReplyTo {
    pub(crate) fn settle(self, outcome: Result<Stored, Unstored>) {
        match (self, outcome) {
            (Self::Socket(receipt), Ok(Stored { mid, datetime, .. })) => {
                receipt.ack(body::ack(mid, datetime));
            }
            (Self::Socket(receipt), Err(Unstored)) => {
                receipt.refuse(Refusal::later(Code::MESSAGE_NOT_SENT.0));
            }
            (Self::Http(waiting), outcome) => {
                // A client that has disconnected resends the message, and gets the same answer.
                let _gone = waiting.send(outcome);
            }
        }
    }
}
