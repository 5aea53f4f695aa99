//! A connection that is to take over from the one that a session is on.

use super::Time;
use super::connection::Connection;

/// The connection that is to take over.
#[derive(Debug)]
pub(super) struct Successor {
    pub(super) connection: Connection,
    /// Deadline of the welcome, once it is connected.
    pub(super) deadline: Option<Time>,
}
