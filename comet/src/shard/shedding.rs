//! What is given up when the memory budget gets short, in this order:
//!
//! 1. best-effort deliveries are dropped for those for whose sockets more waits than for others
//!    (`Pressure::High`; see `delivering`);
//! 2. rooms forget half of what their slow members have not read, and whoever holds most gives way,
//!    until three quarters are in use: what waits for it goes first, then its connection, then,
//!    parked, all of it (`Severe`). What one holds of what many share is its share, and it counts
//!    in full only if nothing has been heard of the peer for a second;
//! 3. peers are turned away if nobody stalls who could give way for them (`Critical`);
//! 4. what then cannot be charged gives way itself: input that waits with its connection, a
//!    delivery with a gap in its place.
//!
//! Every loss is told by a gap, or by the end of the session. Who holds most is found by looking at
//! a part of those who were noted (`holders`), at most once in a while. A shard gives up its part
//! of the excess, and nothing while another has somebody who holds far more: that one is woken.

use std::mem;
use std::time::Duration;

use super::Shard;
use super::command::Command;
use super::holders::{Asked, Holders, Holding};
use crate::Closed;
use crate::budget::Pressure;
use crate::plant::Plant;
use crate::time::Time;

/// Between two looks, unless much has come since the last.
const PAUSE: Duration = Duration::from_millis(20);

/// This share of the budget is much.
const MUCH: usize = 64;

/// What a parked session is charged beside what is kept for it: about what it is in memory.
pub(super) const PARKED: usize = 1_024;

/// A session that stalls and holds less does not give way for one that only comes.
const LITTLE: usize = 1_024;

/// Milliseconds of silence from which on all that is kept for an open session counts. Of a peer
/// that was heard more recently a part does: one that talks and acknowledges, and is merely busy,
/// does not give way for those that have stopped reading.
const SILENCE: u128 = 1_024;
/// The least silence that counts: talking alone keeps no peer from giving way.
const HEARD: u128 = SILENCE / 8;

/// When the shard looked for somebody to give way, and whom it found.
#[derive(Debug, Default)]
pub(super) struct Shedding {
    pub(super) holders: Holders,
    /// The largest last.
    worst: Vec<Holding>,
    /// Whether the last look may have left out others as large.
    may_be_more: bool,
    next: Time,
    /// Another shard wants to know who holds most here.
    pub(super) is_asked: bool,
    /// From this many bytes in use on the next look need not wait.
    used: usize,
}

impl Shard {
    /// Gives something up if there is need to.
    pub(super) fn shed_if_short(&mut self) {
        if self.account.pressure() >= Pressure::Severe {
            self.shed();
        }
    }

    /// Whether somebody who comes cannot be let in: memory is gone, and nobody stalls who could
    /// give way.
    pub(super) fn has_no_room(&mut self) -> bool {
        if self.account.pressure() < Pressure::Critical {
            return false;
        }
        self.shed();
        let mine = self.shedding.worst.last().map_or(0, |worst| worst.bytes);
        let heaviest = self.account.heaviest_elsewhere().max(mine);
        self.account.pressure() >= Pressure::Critical && heaviest < LITTLE
    }

    /// Has those who hold more than `slot` give way until `fits` says that there is room. False if
    /// there is none, and nobody holds more.
    pub(super) fn make_room_for(
        &mut self,
        slot: u32,
        mut fits: impl FnMut(&mut Self) -> bool,
    ) -> bool {
        self.look();
        loop {
            if self.shedding.worst.is_empty() {
                // Those found before have given way, and another shard took what that freed. The
                // session is about to end, so the pause between two looks does not count.
                self.shedding.next = self.now;
                self.look();
            }
            let mine = self.holding(slot).bytes;
            match self.next_worst() {
                Some(worst) if worst.slot != slot && worst.bytes > mine => self.give_way(worst),
                _ => return false,
            }
            if fits(self) {
                return true;
            }
        }
    }

    /// What was to be kept of a connection cannot be. It ends; and something of what is kept for
    /// it, or it would meet the same again when it comes back.
    pub(super) fn run_out_of_memory(&mut self, slot: u32) {
        let gave = self.shed_latest(slot);
        let Some(member) = self.bucket.get_mut(slot) else { return };
        match member.session.shed().map(|gave_more| gave_more || gave) {
            Ok(true) => self.abandon(slot, &Closed::Shed),
            Ok(false) | Err(_) => self.abandon_for_good(slot, &Closed::Shed),
        }
    }

