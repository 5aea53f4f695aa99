//! Outlet from the store to the gateway, optionally with a defect.

use super::*;

/// Outlet to the gateway. A defective one pushes a repeated item only after the next new one.
pub(super) struct TestOutlet {
    pub(super) inner: Arc<GatewayOutlet>,
    pub(super) is_defective: bool,
    /// Ids pushed so far.
    pub(super) pushed: HashSet<i64>,
    pub(super) late: Vec<(Item, Option<Pass>)>,
}

impl Outlet<SessionId> for TestOutlet {
    fn push(&mut self, session: SessionId, item: &Item, pass: Option<Pass>) -> bool {
        if self.is_defective && !self.pushed.insert(item.id) {
            self.late.push((item.clone(), pass));
            return true;
        }
        let has_room = self.inner.push(session, item, pass);
        self.late.drain(..).for_each(|(item, pass)| {
            self.inner.push(session, &item, pass);
        });
        has_room
    }

    fn hold(&mut self, bytes: usize) -> bool {
        self.inner.hold(bytes)
    }

    fn publish(&mut self, group: i64, item: &Item) {
        self.inner.publish(group, item);
    }

    fn join(&mut self, session: SessionId, group: i64) {
        self.inner.join(session, group);
    }

    fn leave(&mut self, session: SessionId, group: i64) {
        self.inner.leave(session, group);
    }

    fn dissolve(&mut self, group: i64) {
        self.inner.dissolve(group);
    }

    fn kick(&mut self, session: SessionId) -> bool {
        self.inner.kick(session)
    }
}
