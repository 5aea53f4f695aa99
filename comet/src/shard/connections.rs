//! The table of a shard's connections, by slot: their sockets and who watches them, the queues of
//! what waits to be written, and which of them have something to do in this turn.
//!
//! A slot outlives its connection. Whatever lets something else happen in between names a
//! connection by its [`ConnectionKey`], and a key whose connection is gone finds nothing.
//!
//! Not here: the sessions in the same slots (`bucket`), and the bytes that go in and out (`input`,
//! `output`).

use std::io;
use std::time::Duration;

use super::connection::{Connection, State};
use super::direct::Direct;
use super::poller::{Events, Poller, Token};
use super::socket::Acceptor;
use super::write_queue::{Pool, WriteQueue};
use crate::time::Time;

/// A connection of a shard, told from those that had its slot before or get it next.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct ConnectionKey {
    slot: u32,
    serial: u32,
}

impl ConnectionKey {
    pub(crate) fn new(slot: u32, serial: u32) -> Self {
        Self { slot, serial }
    }

    pub(super) fn slot(self) -> u32 {
        self.slot
    }
}

/// The connections of one shard.
#[derive(Debug)]
pub(super) struct Connections {
    slots: Vec<Option<Connection>>,
    last_serial: u32,
    poller: Poller,
    /// Fast path: slots that can be written without consulting the session.
    direct: Direct,
    /// Queues that no connection has.
    pool: Pool,
    /// Slots with something to be written in this turn.
    dirty: Vec<u32>,
    /// Slots to be read in the next turn, whatever the poller reports.
    resuming: Vec<u32>,
}

impl Connections {
    pub(super) fn new(poller: Poller, pool: Pool) -> Self {
        Self {
            slots: Vec::new(),
            last_serial: 0,
            poller,
            direct: Direct::default(),
            pool,
            dirty: Vec::new(),
            resuming: Vec::new(),
        }
    }

    /// The connection in a slot.
    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&Connection> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// The same, to be changed.
    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Connection> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// The connection of a key, unless it is gone.
    #[inline]
    pub(super) fn find(&mut self, key: ConnectionKey) -> Option<&mut Connection> {
        self.get_mut(key.slot).filter(|connection| connection.serial == key.serial)
    }

    /// Whether the connection of a key is still there.
    #[inline]
    pub(super) fn has(&self, key: ConnectionKey) -> bool {
        self.get(key.slot).is_some_and(|connection| connection.serial == key.serial)
    }

    /// The key of the connection that is in a slot now.
    #[inline]
    pub(super) fn key(&self, slot: u32) -> Option<ConnectionKey> {
        self.get(slot).map(|connection| ConnectionKey::new(slot, connection.serial))
    }

    /// Puts a new connection into a slot, and watches its socket.
    ///
    /// # Errors
    ///
    /// The system does not let the socket be watched; the connection is gone.
    pub(super) fn watch(&mut self, slot: u32, mut connection: Connection) -> io::Result<()> {
        self.poller.register(&mut connection.socket, Token(slot as usize))?;
        self.put(slot, connection);
        Ok(())
    }

    /// Puts a connection that was [taken](Self::take) out of another slot into this one.
    ///
    /// # Errors
    ///
    /// The connection, if the system does not let its socket be watched under another number.
    pub(super) fn put_again(
        &mut self,
        slot: u32,
        mut connection: Connection,
    ) -> Result<(), Connection> {
        let State { ending, ended, shut, close_sent, blocked, .. } = connection.state;
        // It is in no list under its new slot.
        connection.state = State { ending, ended, shut, close_sent, blocked, ..State::default() };
        if self.poller.reregister(&mut connection.socket, Token(slot as usize)).is_err() {
            return Err(connection);
        }
        self.put(slot, connection);
        Ok(())
    }

    fn put(&mut self, slot: u32, mut connection: Connection) {
        self.last_serial = self.last_serial.wrapping_add(1);
        connection.serial = self.last_serial;
        let at = slot as usize;
        if self.slots.len() <= at {
            self.slots.resize_with(at + 1, || None);
        }
        self.direct.clear(slot);
        self.slots[at] = Some(connection);
    }

