//! Who is here: a count of sessions for each user, kept by a router around all others.

use std::collections::HashMap;
use std::sync::Arc;

use comet::{Closed, Connect, ConnectReply, Gateway, Message, Peer, Receipt, Router};
use parking_lot::Mutex;

/// Open sessions of each user.
#[derive(Debug, Default)]
pub(crate) struct Online(Mutex<HashMap<Box<str>, u32>>);

impl Online {
    /// Addresses of the users who have a session.
    pub(crate) fn users(&self) -> Vec<String> {
        self.0.lock().keys().map(ToString::to_string).collect()
    }

    fn enter(&self, user: &str) {
        *self.0.lock().entry(user.into()).or_default() += 1;
    }

    fn leave(&self, user: &str) {
        let mut users = self.0.lock();
        if let Some(count) = users.get_mut(user) {
            *count -= 1;
            if *count == 0 {
                users.remove(user);
            }
        }
    }
}

/// Keeps [`Online`] while passing everything on.
#[derive(Debug)]
pub(crate) struct Watched<R> {
    inner: R,
    online: Option<Arc<Online>>,
}

impl<R> Watched<R> {
    /// Watches, if anybody wants to know.
    pub(crate) fn new(inner: R, online: Option<Arc<Online>>) -> Self {
        Self { inner, online }
    }
}

impl<R: Router> Router for Watched<R> {
    fn connect(&self, gateway: &Gateway, request: Connect, reply: ConnectReply) {
        self.inner.connect(gateway, request, reply);
    }

    fn connected(&self, gateway: &Gateway, peer: &Peer) {
        if let Some(online) = &self.online {
            online.enter(peer.user());
        }
        self.inner.connected(gateway, peer);
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        self.inner.receive(gateway, peer, message, receipt);
    }

    fn acked(&self, gateway: &Gateway, peer: &Peer, tag: u64) {
        self.inner.acked(gateway, peer, tag);
    }

    fn disconnected(&self, gateway: &Gateway, peer: &Peer, closed: &Closed) {
        if let Some(online) = &self.online {
            online.leave(peer.user());
        }
        self.inner.disconnected(gateway, peer, closed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_online_until_the_last_session_ends() {
        let online = Online::default();
        online.enter("al");
        online.enter("al");
        online.leave("al");
        assert_eq!(online.users(), ["al"]);
        online.leave("al");
        assert_eq!(online.users(), Vec::<String>::new());
    }
}
