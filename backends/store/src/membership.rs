//! Group membership as needed by the store. Implemented by the group backend; without one there are
//! no groups.

use comet_dtalk::code::Code;

/// Membership of groups. Called on shard threads and by the writer: must answer from memory,
/// without blocking.
pub trait Membership: Send + Sync {
    /// Whether the user may send to the group now.
    ///
    /// # Errors
    ///
    /// The code that gives the user the reason.
    fn may_send(&self, uid: &str, group: i64) -> Result<(), Code>;

    /// Groups whose messages are delivered to the user.
    fn groups_of(&self, uid: &str) -> Vec<i64>;

    /// Whether the user may revoke a message of `author` in the group. Authors may
    /// regardless.
    fn may_revoke(&self, uid: &str, group: i64, author: &str) -> bool {
        let _ = (uid, group, author);
        false
    }
}

/// No groups at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoGroups;

impl Membership for NoGroups {
    fn may_send(&self, _uid: &str, _group: i64) -> Result<(), Code> {
        Err(Code::GROUP_UNKNOWN)
    }

    fn groups_of(&self, _uid: &str) -> Vec<i64> {
        Vec::new()
    }
}
