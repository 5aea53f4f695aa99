//! Home shard of a user, and shards with members of a room.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::keyed::Keyed;

/// Maps users to shards, unchanged for as long as the gateway runs.
#[derive(Clone, Debug)]
pub(crate) struct Homes {
    hasher: Keyed,
    shards: usize,
}

impl Homes {
    pub(crate) fn new(shards: usize, hasher: Keyed) -> Self {
        Self { hasher, shards }
    }

    /// The shard on which all sessions of the user live.
    pub(crate) fn of(&self, app: &str, user: &str) -> usize {
        if self.shards == 1 {
            return 0;
        }
        usize::try_from(self.hasher.hash_one((app, user)) >> 1).unwrap_or(0) % self.shards
    }

    /// Hash of a room in [`RoomFilter`].
    pub(crate) fn room_hash(&self, room: &str) -> u64 {
        self.hasher.hash_one(room)
    }
}

const PLACES: usize = 4_096;

/// Tells publishers that a shard certainly has no member of a room, without a request to the shard.
///
/// A counting filter of 16 KiB: each room that exists on the shard, and each pending join, counts
/// one. A collision costs a command without effect.
#[derive(Debug)]
pub(crate) struct RoomFilter(Box<[AtomicU32]>);

impl RoomFilter {
    pub(crate) fn new() -> Self {
        Self((0..PLACES).map(|_| AtomicU32::new(0)).collect())
    }

    pub(crate) fn add(&self, room: u64) {
        self.place(room).fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn remove(&self, room: u64) {
        self.place(room).fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn may_have(&self, room: u64) -> bool {
        self.place(room).load(Ordering::Relaxed) > 0
    }

    fn place(&self, room: u64) -> &AtomicU32 {
        &self.0[usize::try_from(room % PLACES as u64).unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_present_from_its_first_count_to_its_last() {
        let (homes, filter) = (Homes::new(4, Keyed::by_chance()), RoomFilter::new());
        let room = homes.room_hash("lobby");
        assert!(!filter.may_have(room));
        filter.add(room);
        filter.add(room);
        filter.remove(room);
        assert!(filter.may_have(room));
        filter.remove(room);
        assert!(!filter.may_have(room));
    }

    #[test]
    fn users_spread_over_all_shards_and_stay_where_they_are() {
        let homes = Homes::new(4, Keyed::by_chance());
        let mut counts = [0; 4];
        for user in 0..1_000 {
            let user = user.to_string();
            counts[homes.of("app", &user)] += 1;
            assert_eq!(homes.of("app", &user), homes.of("app", &user));
        }
        assert!(counts.iter().all(|&count| count > 150), "{counts:?}");
    }
}
