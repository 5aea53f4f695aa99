//! Census of a room, taken on one shard after the other: a goim peer's heartbeat asks for it.
//!
//! The count travels from shard to shard and back, so that no shard keeps a copy to be kept right,
//! and a room costs nothing for it. Parked members count: they are kept in the room.
//!
//! Not here: the other dialects, whose heartbeat replies count nobody.

use std::collections::BTreeSet;
use std::sync::Arc;

use comet_protocol::codec::Output;

use super::command::{Census, Command};
use super::context::Context;
use super::endpoints::Endpoints;
use crate::SessionId;

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

/// Answers the heartbeat of a goim peer: when all shards have been asked or, if it asks again
/// before that, with the count of this one.
pub(super) fn count_for(ep: &mut Endpoints, counting: &mut Counting, slot: u32, seq: u32) {
    let Some(room) = ep.bucket.last_room(slot) else {
        return send_count(ep, slot, seq, 0);
    };
    let session = ep.bucket.id(slot);
    let members = count(ep.bucket.members(room).len());
    let room = Arc::clone(ep.bucket.room_name(room));
    let census = Census { session, seq, room, members };
    match next_with(&ep.cx, &census) {
        Some(shard) if counting.begin(session) => pass_on(&ep.cx, shard, census),
        _ => send_count(ep, slot, seq, members),
    }
}

/// Goes on with a count that began on another shard, or is back from the others.
pub(super) fn go_on(ep: &mut Endpoints, counting: &mut Counting, mut census: Census) {
    let home = census.session.shard();
    if home == ep.cx.index {
        counting.end(census.session);
        if let Some(slot) = ep.bucket.find(census.session) {
            send_count(ep, slot, census.seq, census.members);
        }
        return;
    }
    if let Some(room) = ep.bucket.room(&census.room) {
        let here = count(ep.bucket.members(room).len());
        census.members = census.members.saturating_add(here);
    }
    let next = next_with(&ep.cx, &census).unwrap_or(home);
    pass_on(&ep.cx, next, census);
}

/// The next shard that may have members, of those between this one and where the count began.
fn next_with(cx: &Context, census: &Census) -> Option<usize> {
    let (home, shards) = (census.session.shard(), cx.shared.mailboxes.len());
    let hash = cx.shared.homes.room_hash(&census.room);
    let after = (1..shards).map(|step| (cx.index + step) % shards);
    let mut others = after.take_while(|&shard| shard != home);
    others.find(|&shard| cx.shared.room_filters[shard].may_have(hash))
}

fn pass_on(cx: &Context, shard: usize, census: Census) {
    cx.shared.mailboxes[shard].post(Command::Count(Box::new(census)));
}

fn send_count(ep: &mut Endpoints, slot: u32, seq: u32, members: u32) {
    if let Some(mut out) = ep.out(slot) {
        out.put(&Output::HeartbeatReply { seq, members });
    }
}

/// As goim tells it, in 32 bits with a sign.
fn count(members: usize) -> u32 {
    i32::try_from(members).unwrap_or(i32::MAX).unsigned_abs()
}
