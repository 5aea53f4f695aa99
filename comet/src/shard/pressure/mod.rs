//! Load shedding when the memory budget gets short, in this order:
//!
//! 1. best-effort deliveries are dropped for sessions with a larger backlog than others (see
//!    `endpoints`), and publishes do not wait in queues for the end of the turn (see `publisher`;
//!    `High`);
//! 2. rooms forget half of the deliveries that slow members have not read, and the sessions that
//!    hold most give way, until three quarters are in use: first their queues, then their
//!    connections, then, parked, everything (`Severe`). Of shared memory a session holds its share;
//!    it counts in full only after a second of silence of the peer;
//! 3. peers are turned away if no stalled session could give way for them (`Critical`);
//! 4. input that cannot be charged then ends its connection, a delivery becomes a gap.
//!
//! Every loss is reported by a gap, or by the end of the session. The largest holders are found by
//! looking at some of the sessions that were noted (`holders`), at most every 20 ms. A shard gives
//! up its part of the excess, and nothing while another shard has a far larger holder: that shard
//! is woken.

use std::mem;
use std::time::Duration;

use super::command::Command;
use super::endpoints::Endpoints;
use super::holders::{Asked, Holding};
use super::lifecycle::{Lifecycle, PARKED};
use crate::Closed;
use crate::budget::Pressure;
use crate::time::Time;

/// Between two looks, unless much has come since the last.
const PAUSE: Duration = Duration::from_millis(20);

/// This share of the budget is much.
const MUCH: usize = 64;

/// A session that stalls and holds less does not give way for one that only comes.
const LITTLE: usize = 1_024;

/// Milliseconds of silence from which on all that is kept for an open session counts. Of a peer
/// that was heard more recently a part does: one that talks and acknowledges, and is merely busy,
/// does not give way for those that have stopped reading.
const SILENCE: u128 = 1_024;
/// The least silence that counts: talking alone keeps no peer from giving way.
const HEARD: u128 = SILENCE / 8;

/// The search for sessions that give way: the time of the last one, and its results.
#[derive(Debug, Default)]
pub(super) struct Shedding {
    /// The largest last.
    worst: Vec<Holding>,
    /// Whether the last look may have left out others as large.
    may_be_more: bool,
    next: Time,
    /// Another shard waits for the largest holding of this one.
    is_asked: bool,
    /// From this many bytes in use on the next look need not wait.
    used: usize,
}

impl Shedding {
    /// Has the next turn look: another shard is short of memory.
    pub(super) fn ask(&mut self) {
        self.is_asked = true;
    }

    /// Gives something up if there is need to.
    pub(super) fn shed_if_short(&mut self, ep: &mut Endpoints, life: &mut Lifecycle) {
        if ep.account.pressure() >= Pressure::Severe {
            self.shed(ep, life);
        }
    }

    /// Whether a newcomer cannot be let in: memory is gone, and no stalled session could give way.
    pub(super) fn has_no_room(&mut self, ep: &mut Endpoints, life: &mut Lifecycle) -> bool {
        if ep.account.pressure() < Pressure::Critical {
            return false;
        }
        self.shed(ep, life);
        let mine = self.worst.last().map_or(0, |worst| worst.bytes);
        let heaviest = ep.account.heaviest_elsewhere().max(mine);
        ep.account.pressure() >= Pressure::Critical && heaviest < LITTLE
    }

    /// Has sessions that hold more than `slot` give way until `fits` finds room. False if there is
    /// none, and no session holds more.
    pub(super) fn make_room_for(
        &mut self,
        ep: &mut Endpoints,
        life: &mut Lifecycle,
        slot: u32,
        mut fits: impl FnMut(&mut Endpoints) -> bool,
    ) -> bool {
        self.look(ep);
        loop {
            if self.worst.is_empty() {
                // Those found before have given way, and another shard took what that freed. The
                // session is about to end, so the pause between two looks does not count.
                self.next = ep.cx.now;
                self.look(ep);
            }
            let mine = holding(ep, slot).bytes;
            match self.next_worst(ep) {
                Some(worst) if worst.slot != slot && worst.bytes > mine => {
                    self.give_way(ep, life, worst)
                }
                _ => return false,
            }
            if fits(ep) {
                return true;
            }
        }
    }

    /// Ends a connection whose input or output cannot be kept, and gives up deliveries of its
    /// session, which would meet the same again when it is back.
    pub(super) fn run_out_of_memory(
        &mut self,
        ep: &mut Endpoints,
        life: &mut Lifecycle,
        slot: u32,
    ) {
        let gave = ep.shed_latest(slot);
        let Some(member) = ep.bucket.get_mut(slot) else { return };
        match member.session.owed_mut().shed().map(|gave_more| gave_more || gave) {
            Ok(true) => life.abandon(ep, slot, &Closed::Shed),
            Ok(false) | Err(_) => life.abandon_for_good(ep, slot, &Closed::Shed),
        }
    }

    /// Gives up this shard's part of the excess, the largest holders first.
    fn shed(&mut self, ep: &mut Endpoints, life: &mut Lifecycle) {
        if self.look(ep) {
            ep.bucket.halve_logs();
        }
        let goal = ep.account.goal();
        while ep.account.used() > goal {
            self.look(ep);
            let Some(worst) = self.next_worst(ep) else { break };
            if worst.bytes < ep.account.heaviest_elsewhere() / 2 {
                // That shard has been told that memory is short.
                self.worst.push(worst);
                break;
            }
            self.give_way(ep, life, worst);
        }
        let left = self.worst.last().map_or(0, |worst| worst.bytes);
        ep.account.note_heaviest(left);
        self.used = ep.account.used() + ep.account.limit() / MUCH;
    }

