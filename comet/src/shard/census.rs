//! How many are in a room, counted on one shard after the other: what a goim peer's heartbeat asks.
//!
//! The count travels from shard to shard and back, so that no shard keeps what it would have to
//! keep right, and a room costs nothing for it. Parked members count: they are kept in the room.
//!
//! Not here: the other dialects, whose heartbeat replies count nobody.

use std::collections::BTreeSet;
use std::sync::Arc;

use comet_protocol::Outbound;

use super::Shard;
use super::command::Command;
use crate::SessionId;

/// A count under way.
#[derive(Debug)]
pub(crate) struct Census {
    /// Whose heartbeat is answered in the end, and on whose shard that is.
    session: SessionId,
    /// Of the heartbeat.
    seq: u32,
    room: Arc<str>,
    members: u32,
}

/// Sessions of a shard for which a count is under way: one for each at most, so that no peer can
/// fill the mailboxes of other shards.
#[derive(Debug, Default)]
pub(super) struct Counting(BTreeSet<SessionId>);

impl Counting {
    /// False if one is under way already.
    fn begin(&mut self, session: SessionId) -> bool {
        self.0.insert(session)
    }

    fn end(&mut self, session: SessionId) {
        self.0.remove(&session);
    }
}

impl Shard {
    /// Answers the heartbeat of a goim peer: when all shards have been asked or, if it asks again
    /// before that, with the count of this one.
    pub(super) fn count_for(&mut self, slot: u32, seq: u32) {
        let Some(room) = self.bucket.last_room(slot) else {
            return self.send_count(slot, seq, 0);
        };
        let session = self.bucket.id(slot);
        let members = count(self.bucket.members(room).len());
        let room = Arc::clone(self.bucket.room_name(room));
        let census = Census { session, seq, room, members };
        match self.next_with(&census) {
            Some(shard) if self.counting.begin(session) => self.pass_on(shard, census),
            _ => self.send_count(slot, seq, members),
        }
    }

    /// A count that began on another shard, or is back from the others.
    pub(super) fn take_census(&mut self, mut census: Census) {
        let home = census.session.shard();
        if home == self.index {
            self.counting.end(census.session);
            if let Some(slot) = self.bucket.find(census.session) {
                self.send_count(slot, census.seq, census.members);
            }
            return;
        }
        if let Some(room) = self.bucket.room(&census.room) {
            let here = count(self.bucket.members(room).len());
            census.members = census.members.saturating_add(here);
        }
        let next = self.next_with(&census).unwrap_or(home);
        self.pass_on(next, census);
    }

    /// The next shard that may have members, of those between this one and where the count began.
    fn next_with(&self, census: &Census) -> Option<usize> {
        let (home, shards) = (census.session.shard(), self.shared.mailboxes.len());
        let hash = self.shared.homes.room_hash(&census.room);
        let after = (1..shards).map(|step| (self.index + step) % shards);
        let mut others = after.take_while(|&shard| shard != home);
        others.find(|&shard| self.shared.presence[shard].may_have(hash))
    }

    fn pass_on(&self, shard: usize, census: Census) {
        self.shared.mailboxes[shard].post(Command::Count(Box::new(census)));
    }

    fn send_count(&mut self, slot: u32, seq: u32, members: u32) {
        self.send(slot, Outbound::HeartbeatReply { seq }, &members.to_be_bytes());
    }
}

/// As goim tells it, in 32 bits with a sign.
fn count(members: usize) -> u32 {
    i32::try_from(members).unwrap_or(i32::MAX).unsigned_abs()
}
