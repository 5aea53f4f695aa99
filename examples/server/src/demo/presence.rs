//! Presence: the connected sessions of each user, tracked by a router around all others.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use comet::{Event, Gateway, Middleware, Peer, Router, SessionId};
use parking_lot::Mutex;

/// Connected sessions of each user.
#[derive(Debug, Default)]
pub(crate) struct Online(Mutex<HashMap<Box<str>, HashSet<SessionId>>>);

impl Online {
    /// Addresses of users with a connected session.
    pub(crate) fn users(&self) -> Vec<String> {
        self.0.lock().keys().map(ToString::to_string).collect()
    }

    /// Whether the user has a connected session.
    pub(crate) fn has(&self, user: &str) -> bool {
        self.0.lock().contains_key(user)
    }

    fn enter(&self, peer: &Peer) {
        self.0.lock().entry(peer.user().into()).or_default().insert(peer.session());
    }

    /// Idempotent: called when a session is parked and again when it ends.
    fn leave(&self, peer: &Peer) {
        let mut users = self.0.lock();
        if let Some(sessions) = users.get_mut(peer.user()) {
            sessions.remove(&peer.session());
            if sessions.is_empty() {
                users.remove(peer.user());
            }
        }
    }
}

/// Keeps [`Online`] up to date and forwards everything.
#[derive(Debug)]
pub(crate) struct PresenceRouter<R> {
    inner: R,
    online: Option<Arc<Online>>,
}

impl<R> PresenceRouter<R> {
    /// Tracks presence in `online`, if given.
    pub(crate) fn new(inner: R, online: Option<Arc<Online>>) -> Self {
        Self { inner, online }
    }
}

impl<R: Router> Middleware for PresenceRouter<R> {
    type Inner = R;

    fn inner(&self) -> &R {
        &self.inner
    }

    fn event(&self, gateway: &Gateway, peer: &Peer, event: Event<'_>) {
        if let Some(online) = &self.online {
            match event {
                Event::Connected | Event::Resumed => online.enter(peer),
                Event::Parked(_) | Event::Disconnected(_) => online.leave(peer),
                _ => {}
            }
        }
        self.inner.event(gateway, peer, event);
    }
}

#[cfg(test)]
mod tests {
    use comet::Identity;
    use comet::simulation::swallowed_calls;

    use super::*;

    #[test]
    fn everything_reaches_the_router_inside() {
        for online in [None, Some(Arc::<Online>::default())] {
            let swallowed = swallowed_calls(Identity::new("dtalk", "alice"), |inner| {
                PresenceRouter::new(inner, online.clone())
            });
            assert_eq!(swallowed.unwrap(), [""; 0]);
            assert!(online.is_none_or(|online| online.users().is_empty()), "left at the end");
        }
    }
}
