//! The sessions and rooms that one shard owns: plain data, no locks, no sockets.
//!
//! A session is a slot, and all its state is found by the slot's number. Rooms and users refer to
//! slots by number and are dense arrays, so that a publish is a linear walk.

mod room;
mod user;

use std::hash::BuildHasher;
use std::rc::Rc;
use std::sync::Arc;

use crate::budget::{Account, Charge};
use crate::delivery::{Log, SharedLog};
use crate::identity::Peer;
use crate::keyed::Keyed;
use crate::session::{CometState, Session};
use crate::{Closed, SessionId, id};
pub(crate) use room::Place;
use room::Rooms;
use user::Users;

/// A slot in use.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) session: Session,
    /// The peer; set when the session opens.
    pub(crate) peer: Option<Peer>,
    /// Set while it is parked.
    pub(crate) parked_for: Option<Box<Parked>>,
    /// Serial number of the opening, ascending.
    pub(crate) since: u32,
    /// The session ends because it was not resumed in time.
    pub(crate) expires: bool,
    rooms: Vec<Membership>,
    /// Neighbours among the sessions of the same user.
    of_user: Links,
}

/// Connection state kept while a session has none.
#[derive(Debug)]
pub(crate) struct Parked {
    /// Reason for which the connection ended.
    pub(crate) closed: Closed,
    /// Charge for the session itself.
    pub(crate) _charge: Charge,
}

/// Links of a list through the slots.
#[derive(Clone, Copy, Debug)]
struct Links {
    next: u32,
    prev: u32,
}

impl Links {
    const NONE: Self = Self { next: user::NOBODY, prev: user::NOBODY };
}

/// Membership of a session in a room.
#[derive(Clone, Copy, Debug)]
struct Membership {
    room: u32,
    /// Index in the room's array of members.
    place: u32,
}

/// Reason for which a room was not joined.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotJoined {
    /// The session is already in it.
    Already,
    /// The session is at its limit of rooms.
    TooMany,
    /// The session is not open.
    NotOpen,
}

/// One shard's sessions and rooms.
#[derive(Debug)]
pub(crate) struct Bucket {
    shard: usize,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Number of sessions opened so far.
    opened: u32,
    rooms: Rooms,
    users: Users,
    hasher: Keyed,
    /// Room numbers are in use elsewhere, so that no room may be added or removed.
    are_rooms_pinned: bool,
}

/// Two cache lines, with the session in the first: most deliveries touch nothing else.
#[derive(Debug)]
#[repr(align(64))]
struct Slot {
    generation: u32,
    /// The previous session of this slot ended because it was not resumed in time.
    expired: bool,
    member: Option<Member>,
}

impl Bucket {
    pub(crate) fn new(shard: usize, hasher: Keyed) -> Self {
        Self {
            shard,
            slots: Vec::new(),
            free: Vec::new(),
            opened: 0,
            rooms: Rooms::default(),
            users: Users::default(),
            hasher,
            are_rooms_pinned: false,
        }
    }

    /// Sets whether room numbers are in use elsewhere. While they are, no session may join, leave
    /// or be removed, which would reassign numbers.
    pub(crate) fn pin_rooms(&mut self, are_pinned: bool) {
        self.are_rooms_pinned = are_pinned;
    }

