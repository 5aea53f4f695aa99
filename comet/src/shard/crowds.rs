//! Crowds: connections that come or end by the thousand have their turns a few at a time, so that
//! those who are there and stay do not wait for them.

use super::Shard;
use super::poller::Ready;

/// Reads of connections without a session in one turn.
const NEWCOMERS: usize = 16;

/// Connections that end in one turn.
const LEAVERS: usize = 32;

impl Shard {
    /// Gives newcomers and leavers their share of the turn that begins.
    pub(super) fn see_crowds(&mut self) {
        (self.newcomers_left, self.leavers_left) = (NEWCOMERS, LEAVERS);
        self.see_leavers();
        for _ in 0..self.newcomers.len().min(NEWCOMERS) {
            let Some(slot) = self.newcomers.pop_front() else { return };
            self.go_on_with(slot);
        }
    }

    /// Whether the connection has no session yet, and may get one.
    pub(super) fn is_newcomer(&self, slot: u32) -> bool {
        let session = self.bucket.get(slot).map(|member| &member.session);
        session.is_some_and(|session| !session.is_open() && !session.is_closing())
    }

    /// Has the end of a connection looked at when its turn comes.
    pub(super) fn put_off_end(&mut self, slot: u32, ready: Ready) {
        if let Some(key) = self.connections.key(slot) {
            self.leavers.push_back((key, ready));
        }
    }

    fn see_leavers(&mut self) {
        for _ in 0..self.leavers.len() {
            if self.leavers_left == 0 {
                return;
            }
            let Some((key, ready)) = self.leavers.pop_front() else { return };
            if self.connections.has(key) {
                self.handle_ready(key.slot(), ready);
            }
        }
    }

    /// Has a connection without a session read when its turn comes.
    pub(super) fn put_off(&mut self, slot: u32) {
        if let Some(connection) = self.connections.get_mut(slot)
            && !connection.state.resuming
        {
            connection.state.resuming = true;
            self.newcomers.push_back(slot);
        }
    }
}
