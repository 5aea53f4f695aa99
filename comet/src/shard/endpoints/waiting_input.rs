//! Input that waits in a connection's tail: its charge and its deadline.

use super::{Effect, Endpoints};
use crate::shard::connections::ConnectionKey;

impl Endpoints {
    /// Keeps a copy of the rest of the input. `has_progressed` says that something before it has
    /// been handled.
    pub(in crate::shard) fn stash(
        &mut self,
        key: ConnectionKey,
        rest: &[u8],
        has_progressed: bool,
    ) {
        if !rest.is_empty()
            && let Some(tail) = self.connections.tail_of(key, self.cx.now)
        {
            tail.unread.stream.extend_from_slice(rest);
        }
        self.settle_tail(key, has_progressed);
    }

    /// After a read: charges what the transport holds, a part of a record for instance.
    #[inline]
    pub(in crate::shard) fn settle_held(&mut self, key: ConnectionKey) {
        let held = self.connections.find(key).map(|connection| connection.transport.held_input());
        if held.is_some_and(|bytes| bytes > 0) {
            let _tail = self.connections.tail_of(key, self.cx.now);
            self.settle_tail(key, false);
        }
    }

    /// Charges the input that waits now, and sets its deadline.
    pub(in crate::shard) fn settle_tail(&mut self, key: ConnectionKey, has_progressed: bool) {
        let now = self.cx.now;
        let Some(connection) = self.connections.find(key) else { return };
        let gathered = connection.gathered();
        let Some(tail) = connection.extras.tail_mut() else { return };
        if gathered == 0 {
            if tail.unread.is_empty() {
                connection.extras.drop_tail();
                return;
            }
            if has_progressed {
                tail.begin_again(now);
            }
        }
        if tail.settle(gathered).is_err() {
            return self.effect(key.slot(), Effect::NoRoom(key));
        }
        let since = tail.unfinished_since().filter(|_| !connection.state.paused);
        self.holders.note(key.slot());
        if let Some(since) = since {
            self.wheel.arm_by(key.slot(), since + self.cx.shared.config.limits.message_timeout);
        }
    }
}
