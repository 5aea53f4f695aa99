//! Reasons for the end of a connection.

use std::io;

use comet_protocol::ws::WsError;
use comet_protocol::ws::handshake::ResponseError;

use crate::dialect::GiveUpReason;

/// Reasons for the end of a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum DisconnectReason {
    #[error("{0}")]
    Socket(#[from] io::Error),
    #[error("the server ended the connection")]
    End,
    #[error("the server closed with code {code}: {reason:?}")]
    Closed { code: u16, reason: String },
    #[error("no WebSocket connection: {0}")]
    Upgrade(#[from] ResponseError),
    #[error("bad frame: {0}")]
    Frame(#[from] WsError),
    #[error("the transport was not open in time")]
    Late,
    #[error("{0} bytes wait that the server does not read")]
    Unread(usize),
    #[error(transparent)]
    GiveUpReason(#[from] GiveUpReason),
    #[error("cut")]
    Cut,
    #[error("given up")]
    Unwanted,
}
