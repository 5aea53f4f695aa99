//! Requests of peers about rooms.

use bytes::Bytes;

use crate::delivery::Kind;

/// A peer asks something about a room, in a dialect that has such requests.
///
/// The router decides, and carries out what it grants: by
/// [`Gateway::join`](crate::Gateway::join) for instance, before it answers.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RoomRequest {
    /// To be in this room, too.
    Join {
        /// Its name.
        room: String,
    },
    /// To be in this room no longer.
    Leave {
        /// Its name.
        room: String,
    },
    /// To be in this room instead of the one before: a goim client.
    Change {
        /// Its name; `None` to be in no room.
        room: Option<String>,
    },
    /// To get pushes of these ops, too: a goim client.
    Watch {
        /// Numbers of the application's, separated by commas, as the client wrote them.
        ops: String,
    },
    /// To get pushes of these ops no longer: a goim client.
    Unwatch {
        /// The same form.
        ops: String,
    },
    /// To deliver to all members of this room.
    Publish {
        /// Its name.
        room: String,
        /// The kind of body.
        kind: Kind,
        /// What is to be delivered.
        body: Bytes,
    },
}
