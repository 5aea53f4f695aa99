//! The demo's only room: its members are all users who have signed in by name.

use std::sync::Arc;

use comet_dtalk::code::Code;
use comet_store::Membership;

use super::Demo;

/// The room's group id.
pub(crate) const ROOM: i64 = 1;

/// Membership of the room.
#[derive(Debug)]
pub(crate) struct DemoRoom(Arc<Demo>);

impl DemoRoom {
    pub(crate) fn new(demo: Arc<Demo>) -> Self {
        Self(demo)
    }
}

impl Membership for DemoRoom {
    fn may_send(&self, uid: &str, group: i64) -> Result<(), Code> {
        match (group == ROOM, self.0.knows(uid)) {
            (true, true) => Ok(()),
            (true, false) => Err(Code::NOT_IN_GROUP),
            (false, _) => Err(Code::GROUP_UNKNOWN),
        }
    }

    fn groups_of(&self, uid: &str) -> Vec<i64> {
        if self.0.knows(uid) { vec![ROOM] } else { Vec::new() }
    }
}
