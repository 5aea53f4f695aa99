//! Rooms by name, each a dense array of its members.

use std::sync::Arc;

use hashbrown::HashTable;

use crate::delivery::SharedLog;

/// One member of a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    /// The member's slot.
    pub(crate) slot: u32,
    /// Index among the member's memberships.
    pub(super) link: u32,
}

#[derive(Debug)]
struct Room {
    name: Arc<str>,
    members: Vec<Place>,
    /// Backlog of slow members; created when the first falls behind.
    log: Option<SharedLog>,
}

/// The rooms of one bucket. Numbers are reused when a room is gone.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    by_name: HashTable<u32>,
    rooms: Vec<Room>,
    free: Vec<u32>,
}

impl Rooms {
    pub(super) fn find(&self, hash: u64, name: &str) -> Option<u32> {
        self.by_name.find(hash, |&room| &*self.rooms[room as usize].name == name).copied()
    }

    pub(super) fn create(
        &mut self,
        hash: u64,
        name: &Arc<str>,
        rehash: impl Fn(&str) -> u64,
    ) -> u32 {
        let room = Room { name: Arc::clone(name), members: Vec::new(), log: None };
        let number = match self.free.pop() {
            Some(number) => {
                self.rooms[number as usize] = room;
                number
            }
            None => {
                self.rooms.push(room);
                u32::try_from(self.rooms.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let rooms = &self.rooms;
        self.by_name.insert_unique(hash, number, |&room| rehash(&rooms[room as usize].name));
        number
    }

    /// Appends a member; returns its place.
    pub(super) fn add(&mut self, room: u32, place: Place) -> u32 {
        let members = &mut self.rooms[room as usize].members;
        members.push(place);
        u32::try_from(members.len() - 1).unwrap_or(u32::MAX)
    }

    /// Removes the member at a place; returns the member moved there, if any.
    pub(super) fn remove(&mut self, room: u32, place: u32) -> Option<Place> {
        let members = &mut self.rooms[room as usize].members;
        members.swap_remove(place as usize);
        members.get(place as usize).copied()
    }

    /// Updates the index of a place among its member's memberships.
    pub(super) fn relink(&mut self, room: u32, place: u32, link: usize) {
        self.rooms[room as usize].members[place as usize].link =
            u32::try_from(link).unwrap_or(u32::MAX);
    }

    /// Removes an empty room.
    pub(super) fn discard(&mut self, room: u32, rehash: impl Fn(&str) -> u64) {
        let entry = &mut self.rooms[room as usize];
        let hash = rehash(&entry.name);
        entry.members = Vec::new();
        entry.log = None;
        entry.name = "".into();
        if let Ok(found) = self.by_name.find_entry(hash, |&other| other == room) {
            found.remove();
        }
        self.free.push(room);
    }

    pub(super) fn members(&self, room: u32) -> &[Place] {
        &self.rooms[room as usize].members
    }

    pub(super) fn name(&self, room: u32) -> &Arc<str> {
        &self.rooms[room as usize].name
    }

    /// The room's log, created by `new` if it has none.
    pub(super) fn log(&mut self, room: u32, new: impl FnOnce(&Arc<str>) -> SharedLog) -> SharedLog {
        let Room { name, log, .. } = &mut self.rooms[room as usize];
        SharedLog::clone(log.get_or_insert_with(|| new(name)))
    }

    /// All logs of rooms.
    pub(super) fn logs(&self) -> impl Iterator<Item = &SharedLog> {
        self.rooms.iter().filter_map(|room| room.log.as_ref())
    }

    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }
}
