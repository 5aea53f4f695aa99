//! The demo's only room: its members are all users who have signed in by name.

use std::sync::Arc;

use comet_dtalk::code::Code;
use comet_store::Membership;

use super::Demo;

/// The room's group id.
pub(crate) const ROOM: i64 = 1;

/// Membership of the room, and of all other groups.
#[derive(Debug)]
pub(crate) struct DemoRoom<M> {
    demo: Arc<Demo>,
    groups: M,
}

impl<M: Membership> DemoRoom<M> {
    pub(crate) fn new(demo: Arc<Demo>, groups: M) -> Self {
        Self { demo, groups }
    }
}

impl<M: Membership> Membership for DemoRoom<M> {
    fn may_send(&self, uid: &str, group: i64) -> Result<(), Code> {
        match (group == ROOM, self.demo.knows(uid)) {
            (true, true) => Ok(()),
            (true, false) => Err(Code::NOT_IN_GROUP),
            (false, _) => self.groups.may_send(uid, group),
        }
    }

    fn groups_of(&self, uid: &str) -> Vec<i64> {
        let mut groups = self.groups.groups_of(uid);
        groups.extend(self.demo.knows(uid).then_some(ROOM));
        groups
    }

    fn may_revoke(&self, uid: &str, group: i64, author: &str) -> bool {
        group != ROOM && self.groups.may_revoke(uid, group, author)
    }
}
