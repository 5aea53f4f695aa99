//! Members of rooms, and messages since the last wake-up.

use std::collections::HashMap;

use super::connection::PeerState;

#[derive(Debug, Default)]
struct Room {
    members: Vec<u32>,
    batch: Vec<u8>,
}

/// All rooms; they stay when the last member has left.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    names: HashMap<String, u32>,
    rooms: Vec<Room>,
    /// Rooms with messages in this wake-up.
    spoken: Vec<u32>,
}

impl Rooms {
    /// Adds a member.
    pub(super) fn join(&mut self, name: &str, member: usize) -> PeerState {
        let next = self.names.len();
        let room = *self.names.entry(name.to_owned()).or_insert_with(|| number(next));
        if room as usize == self.rooms.len() {
            self.rooms.push(Room::default());
        }
        let members = &mut self.rooms[room as usize].members;
        members.push(number(member));
        PeerState::Room { room, slot: number(members.len() - 1) }
    }

    /// Takes a member off the list; returns the one that is in its place now.
    pub(super) fn leave(&mut self, room: u32, slot: u32) -> Option<usize> {
        let members = &mut self.rooms[room as usize].members;
        members.swap_remove(slot as usize);
        members.get(slot as usize).map(|member| *member as usize)
    }

    /// Buffer of the room's messages until the end of the wake-up.
    pub(super) fn batch(&mut self, room: u32) -> &mut Vec<u8> {
        let batch = &mut self.rooms[room as usize].batch;
        if batch.is_empty() {
            self.spoken.push(room);
        }
        batch
    }

    /// A room with messages in this wake-up, which may have been sent already.
    pub(super) fn next_spoken(&mut self) -> Option<u32> {
        self.spoken.pop()
    }

    /// Takes the room's messages.
    pub(super) fn take_batch(&mut self, room: u32) -> Vec<u8> {
        std::mem::take(&mut self.rooms[room as usize].batch)
    }

    /// It is sent: its memory is used again.
    pub(super) fn give_back(&mut self, room: u32, mut batch: Vec<u8>) {
        batch.clear();
        self.rooms[room as usize].batch = batch;
    }

    /// Lends the list of members.
    pub(super) fn take_members(&mut self, room: u32) -> Vec<u32> {
        std::mem::take(&mut self.rooms[room as usize].members)
    }

    /// Takes it back.
    pub(super) fn put_members(&mut self, room: u32, members: Vec<u32>) {
        self.rooms[room as usize].members = members;
    }
}

/// Descriptors, and so members and rooms, are fewer than 2^32.
fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
