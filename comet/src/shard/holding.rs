//! Input that waits in a connection's tail: what it costs, and how long it may.

use std::mem;

use super::Shard;
use super::connections::ConnectionKey;
use super::tail::{Tail, Unread};
use crate::time::Time;

impl Shard {
    /// Handles what waits as far as it may be handled now, and keeps the rest, without a copy.
    pub(super) fn handle_unread(&mut self, key: ConnectionKey, mut unread: Unread) {
        let handled = self.handle_packets(key, &unread.message, false);
        let _front = unread.message.split_to(handled);
        let mut of_stream = 0;
        if unread.message.is_empty() {
            of_stream = self.handle_input(key, &mut unread.stream);
            unread.handled(of_stream);
        }
        let (now, account) = (self.now, &self.account);
        let Some(connection) = self.connections.find(key) else { return };
        if connection.tail.is_none() && unread.is_empty() {
            return;
        }
        let tail = connection.tail.get_or_insert_with(|| Box::new(Tail::new(account, now)));
        let newer = mem::take(&mut tail.unread.message);
        if !newer.is_empty() {
            // The rest of a message that began in the stream.
            unread.message = newer;
        }
        tail.unread = unread;
        self.settle_tail(key, of_stream > 0);
    }

    /// Keeps a copy of what is left of what was read. `has_progressed` says that something before
    /// it has been handled.
    pub(super) fn stash(&mut self, key: ConnectionKey, rest: &[u8], has_progressed: bool) {
        if !rest.is_empty()
            && let Some(tail) = self.tail_of(key)
        {
            tail.unread.stream.extend_from_slice(rest);
        }
        self.settle_tail(key, has_progressed);
    }

    /// The connection's tail, which is made if there is none; `None` if the connection is gone.
    pub(super) fn tail_of(&mut self, key: ConnectionKey) -> Option<&mut Tail> {
        let (now, account) = (self.now, &self.account);
        let connection = self.connections.find(key)?;
        let tail = connection.tail.get_or_insert_with(|| Box::new(Tail::new(account, now)));
        Some(&mut **tail)
    }

    /// Charges what waits now, and sees that it does not wait for ever.
    pub(super) fn settle_tail(&mut self, key: ConnectionKey, has_progressed: bool) {
        let now = self.now;
        let Some(connection) = self.connections.find(key) else { return };
        let gathered = connection.gathered();
        let Some(tail) = &mut connection.tail else { return };
        if gathered == 0 {
            if tail.unread.is_empty() {
                connection.tail = None;
                return;
            }
            if has_progressed {
                tail.begin_again(now);
            }
        }
        match tail.settle(gathered) {
            Ok(()) => {
                let since = tail.unfinished_since().filter(|_| !connection.state.paused);
                self.shedding.holders.note(key.slot());
                if let Some(since) = since {
                    self.wheel.arm_by(key.slot(), since + self.shared.config.message_timeout);
                }
            }
            Err(_) if self.make_room_for(key.slot(), |shard| shard.can_keep(key)) => {}
            Err(_) => self.run_out_of_memory(key.slot()),
        }
    }

    /// By when a message that was begun must be finished; `None` if there is none, or the gateway
    /// does not read on. Before a session is open the handshake has its own deadline.
    pub(super) fn unfinished_due(&self, slot: u32) -> Option<Time> {
        let connection = self.connections.get(slot)?;
        let since = connection.tail.as_ref()?.unfinished_since()?;
        let runs = !connection.state.paused && self.bucket.get(slot)?.session.is_open();
        runs.then(|| since + self.shared.config.message_timeout)
    }

    /// Whether there is room by now for what waits.
    fn can_keep(&mut self, key: ConnectionKey) -> bool {
        let Some(connection) = self.connections.find(key) else { return true };
        let gathered = connection.gathered();
        connection.tail.as_mut().is_none_or(|tail| tail.settle(gathered).is_ok())
    }
}
