//! Where the writer's deliveries go.

use std::sync::Arc;

use comet::{CommandError, Delivery, Gateway, Pass, Repeats, Reservation, SessionId};
use comet_dtalk::clock;
use parking_lot::Mutex;

use super::catch_up::Item;

/// The sessions' side, as the writer sees it.
pub(crate) trait Outlet<S> {
    /// Delivers to one session; `false` if there is no room now. In a `pass` it is delivered only
    /// if nothing that was pushed before it in the same pass has been given up.
    fn push(&mut self, session: S, item: &Item, pass: Option<Pass>) -> bool;

    /// Delivers the same to several sessions in one pass. Returns those without room.
    fn push_many(&mut self, sessions: &[S], item: &Item, pass: Option<Pass>) -> Vec<S>
    where
        S: Copy,
    {
        sessions.iter().copied().filter(|&session| !self.push(session, item, pass)).collect()
    }

    /// Says how many bytes are held for sessions that catch up, in all. `false` if there is no
    /// memory for more than before.
    fn hold(&mut self, _bytes: usize) -> bool {
        true
    }

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

/// Of all memory that the gateway lends, what is held for sessions that catch up at most: the rest
/// is for answers over HTTP. What there is no memory for is read from the database later.
const HELD_SHARE: usize = 4;

/// The gateway, and what is charged to its memory budget for sessions that catch up.
#[derive(Debug)]
pub(crate) struct Way {
    gateway: Gateway,
    /// Only the writer changes it.
    held: Mutex<Option<Reservation>>,
}

impl Way {
    pub(crate) fn new(gateway: Gateway) -> Arc<Self> {
        Arc::new(Self { gateway, held: Mutex::new(None) })
    }
}

fn replayable(item: &Item, pass: Option<Pass>) -> Delivery {
    let delivery = delivery(item);
    match pass {
        Some(pass) => delivery.replayable(pass),
        None => delivery,
    }
}

impl Outlet<SessionId> for Arc<Way> {
    fn push(&mut self, session: SessionId, item: &Item, pass: Option<Pass>) -> bool {
        // A gateway that has stopped has no sessions left to fall behind.
        let pushed = self.gateway.push(session, replayable(item, pass));
        !matches!(pushed, Err(CommandError::Full))
    }

    fn push_many(
        &mut self,
        sessions: &[SessionId],
        item: &Item,
        pass: Option<Pass>,
    ) -> Vec<SessionId> {
        self.gateway.push_many(sessions, replayable(item, pass))
    }

    fn hold(&mut self, bytes: usize) -> bool {
        let mut held = self.held.lock();
        if bytes == 0 {
            *held = None;
            return true;
        }
        let before = held.as_ref().map_or(0, Reservation::bytes);
        if bytes > before && bytes > self.gateway.reservable_memory() / HELD_SHARE {
            return false;
        }
        match &mut *held {
            Some(held) => held.resize(bytes),
            None => {
                *held = self.gateway.reserve_memory(bytes);
                held.is_some()
            }
        }
    }

    fn publish(&mut self, group: i64, item: &Item) {
        if let Err(error) = self.gateway.publish(&room(group), delivery(item)) {
            static REPEATS: Repeats = Repeats::new();
            if let Some(more) = REPEATS.admit(clock::unix()) {
                tracing::warn!(group, %error, "group message not delivered everywhere{more}");
            }
        }
    }

    fn join(&mut self, session: SessionId, group: i64) {
        if let Err(error) = self.gateway.join(session, &room(group)) {
            static REPEATS: Repeats = Repeats::new();
            if let Some(more) = REPEATS.admit(clock::unix()) {
                tracing::warn!(%session, group, %error, "session not joined{more}");
            }
        }
    }

    fn kick(&mut self, session: SessionId) -> bool {
        let kicked = self.gateway.kick(session, "message store failed");
        !matches!(kicked, Err(CommandError::Full))
    }
}

/// Before the first session there is nowhere to deliver to.
impl<S, O: Outlet<S>> Outlet<S> for Option<O> {
    fn push(&mut self, session: S, item: &Item, pass: Option<Pass>) -> bool {
        self.as_mut().is_none_or(|outlet| outlet.push(session, item, pass))
    }

    fn push_many(&mut self, sessions: &[S], item: &Item, pass: Option<Pass>) -> Vec<S>
    where
        S: Copy,
    {
        self.as_mut().map_or_else(Vec::new, |outlet| outlet.push_many(sessions, item, pass))
    }

    fn hold(&mut self, bytes: usize) -> bool {
        self.as_mut().is_none_or(|outlet| outlet.hold(bytes))
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
