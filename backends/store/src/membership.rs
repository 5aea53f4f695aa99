//! What the store asks about groups. Their backend answers; without one there are none.

use comet_dtalk::code::Code;

/// Who is in which group. Called on shard threads and by the writer: answers from memory, at once.
pub trait Membership: Send + Sync {
    /// Whether the user may send to the group now.
    ///
    /// # Errors
    ///
    /// The code that tells the user why not.
    fn may_send(&self, uid: &str, group: i64) -> Result<(), Code>;

    /// The groups whose messages the user gets.
    fn groups_of(&self, uid: &str) -> Vec<i64>;

    /// Whether the user may take back what `author` wrote in the group. Authors may in any case.
    fn may_revoke(&self, uid: &str, group: i64, author: &str) -> bool {
        let _ = (uid, group, author);
        false
    }
}

/// A world without groups.
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
