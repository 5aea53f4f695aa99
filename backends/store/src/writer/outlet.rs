//! Where the writer's deliveries go.

use comet::{CommandError, Delivery, Gateway, Pass, Repeats, SessionId};
use comet_dtalk::clock;

use super::catch_up::Item;

/// The sessions' side, as the writer sees it.
pub(crate) trait Outlet<S> {
    /// Delivers to one session; `false` if there is no room now. In a `pass` it is delivered only
    /// if nothing that was pushed before it in the same pass has been given up.
    fn push(&mut self, session: S, item: &Item, pass: Option<Pass>) -> bool;

    /// Delivers to the members of a group that are connected.
    fn publish(&mut self, group: i64, item: &Item);

    /// Makes the session a member of what [`Outlet::publish`] reaches.
    fn join(&mut self, session: S, group: i64);

    /// Ends a session that cannot be served; its client comes back. `false` if there is no room
    /// now even for that.
    fn kick(&mut self, session: S) -> bool;
}

/// The room of a group.
pub(crate) fn room(group: i64) -> String {
    format!("g/{group}")
}

fn delivery(item: &Item) -> Delivery {
    Delivery::acked(item.body.clone()).tag(item.tag).position(item.position.unsigned_abs())
}

impl Outlet<SessionId> for Gateway {
    fn push(&mut self, session: SessionId, item: &Item, pass: Option<Pass>) -> bool {
        let delivery = delivery(item);
        let delivery = match pass {
            Some(pass) => delivery.replayable(pass),
            None => delivery,
        };
        // A gateway that has stopped has no sessions left to fall behind.
        !matches!(Self::push(self, session, delivery), Err(CommandError::Full))
    }

    fn publish(&mut self, group: i64, item: &Item) {
        let delivery = delivery(item);
        if let Err(error) = Self::publish(self, &room(group), delivery) {
            static REPEATS: Repeats = Repeats::new();
            if let Some(more) = REPEATS.admit(clock::unix()) {
                tracing::warn!(group, %error, "group message not delivered everywhere{more}");
            }
        }
    }

    fn join(&mut self, session: SessionId, group: i64) {
        if let Err(error) = Self::join(self, session, &room(group)) {
            static REPEATS: Repeats = Repeats::new();
            if let Some(more) = REPEATS.admit(clock::unix()) {
                tracing::warn!(%session, group, %error, "session not joined{more}");
            }
        }
    }

    fn kick(&mut self, session: SessionId) -> bool {
        let kicked = Self::kick(self, session, "message store failed");
        !matches!(kicked, Err(CommandError::Full))
    }
}

/// Before the first session there is nowhere to deliver to.
impl<S, O: Outlet<S>> Outlet<S> for Option<O> {
    fn push(&mut self, session: S, item: &Item, pass: Option<Pass>) -> bool {
        self.as_mut().is_none_or(|outlet| outlet.push(session, item, pass))
    }

    fn publish(&mut self, group: i64, item: &Item) {
        if let Some(outlet) = self {
            outlet.publish(group, item);
        }
    }

    fn join(&mut self, session: S, group: i64) {
        if let Some(outlet) = self {
            outlet.join(session, group);
        }
    }

    fn kick(&mut self, session: S) -> bool {
        self.as_mut().is_none_or(|outlet| outlet.kick(session))
    }
}