    /// Gives a session a slot; `None` if all are taken.
    pub(crate) fn insert(&mut self, session: Session) -> Option<u32> {
        let member = Member {
            session,
            peer: None,
            parked_for: None,
            since: 0,
            expires: false,
            rooms: Vec::new(),
            of_user: Links::NONE,
        };
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize].member = Some(member);
            return Some(slot);
        }
        if self.slots.len() >= id::MAX_SLOTS {
            return None;
        }
        let slot = u32::try_from(self.slots.len()).ok()?;
        self.slots.push(Slot { generation: 0, expired: false, member: Some(member) });
        Some(slot)
    }

    /// Removes a session from its slot, its rooms and its user.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Member> {
        while self.leave_last(slot).is_some() {}
        self.forget_user(slot);
        let entry = self.slots.get_mut(slot as usize)?;
        let member = entry.member.take()?;
        entry.expired = member.expires;
        entry.generation = entry.generation.wrapping_add(1);
        self.free.push(slot);
        Some(member)
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&Member> {
        self.slots.get(slot as usize)?.member.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Member> {
        self.slots.get_mut(slot as usize)?.member.as_mut()
    }

    /// Whether the session in a slot has no connection, and its peer may come back.
    pub(crate) fn is_parked(&self, slot: u32) -> bool {
        self.get(slot).is_some_and(|member| member.session.state().is_parked())
    }

    /// Whether the session in a slot is open or parked.
    pub(crate) fn is_alive(&self, slot: u32) -> bool {
        self.get(slot).is_some_and(|member| member.session.state().is_alive())
    }

    /// Whether the session in a slot has begun to close.
    pub(crate) fn is_closing(&self, slot: u32) -> bool {
        self.get(slot).is_some_and(|member| member.session.state().is_closing())
    }

    /// State specific to sessions of the comet dialect.
    pub(crate) fn comet_state(&self, slot: u32) -> Option<&CometState> {
        self.get(slot)?.session.comet_state()
    }

    /// Mutable [`comet_state`](Self::comet_state).
    pub(crate) fn comet_state_mut(&mut self, slot: u32) -> Option<&mut CometState> {
        self.get_mut(slot)?.session.comet_state_mut()
    }

    /// The slot of a session, unless it has ended.
    pub(crate) fn find(&self, id: SessionId) -> Option<u32> {
        let slot = self.slots.get(id.slot() as usize)?;
        let same = slot.generation & 0xfff_ffff == id.generation() && slot.member.is_some();
        same.then_some(id.slot())
    }

    /// Whether a session that is not found ended because it was not resumed in time; remembered
    /// until its slot has been used by another one.
    pub(crate) fn has_expired(&self, id: SessionId) -> bool {
        let slot = self.slots.get(id.slot() as usize);
        slot.is_some_and(|slot| {
            slot.expired && slot.generation.wrapping_sub(1) & 0xfff_ffff == id.generation()
        })
    }

    /// Id of the session in a slot.
    pub(crate) fn id(&self, slot: u32) -> SessionId {
        let generation = self.slots.get(slot as usize).map_or(0, |slot| slot.generation);
        SessionId::new(self.shard, slot, generation)
    }

    /// Slots in use, in no order.
    pub(crate) fn occupied(&self) -> impl Iterator<Item = u32> + '_ {
        (0u32..).zip(&self.slots).filter(|(_, slot)| slot.member.is_some()).map(|(slot, _)| slot)
    }

    /// Slots in use.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Sets the peer of a session, and enters it under its user.
    pub(crate) fn open(&mut self, slot: u32, peer: Peer) {
        if !peer.user().is_empty() {
            let hash = self.hasher.hash_one((peer.app(), peer.user()));
            let next = self.users.insert(
                hash,
                slot,
                |slot| {
                    let peer = self.slots[slot as usize].member.as_ref()?.peer.as_ref()?;
                    Some((peer.app(), peer.user()))
                },
                (peer.app(), peer.user()),
                |key| self.hasher.hash_one(key),
            );
            if let Some(next) = self.get_mut(next) {
                next.of_user.prev = slot;
            }
            if let Some(member) = self.get_mut(slot) {
                member.of_user.next = next;
            }
        }
        self.opened = self.opened.wrapping_add(1);
        if let Some(member) = self.slots[slot as usize].member.as_mut() {
            member.peer = Some(peer);
            member.since = self.opened;
        }
    }

    /// Appends the slots of a user's sessions to `out`.
    pub(crate) fn sessions_of(&self, app: &str, user: &str, out: &mut Vec<u32>) {
        let hash = self.hasher.hash_one((app, user));
        let mut slot = self.users.first(hash, |slot| self.is_user(slot, app, user));
        while let Some(member) = self.get(slot) {
            out.push(slot);
            slot = member.of_user.next;
        }
    }

    /// Adds a session to a room. Returns whether the room is new here.
    pub(crate) fn join(
        &mut self,
        slot: u32,
        name: &Arc<str>,
        limit: usize,
    ) -> Result<bool, NotJoined> {
        debug_assert!(!self.are_rooms_pinned, "a batch ends before members change");
        let member = self.slots.get_mut(slot as usize).and_then(|slot| slot.member.as_mut());
        let Some(member) = member else { return Err(NotJoined::NotOpen) };
        let hash = self.hasher.hash_one(&**name);
        let room = self.rooms.find(hash, name);
        if room.is_some_and(|room| member.rooms.iter().any(|other| other.room == room)) {
            return Err(NotJoined::Already);
        }
        if member.rooms.len() >= limit {
            return Err(NotJoined::TooMany);
        }
        let link = u32::try_from(member.rooms.len()).map_err(|_| NotJoined::TooMany)?;
        let is_new = room.is_none();
        let room = room
            .unwrap_or_else(|| self.rooms.create(hash, name, |name| self.hasher.hash_one(name)));
        let place = self.rooms.add(room, Place { slot, link });
        member.rooms.push(Membership { room, place });
        Ok(is_new)
    }

    /// Removes a session from a room. Returns whether it was the last one there; `None` if it was
    /// not in.
    pub(crate) fn leave(&mut self, slot: u32, name: &str) -> Option<bool> {
        let room = self.room(name)?;
        let link = self.get(slot)?.rooms.iter().position(|other| other.room == room)?;
        Some(self.unlink(slot, link))
    }

    /// Removes a session from the room it joined last; returns that room's name if it is now empty.
    pub(crate) fn leave_last(&mut self, slot: u32) -> Option<Option<Arc<str>>> {
        let rooms = &self.get(slot)?.rooms;
        let (last, room) = (rooms.len().checked_sub(1)?, rooms.last()?.room);
        let name = Arc::clone(self.rooms.name(room));
        Some(self.unlink(slot, last).then_some(name))
    }

    /// The room of that name, if it has members here.
    pub(crate) fn room(&self, name: &str) -> Option<u32> {
        self.rooms.find(self.hasher.hash_one(name), name)
    }

    /// Members of a room.
    pub(crate) fn members(&self, room: u32) -> &[Place] {
        self.rooms.members(room)
    }

    /// The log of a room.
    pub(crate) fn log(&mut self, room: u32, account: &Rc<Account>) -> SharedLog {
        self.rooms.log(room, |name| Log::new(account, name))
    }

    /// Makes every room drop half of the backlog of its slow members.
    pub(crate) fn halve_logs(&self) {
        self.rooms.logs().for_each(|log| log.borrow_mut().halve());
    }

    /// The room that a session joined last.
    pub(crate) fn last_room(&self, slot: u32) -> Option<u32> {
        Some(self.get(slot)?.rooms.last()?.room)
    }

    /// The name of a room.
    pub(crate) fn room_name(&self, room: u32) -> &Arc<str> {
        self.rooms.name(room)
    }

    /// Rooms that have members here.
    pub(crate) fn room_count(&self) -> usize {
        self.rooms.len()
    }

    /// Removes the membership at `link` of a session; both arrays fill the hole with their last
    /// entry, and references to that entry are updated.
    fn unlink(&mut self, slot: u32, link: usize) -> bool {
        debug_assert!(!self.are_rooms_pinned, "a batch ends before members change");
        let Some(member) = self.get_mut(slot) else { return false };
        let Membership { room, place } = member.rooms.swap_remove(link);
        if let Some(moved) = member.rooms.get(link).copied() {
            self.rooms.relink(moved.room, moved.place, link);
        }
        if let Some(moved) = self.rooms.remove(room, place)
            && let Some(other) = self.get_mut(moved.slot)
        {
            other.rooms[moved.link as usize].place = place;
        }
        self.rooms.members(room).is_empty() && {
            let hasher = &self.hasher;
            self.rooms.discard(room, |name| hasher.hash_one(name));
            true
        }
    }

    /// Removes a session from its user, and drops its peer.
    pub(crate) fn forget_user(&mut self, slot: u32) {
        let Some(member) = self.get_mut(slot) else { return };
        let Some(peer) = member.peer.take().filter(|peer| !peer.user().is_empty()) else { return };
        let links = std::mem::replace(&mut member.of_user, Links::NONE);
        if let Some(next) = self.get_mut(links.next) {
            next.of_user.prev = links.prev;
        }
        if let Some(prev) = self.get_mut(links.prev) {
            prev.of_user.next = links.next;
            return;
        }
        let hash = self.hasher.hash_one((peer.app(), peer.user()));
        self.users.replace(hash, slot, links.next);
    }

    fn is_user(&self, slot: u32, app: &str, user: &str) -> bool {
        let peer = self.get(slot).and_then(|member| member.peer.as_ref());
        peer.is_some_and(|peer| peer.user() == user && peer.app() == app)
    }
}

/// Bytes that a session takes here while no delivery is kept for it.
#[cfg(any(test, feature = "internals"))]
pub(crate) fn slot_size() -> usize {
    size_of::<Slot>()
}

#[cfg(test)]
mod tests;