    /// Looks for the largest holders, if it is time to, or those found before have given way.
    /// Whether it did.
    fn look(&mut self, ep: &mut Endpoints) -> bool {
        let has_grown = ep.account.used() > self.used;
        let is_asked = mem::take(&mut self.is_asked);
        let is_due = ep.cx.now >= self.next || has_grown || is_asked;
        let goes_on = self.worst.is_empty() && self.may_be_more;
        if !is_due && !goes_on {
            return false;
        }
        let mut holders = mem::take(&mut ep.holders);
        let worst = holders.look(|slot| holding(ep, slot));
        self.may_be_more = holders.has_left_out();
        (ep.holders, self.worst) = (holders, worst);
        let heaviest = self.worst.last().map_or(0, |worst| worst.bytes);
        ep.account.note_heaviest(heaviest);
        if is_due {
            self.next = ep.cx.now + PAUSE;
            self.used = ep.account.used() + ep.account.limit() / MUCH;
            ep.cx.counters().sheds.add(1);
            if !is_asked {
                self.wake_others(ep);
            }
        }
        is_due
    }

    /// Has the other shards look, too. A sleeping shard does not know that memory is short, and its
    /// last report may be old: until it has looked, no session here gives way for it.
    fn wake_others(&self, ep: &Endpoints) {
        for (index, mailbox) in ep.cx.shared.mailboxes.iter().enumerate() {
            if index != ep.cx.index && !mailbox.is_stopped() {
                ep.account.forget_heaviest(index);
                mailbox.post(Command::Relieve);
            }
        }
    }

    /// The largest holder of those that were found, with its present holding.
    fn next_worst(&mut self, ep: &Endpoints) -> Option<Holding> {
        loop {
            let Holding { bytes, slot } = self.worst.pop()?;
            let now = holding(ep, slot).bytes;
            // It may have read meanwhile, or be another one.
            if now > bytes / 2 {
                return Some(Holding { bytes: now, slot });
            }
        }
    }

    /// Takes from the session until it holds less than half of what it held.
    fn give_way(&mut self, ep: &mut Endpoints, life: &mut Lifecycle, worst: Holding) {
        // What waits, the connection, and all of a parked session.
        for _ in 0..3 {
            self.shed_session(ep, life, worst.slot);
            if holding(ep, worst.slot).bytes <= worst.bytes / 2 {
                return;
            }
        }
    }

    /// Takes from a session: first its queue; next output and input, with the connection; last, of
    /// a parked session, everything.
    fn shed_session(&mut self, ep: &mut Endpoints, life: &mut Lifecycle, slot: u32) {
        let gave = ep.shed_latest(slot);
        let Some(member) = ep.bucket.get_mut(slot) else { return };
        match member.session.owed_mut().shed().map(|gave_more| gave_more || gave) {
            Ok(true) => ep.send_waiting(slot),
            Ok(false) if member.session.state().is_parked() => {
                life.end_for_good(ep, slot, &Closed::Shed)
            }
            Ok(false) => life.abandon(ep, slot, &Closed::Shed),
            Err(_) => life.end_for_good(ep, slot, &Closed::Shed),
        }
    }
}

/// Bytes that a session and its connection hold, weighed by the silence of its peer.
fn holding(ep: &Endpoints, slot: u32) -> Asked {
    let Some(member) = ep.bucket.get(slot) else { return Asked::default() };
    let session = &member.session;
    let parked = if session.state().is_parked() { PARKED } else { 0 };
    let (bytes, work) = session.holds();
    let mut asked = Asked { bytes: bytes + parked, work, stays: session.owed().has_to_send() };
    if let Some(connection) = ep.connections.get(slot) {
        if let Some(out) = &connection.out {
            let (bytes, work) = out.holds();
            (asked.bytes, asked.work) = (asked.bytes + bytes, asked.work + work);
        }
        let (bytes, work) = connection.lanes_hold();
        (asked.bytes, asked.work) = (asked.bytes + bytes, asked.work + work);
        asked.stays |= connection.has_blocked_lane();
        asked.bytes += connection.extras.tail().map_or(0, |tail| tail.bytes());
        asked.stays |= connection.state.blocked || connection.extras.tail().is_some();
    }
    asked.stays |= parked > 0 || asked.bytes >= LITTLE;
    asked.bytes = weigh(asked.bytes, session.state().silence(ep.cx.now));
    asked
}

/// Bytes as they count for a peer that was heard so long ago.
fn weigh(bytes: usize, silence: Duration) -> usize {
    let part = silence.as_millis().clamp(HEARD, SILENCE);
    usize::try_from(bytes as u128 * part / SILENCE).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_in_full_after_a_second_of_silence_and_never_for_nothing() {
        let weights = [0, 100, 512, 1_024, 60_000]
            .map(|millis| weigh(800_000, Duration::from_millis(millis)));
        assert_eq!(weights, [100_000, 100_000, 400_000, 800_000, 800_000]);
        assert_eq!(weigh(usize::MAX, Duration::MAX), usize::MAX);
    }
}
