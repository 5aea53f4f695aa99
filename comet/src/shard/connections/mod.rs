//! The table of a shard's connections, by slot: their sockets and the poller, their output queues,
//! and the lists of those with something to do in this turn.
//!
//! A slot outlives its connection. Code that lets something else happen in between names a
//! connection by its [`ConnectionKey`], and a stale key finds nothing.
//!
//! Not here: the sessions in the same slots (`bucket`), and the bytes that go in and out (`input`,
//! `output`).

mod batch_io;
mod compressor;
mod connection;
mod direct;
mod extras;
mod flushing;
mod key;
mod lane_writing;
mod lanes;
mod outgoing;
#[cfg(feature = "tls")]
mod sealing;
mod tail;
mod write_queue;
mod writing;

use std::io;
use std::rc::Rc;
use std::time::Duration;

use comet_protocol::Dialect;
use comet_protocol::codec::Abilities;

use super::poller::{Events, Poller};
use super::readiness::Token;
use super::transport::Acceptor;
use crate::budget::{Account, Exhausted};
use crate::config::{DeflateConfig, Io};
use crate::time::Time;
pub(crate) use batch_io::open as open_ring;
pub(super) use batch_io::{BATCH, BatchIo};
pub(super) use compressor::Compressor;
pub(crate) use connection::{ADOPTED, FramingState};
pub(super) use connection::{Connection, Format, Preface, Side, State, Upgrade};
use direct::Direct;
pub(super) use flushing::Flushing;
pub(crate) use key::ConnectionKey;
pub(super) use lane_writing::{has_lane_news, outgoing_lane, take_lane_news};
pub(super) use outgoing::{Outgoing, Scratch, millis};
#[cfg(feature = "tls")]
use sealing::Sealing;
pub(super) use tail::Tail;
pub(crate) use tail::Unread;
use write_queue::Pool;
pub(super) use write_queue::{Flush, Keeper, SHARE_FROM};

/// Bytes that a turn may queue before it writes.
const TURN_BYTES: usize = 16 * 1024 * 1024;

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
    /// Slots whose sessions have to know that lanes are blocked, or no longer.
    lane_news: Vec<u32>,
    /// Bytes queued since the last flush, large bodies by reference not counted.
    queued: usize,
    /// Bytes from which on a flush does not wait for the end of the turn.
    turn_bytes: usize,
    batch_io: BatchIo,
    /// Records of connections that are written together.
    #[cfg(feature = "tls")]
    sealing: Sealing,
    pub(super) scratch: Scratch,
}

