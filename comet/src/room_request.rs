//! Requests of peers about rooms.

use bytes::Bytes;

use crate::delivery::Kind;

/// A request of a peer about a room, in a dialect that has such requests.
///
/// The router decides, and carries out the requests that it grants, by
/// [`Gateway::join`](crate::Gateway::join) for instance, before it answers.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RoomRequest {
    /// Join this room as well.
    Join {
        /// Its name.
        room: String,
    },
    /// Leave this room.
    Leave {
        /// Its name.
        room: String,
    },
    /// Change to this room from the previous one: a goim client.
    Change {
        /// Its name; `None` to leave without joining another.
        room: Option<String>,
    },
    /// Subscribe to pushes of these ops as well: a goim client.
    Watch {
        /// Op numbers of the application, comma-separated, as sent by the client.
        ops: String,
    },
    /// Unsubscribe from pushes of these ops: a goim client.
    Unwatch {
        /// In the same form.
        ops: String,
    },
    /// Deliver to all members of this room.
    Publish {
        /// Its name.
        room: String,
        /// The kind of body.
        kind: Kind,
        /// The body.
        body: Bytes,
    },
}
