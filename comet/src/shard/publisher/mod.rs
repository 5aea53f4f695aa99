//! Publishes to a room: encoded once for each wire format, written once to each member.
//!
//! Publishes to one room that follow each other form a [`PublishBatch`]. When it ends, each member
//! gets all of it at once. Deliveries to different members differ in nothing but their numbers, so
//! the encoded bytes are a template whose numbers are overwritten in place for each member, and the
//! template itself, or a copy where it has numbers, is written: no queue and no allocation for a
//! member whose socket takes it.
//!
//! A batch refers to its room by number, so the shard ends it before anything that may change who
//! is in which room; the bucket checks that in builds with assertions.
//!
//! Not here: how many writes become one system call (`connections`).

mod publish_batch;
mod walk;
mod write_batch;

use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::Arc;

use super::connections::{ConnectionKey, Format};
use super::endpoints::Endpoints;
use super::sessions::Sessions;
use crate::budget::Pressure;
use crate::delivery::{Delivery, Held};
use crate::{Closed, Stats};
use publish_batch::PublishBatch;
use walk::Walk;
use write_batch::WriteBatch;

/// Whether more may be queued for the same connections in this turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Last {
    /// No: what goes to a connection with an empty queue may be written at once.
    Yes,
    /// Yes: everything is queued, and leaves with what follows.
    No,
}

/// A member's part of a batch.
#[derive(Clone, Copy, Debug)]
struct Part {
    slot: u32,
    format: Format,
    /// Number of the first delivery; 0 for none.
    first: u32,
    count: usize,
}

/// Something that a walk over members cannot do while it goes on.
#[derive(Debug)]
enum Later {
    /// The connection broke.
    Lost { kind: ErrorKind, key: ConnectionKey },
    /// There is no room for the items from this one on.
    Full(usize),
    /// The room's log has gone on without it.
    Fallen,
    /// Something became a gap, whose turn may have come.
    Tell,
    /// There was no memory even to say that something is missing.
    Broken,
    /// It gets the items one by one.
    Singly,
}

/// The batch that is being gathered, and buffers for handing it out.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    batch: PublishBatch,
    writes: WriteBatch,
    later: Vec<(u32, Later)>,
}

impl Publisher {
    /// Whether nothing has been gathered.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.batch.items.is_empty()
    }

    /// Whether a delivery to a room can go on the batch that is being gathered.
    pub(super) fn goes_on(&self, room: u32, item: &Held) -> bool {
        self.batch.goes_on(room, item)
    }

    /// Gathers a delivery to a room, behind those that it [goes on](Self::goes_on).
    pub(super) fn gather(&mut self, ep: &mut Endpoints, room: u32, item: Rc<Held>) {
        ep.bucket.pin_rooms(true);
        self.batch.push(room, item);
    }

    /// Hands the batch to the room's members. While memory is short it is written at once where
    /// nothing else waits, also if more may follow in the turn.
    pub(super) fn finish(&mut self, sessions: &mut Sessions, last: Last) {
        if self.is_empty() {
            return;
        }
        let ep = &mut sessions.endpoints;
        let timed = ep.bucket.members(self.batch.room).len() >= Stats::FAN_OUT_FROM;
        let began = timed.then(|| ep.cx.shared.clock.now());
        // What waits for the end of the turn takes memory, also for members that read.
        let is_short = last == Last::No && ep.account.pressure() >= Pressure::High;
        let last = if is_short { Last::Yes } else { last };
        let Self { batch, writes, later } = self;
        Walk { ep, batch, writes, later }.over_members(last);
        if let Some(logged) = batch.logged.take() {
            logged.log.borrow_mut().tidy();
        }
        // From here on members may come and go.
        ep.bucket.pin_rooms(false);
        for (slot, what) in later.drain(..) {
            do_later(sessions, slot, &what, &batch.items);
            sessions.carry_out_effects();
        }
        let cx = &sessions.endpoints.cx;
        if let Some(began) = began {
            cx.counters().fan_out.record_alone(cx.shared.clock.now().since(began));
        }
        batch.clear();
    }
}

fn do_later(sessions: &mut Sessions, slot: u32, what: &Later, items: &[Rc<Held>]) {
    let ep = &mut sessions.endpoints;
    match what {
        // What was done before this may have ended it, and given its slot to another.
        Later::Lost { key, .. } if !ep.connections.has(*key) => {}
        Later::Lost { kind, .. } => ep.lose(slot, *kind),
        Later::Fallen => sessions.fall_behind(slot),
        Later::Tell => ep.send_waiting(slot),
        Later::Broken => sessions.end_for_good(slot, &Closed::Shed),
        Later::Full(from) => {
            sessions.fall_behind(slot);
            items[*from..].iter().for_each(|item| sessions.endpoints.deliver(slot, item));
        }
        Later::Singly => items.iter().for_each(|item| ep.deliver(slot, item)),
    }
}

/// Tells all members of a room that a delivery will be missing, for want of memory.
pub(super) fn lose_for_room(ep: &mut Endpoints, room: u32, delivery: &Delivery) {
    let name = Arc::clone(ep.bucket.room_name(room));
    let slots: Vec<u32> = ep.bucket.members(room).iter().map(|place| place.slot).collect();
    slots.into_iter().for_each(|slot| ep.lose_delivery(slot, delivery, Some(&name)));
}
