//! Outlet of the writer's deliveries.

use std::sync::Arc;

use comet::{CommandError, Delivery, Gateway, Pass, Repeats, Reservation, SessionId, Target};
use comet_dtalk::clock;
use parking_lot::Mutex;

use crate::catch_up::Item;

/// Sessions, as seen by the writer.
pub(crate) trait Outlet<S> {
    /// Delivers to one session; `false` if there is no room now. In a `pass` it is delivered only
    /// if nothing pushed before it in the same pass has been given up.
    fn push(&mut self, session: S, item: &Item, pass: Option<Pass>) -> bool;

    /// Delivers the same item to several sessions in one pass. Returns the sessions without room.
    fn push_many(&mut self, sessions: &[S], item: &Item, pass: Option<Pass>) -> Vec<S>
    where
        S: Copy,
    {
        sessions.iter().copied().filter(|&session| !self.push(session, item, pass)).collect()
    }

    /// Sets the total bytes held for sessions that catch up. `false` if there is no memory for an
    /// increase.
    fn hold(&mut self, _bytes: usize) -> bool {
        true
    }

    /// Delivers to the connected members of a group.
    fn publish(&mut self, group: i64, item: &Item);

    /// Subscribes the session to [`Outlet::publish`] of the group.
    fn join(&mut self, session: S, group: i64);

    /// Undoes [`Outlet::join`]: the session gets what was published before.
    fn leave(&mut self, session: S, group: i64);

    /// Undoes [`Outlet::join`] of all sessions.
    fn dissolve(&mut self, group: i64);

    /// Ends a session that cannot be served; its client reconnects. `false` if there is no room now
    /// even for that.
    fn kick(&mut self, session: S) -> bool;
}

/// Room of a group.
pub(crate) fn room(group: i64) -> String {
    format!("g/{group}")
}

/// Group of a room.
pub(crate) fn group_of(room: &str) -> Option<i64> {
    room.strip_prefix("g/")?.parse().ok()
}

fn delivery(item: &Item) -> Delivery {
    Delivery::acked(item.body.clone()).tag(item.tag).position(item.position.unsigned_abs())
}

/// Divisor of the memory lent by the gateway for the maximum held for sessions that catch up: the
/// rest is for answers over HTTP. Deliveries beyond it are read from the database later.
const HELD_SHARE: usize = 4;

/// The gateway, and the charge to its memory budget for sessions that catch up.
#[derive(Debug)]
pub(crate) struct GatewayOutlet {
    gateway: Gateway,
    /// Changed only by the writer.
    held: Mutex<Option<Reservation>>,
}

impl GatewayOutlet {
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

impl Outlet<SessionId> for Arc<GatewayOutlet> {
    fn push(&mut self, session: SessionId, item: &Item, pass: Option<Pass>) -> bool {
        // A gateway that has stopped has no sessions left that could fall behind.
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

    fn leave(&mut self, session: SessionId, group: i64) {
        not_left(group, self.gateway.leave(session, &room(group)));
    }

    fn dissolve(&mut self, group: i64) {
        let room = room(group);
        not_left(group, self.gateway.leave(Target::room(&room), &room));
    }

    fn kick(&mut self, session: SessionId) -> bool {
        let kicked = self.gateway.kick(session, "message store failed");
        !matches!(kicked, Err(CommandError::Full))
    }
}

fn not_left(group: i64, left: Result<(), CommandError>) {
    if let Err(error) = left {
        static REPEATS: Repeats = Repeats::new();
        if let Some(more) = REPEATS.admit(clock::unix()) {
            tracing::warn!(group, %error, "room not left{more}");
        }
    }
}

/// Before the first session there is no destination for deliveries.
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

    fn leave(&mut self, session: S, group: i64) {
        if let Some(outlet) = self {
            outlet.leave(session, group);
        }
    }

    fn dissolve(&mut self, group: i64) {
        if let Some(outlet) = self {
            outlet.dissolve(group);
        }
    }

    fn kick(&mut self, session: S) -> bool {
        self.as_mut().is_none_or(|outlet| outlet.kick(session))
    }
}