    /// Takes a connection out of its slot. Its socket stays watched.
    pub(super) fn take(&mut self, slot: u32) -> Option<Connection> {
        self.direct.clear(slot);
        self.slots.get_mut(slot as usize)?.take()
    }

    /// Has another shard watch the socket of a connection that was taken out.
    pub(super) fn unwatch(&self, connection: &mut Connection) {
        if let Err(error) = self.poller.deregister(&mut connection.socket) {
            tracing::debug!(%error, "cannot unwatch a connection");
        }
    }

    /// Closes a connection that was taken out.
    pub(super) fn close(&mut self, mut connection: Connection) {
        if let Some(out) = connection.out.take() {
            self.pool.put(out);
        }
    }

    /// Drops the unhandled input of a connection whose session ends, and takes it off the fast
    /// path.
    pub(super) fn end_input(&mut self, slot: u32) {
        self.direct.clear(slot);
        if let Some(connection) = self.get_mut(slot) {
            connection.tail = None;
            connection.state.paused = false;
        }
    }

    /// A connection's queue, for something to be written when the turn ends.
    pub(super) fn queue(&mut self, slot: u32, now: Time) -> Option<&mut WriteQueue> {
        let connection = self.slots.get_mut(slot as usize)?.as_mut()?;
        if !connection.state.dirty && !connection.state.blocked {
            connection.state.dirty = true;
            self.dirty.push(slot);
        }
        connection.last_write.note(now);
        self.direct.clear(slot);
        let pool = &mut self.pool;
        Some(connection.out.get_or_insert_with(|| pool.take(now)))
    }

    /// Gives the queue of a connection back if nothing waits in it; whether that is so.
    pub(super) fn give_back_queue(&mut self, slot: u32) -> bool {
        let empty = self.get_mut(slot).and_then(|it| it.out.take_if(|out| out.len() == 0));
        let was_empty = empty.is_some();
        if let Some(out) = empty {
            self.pool.put(out);
        }
        was_empty
    }

    /// Length of the list of those to be written in this turn.
    pub(super) fn dirty(&self) -> usize {
        self.dirty.len()
    }

    /// The slot at a place of the list of those to be written, if its connection still is in it.
    pub(super) fn take_dirty(&mut self, at: usize) -> Option<Option<ConnectionKey>> {
        let slot = *self.dirty.get(at)?;
        let was_dirty = |it: &mut Connection| {
            std::mem::take(&mut it.state.dirty).then(|| ConnectionKey::new(slot, it.serial))
        };
        Some(self.get_mut(slot).and_then(was_dirty))
    }

    /// All of that list have been written.
    pub(super) fn clear_dirty(&mut self) {
        self.dirty.clear();
    }

    /// Has a connection looked at again in the next turn.
    pub(super) fn resume_later(&mut self, slot: u32) {
        if let Some(connection) = self.get_mut(slot)
            && !connection.state.resuming
        {
            connection.state.resuming = true;
            self.resuming.push(slot);
        }
    }

    /// Those that are to be looked at again.
    pub(super) fn take_resuming(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.resuming)
    }

    pub(super) fn has_resuming(&self) -> bool {
        !self.resuming.is_empty()
    }

    /// In which wire format a slot gets what has no numbers, if it is known that it can be written
    /// without consulting the session.
    #[inline]
    pub(super) fn direct_format(&self, slot: u32) -> Option<usize> {
        self.direct.format(slot)
    }

    /// Notes that a slot can be written so, until its connection is taken out, ends or has a queue.
    pub(super) fn set_direct(&mut self, slot: u32, format: usize) {
        self.direct.set(slot, format);
    }

    /// Waits for reports of the sockets.
    pub(super) fn wait(&mut self, events: &mut Events, most: Option<Duration>) -> io::Result<()> {
        self.poller.wait(events, most)
    }

    /// Has connections reported that wait at a listener.
    pub(super) fn listen(&self, acceptor: &mut Acceptor, token: Token) -> io::Result<()> {
        self.poller.listen(acceptor, token)
    }

    /// Whether sockets have something to report.
    #[cfg(feature = "simulation")]
    pub(super) fn has_events(&self) -> bool {
        self.poller.has_events()
    }
}
