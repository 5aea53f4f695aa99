//! What reaches a client from its connection.

/// An event for a client.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Arrived {
    /// The connection is established.
    Open,
    /// Bytes; on WebSocket, a message.
    Bytes(Vec<u8>),
    /// Bytes of a lane.
    Lane(u8, Vec<u8>),
    /// A datagram.
    Datagram(Vec<u8>),
    /// The connection is closed.
    Closed,
    /// The input is not valid WebSocket.
    Invalid,
}
