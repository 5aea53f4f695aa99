//! Errors of a connection.

use std::io;

use comet_protocol::ws::WsError;
use comet_protocol::ws::handshake::ResponseError;

/// Reason for a failed or lost connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server closed the stream.
    #[error("ended by the server")]
    Ended,
    /// The server closed the WebSocket with this code.
    #[error("closed by the server, code {0:?}")]
    Closed(Option<u16>),
    /// The server did not upgrade to WebSocket.
    #[error("no WebSocket: {0}")]
    Upgrade(#[from] ResponseError),
    /// The server violated the WebSocket protocol.
    #[error("bad WebSocket frame: {0}")]
    WebSocket(#[from] WsError),
    /// The server sent a text message.
    #[error("text message")]
    Text,
    /// The server violated the frame format.
    #[error("bad frame: {0}")]
    Frame(#[from] comet_protocol::DecodeError),
    /// The server does not read: the output limit is reached.
    #[error("the server does not read")]
    Blocked,
    /// The connection timed out.
    #[error("not connected in time")]
    TimedOut,
}