impl Connections {
    /// An empty table whose queues are charged to `account`.
    pub(super) fn new(poller: Poller, account: &Rc<Account>, deflate: &DeflateConfig) -> Self {
        Self {
            queued: 0,
            turn_bytes: TURN_BYTES.min(account.limit() / 16),
            batch_io: BatchIo::default(),
            #[cfg(feature = "tls")]
            sealing: Sealing::default(),
            scratch: Scratch::new(deflate),
            slots: Vec::new(),
            last_serial: 0,
            poller,
            direct: Direct::default(),
            pool: Pool::new(account),
            dirty: Vec::new(),
            resuming: Vec::new(),
            lane_news: Vec::new(),
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

    /// Bytes that wait for the socket in a slot; `None` if there is no connection.
    #[inline]
    pub(super) fn backlog(&self, slot: u32) -> Option<usize> {
        Some(self.get(slot)?.backlog())
    }

    /// The dialect of a slot's connection, once it is known.
    #[inline]
    pub(super) fn dialect(&self, slot: u32) -> Option<Dialect> {
        self.get(slot)?.dialect
    }

    /// Abilities of the peer in a slot; the least while its dialect is not known.
    #[inline]
    pub(super) fn abilities(&self, slot: u32) -> &'static Abilities {
        self.dialect(slot).unwrap_or(Dialect::Raw).abilities()
    }

    /// Whether the upgrade request of a raw peer is before the router.
    pub(super) fn is_deciding(&self, slot: u32) -> bool {
        self.get(slot).is_some_and(|it| matches!(it.framing, FramingState::Deciding(_)))
    }

    /// Puts a new connection into a slot, and watches its socket.
    ///
    /// # Errors
    ///
    /// The system does not let the socket be watched; the connection is gone.
    pub(super) fn watch(&mut self, slot: u32, mut connection: Connection) -> io::Result<()> {
        self.poller.register(&mut connection.transport, Token(slot as usize))?;
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
        let State { peer, ours, blocked, .. } = connection.state;
        // It is in no list under its new slot.
        connection.state = State { peer, ours, blocked, ..State::default() };
        if self.poller.reregister(&mut connection.transport, Token(slot as usize)).is_err() {
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
        #[cfg(feature = "tls")]
        self.sealing.count(&connection.transport, 1);
        self.slots[at] = Some(connection);
    }

    /// Takes a connection out of its slot. Its socket stays watched.
    pub(super) fn take(&mut self, slot: u32) -> Option<Connection> {
        self.direct.clear(slot);
        let taken = self.slots.get_mut(slot as usize)?.take();
        #[cfg(feature = "tls")]
        taken.iter().for_each(|it| self.sealing.count(&it.transport, -1));
        taken
    }

    /// Has another shard watch the socket of a connection that was taken out.
    pub(super) fn unwatch(&self, connection: &mut Connection) {
        if let Err(error) = self.poller.deregister(&mut connection.transport) {
            tracing::debug!(%error, "cannot unwatch a connection");
        }
    }

    /// Closes a connection that was taken out.
    pub(super) fn close(&mut self, mut connection: Connection) {
        if let Some(out) = connection.out.take() {
            self.pool.put(out);
        }
    }

    /// The socket of a connection takes no more.
    pub(super) fn set_blocked(&mut self, slot: u32) {
        if let Some(connection) = self.get_mut(slot) {
            connection.state.blocked = true;
        }
    }

    /// The transport of a connection may take more, on a lane perhaps; whether it is news.
    pub(super) fn unblock(&mut self, slot: u32) -> bool {
        let unblock = |it: &mut Connection| {
            let lanes = it.extras.lanes_mut().is_some_and(|lanes| lanes.unblock());
            std::mem::take(&mut it.state.blocked) | lanes
        };
        self.get_mut(slot).is_some_and(unblock)
    }

    /// The tail of a connection, which is made if there is none; `None` if the connection is gone.
    pub(super) fn tail_of(&mut self, key: ConnectionKey, now: Time) -> Option<&mut Tail> {
        let account = Rc::clone(self.pool.account());
        let connection = self.find(key)?;
        Some(connection.extras.tail_or_new(&account, now))
    }

    /// Charges the input that waits in a connection's tail now.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    pub(super) fn charge_tail(&mut self, key: ConnectionKey) -> Result<(), Exhausted> {
        let Some(connection) = self.find(key) else { return Ok(()) };
        let gathered = connection.gathered();
        connection.extras.tail_mut().map_or(Ok(()), |tail| tail.settle(gathered))
    }

    /// Drops the unhandled input of a connection whose session ends, and takes it off the fast
    /// path.
    pub(super) fn end_input(&mut self, slot: u32) {
        self.direct.clear(slot);
        if let Some(connection) = self.get_mut(slot) {
            connection.extras.drop_tail();
            connection.state.paused = false;
        }
    }

    /// A connection's queue, open for frames that leave when the turn ends.
    pub(super) fn outgoing(&mut self, slot: u32, now: Time) -> Option<Outgoing<'_>> {
        let connection = self.slots.get_mut(slot as usize)?.as_mut()?;
        if !connection.state.dirty && !connection.state.blocked {
            connection.state.dirty = true;
            self.dirty.push(slot);
        }
        connection.last_write.note(now);
        self.direct.clear(slot);
        let pool = &mut self.pool;
        let scratch = (&mut self.queued, &mut self.scratch);
        Some(Outgoing::of(connection, scratch, || pool.take(now)))
    }

    /// Whether the turn has queued so much that memory matters more than calls.
    pub(super) fn has_queued_much(&self) -> bool {
        self.queued > self.turn_bytes
    }

    /// The next of those to be written in this turn, if it is still there; `None` at the end of
    /// the list.
    fn take_dirty(&mut self, at: usize) -> Option<Option<ConnectionKey>> {
        let slot = *self.dirty.get(at)?;
        let was_dirty = |it: &mut Connection| {
            std::mem::take(&mut it.state.dirty).then(|| ConnectionKey::new(slot, it.serial))
        };
        Some(self.get_mut(slot).and_then(was_dirty))
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

    /// Wire format of a slot's unnumbered deliveries, if it can be written without consulting the
    /// session.
    #[inline]
    pub(super) fn direct_format(&self, slot: u32) -> Option<Format> {
        self.direct.format(slot)
    }

    /// Notes that a slot can be written so, until its connection is taken out, ends or has a queue.
    pub(super) fn set_direct(&mut self, slot: u32, format: Format) {
        self.direct.set(slot, format);
    }

    /// Chooses how bytes go to and from sockets. To be called once, on the shard's own thread.
    pub(super) fn begin_io(&mut self, io: Io, shard: usize) {
        self.batch_io = BatchIo::new(io, shard);
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