    /// Gives up this shard's part of what is too much, the worst first.
    fn shed(&mut self) {
        if self.look() {
            self.bucket.halve_logs();
        }
        let goal = self.account.goal();
        while self.account.used() > goal {
            self.look();
            let Some(worst) = self.next_worst() else { break };
            if worst.bytes < self.account.heaviest_elsewhere() / 2 {
                // That shard has been told that memory is short.
                self.shedding.worst.push(worst);
                break;
            }
            self.give_way(worst);
        }
        let left = self.shedding.worst.last().map_or(0, |worst| worst.bytes);
        self.account.note_heaviest(left);
        self.shedding.used = self.account.used() + self.account.limit() / MUCH;
    }

    /// Looks for those who hold most, if it is time to, or those who were found have given way.
    /// Whether it did.
    fn look(&mut self) -> bool {
        let has_grown = self.account.used() > self.shedding.used;
        let is_asked = mem::take(&mut self.shedding.is_asked);
        let is_due = self.now >= self.shedding.next || has_grown || is_asked;
        let goes_on = self.shedding.worst.is_empty() && self.shedding.may_be_more;
        if !is_due && !goes_on {
            return false;
        }
        let mut holders = mem::take(&mut self.shedding.holders);
        let worst = holders.look(|slot| self.holding(slot));
        self.shedding.may_be_more = holders.has_left_out();
        (self.shedding.holders, self.shedding.worst) = (holders, worst);
        let heaviest = self.shedding.worst.last().map_or(0, |worst| worst.bytes);
        self.account.note_heaviest(heaviest);
        if is_due {
            self.shedding.next = self.now + PAUSE;
            self.shedding.used = self.account.used() + self.account.limit() / MUCH;
            self.counters().sheds.add(1);
            if !is_asked {
                self.wake_others();
            }
        }
        is_due
    }

    /// Has the other shards look, too. One that sleeps does not know that memory is short, and what
    /// it said when it last looked may be long ago: until it has, nobody here gives way for it.
    fn wake_others(&self) {
        for (index, mailbox) in self.shared.mailboxes.iter().enumerate() {
            if index != self.index && !mailbox.is_stopped() {
                self.account.forget_heaviest(index);
                mailbox.post(Command::Relieve);
            }
        }
    }

    /// The one that holds most of those who were found, and what it holds by now.
    fn next_worst(&mut self) -> Option<Holding> {
        if self.limits.planted.has(Plant::WrongVictim) {
            let slot = self.bucket.occupied().last()?;
            return Some(Holding { bytes: usize::MAX, slot });
        }
        loop {
            let Holding { bytes, slot } = self.shedding.worst.pop()?;
            let now = self.holding(slot).bytes;
            // It may have read meanwhile, or be another one.
            if now > bytes / 2 {
                return Some(Holding { bytes: now, slot });
            }
        }
    }

    /// Bytes that a session and its connection hold, weighed by the silence of its peer.
    fn holding(&self, slot: u32) -> Asked {
        let Some(member) = self.bucket.get(slot) else { return Asked::default() };
        let session = &member.session;
        let parked = if session.is_parked() { PARKED } else { 0 };
        let (bytes, work) = session.holds();
        let mut asked = Asked { bytes: bytes + parked, work, stays: session.has_to_send() };
        if let Some(connection) = self.connections.get(slot) {
            if let Some(out) = &connection.out {
                let (bytes, work) = out.holds();
                (asked.bytes, asked.work) = (asked.bytes + bytes, asked.work + work);
            }
            asked.bytes += connection.tail.as_ref().map_or(0, |tail| tail.bytes());
            asked.stays |= connection.state.blocked || connection.tail.is_some();
        }
        asked.stays |= parked > 0 || asked.bytes >= LITTLE;
        asked.bytes = weigh(asked.bytes, session.silence(self.now));
        asked
    }

    /// Takes from the session until it holds less than half of what it held.
    fn give_way(&mut self, worst: Holding) {
        // What waits, the connection, and all of a parked session.
        for _ in 0..3 {
            self.shed_session(worst.slot);
            if self.holding(worst.slot).bytes <= worst.bytes / 2 {
                return;
            }
        }
    }

    /// What waits goes first; what is on its way to the socket, and input that waits, next, with
    /// the connection; last, of a parked session, all of it.
    fn shed_session(&mut self, slot: u32) {
        let gave = self.shed_latest(slot);
        let Some(member) = self.bucket.get_mut(slot) else { return };
        match member.session.shed().map(|gave_more| gave_more || gave) {
            Ok(true) => self.send_waiting(slot),
            Ok(false) if member.session.is_parked() => self.end_for_good(slot, &Closed::Shed),
            Ok(false) => self.abandon(slot, &Closed::Shed),
            Err(_) => self.end_for_good(slot, &Closed::Shed),
        }
    }
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
