//! What is given up when the memory budget gets short, in this order:
//!
//! 1. comet peers get no new sessions, and best-effort deliveries are dropped for those for whose
//!    sockets more waits than for others (`Pressure::High`; see `opening` and `delivering`);
//! 2. rooms forget half of what their slow members have not read, and nobody is let in but who
//!    comes back (`Severe`);
//! 3. those for whom most is kept lose what waits for them, parked sessions before others, until
//!    the pressure is gone; who has nothing waiting but much in flight or on its way to the socket
//!    loses its connection, or, parked, ends (`Critical`).
//!
//! Every loss is told by a gap, or by the end of the session.

use std::time::Duration;

use super::Shard;
use crate::Closed;
use crate::budget::Pressure;
use crate::time::Time;

/// Looking for the worst offenders means to look at everybody.
const PAUSE: Duration = Duration::from_millis(20);

/// What a parked session is charged beside what is kept for it: about what it is in memory.
pub(super) const PARKED: usize = 1_024;

/// When the shard looked for something to give up.
#[derive(Debug, Default)]
pub(super) struct Shedding {
    next: Time,
}

impl Shard {
    /// Gives something up if there is need to, and it has not just been tried.
    pub(super) fn shed_if_short(&mut self) {
        if self.now >= self.shedding.next && self.account.pressure() >= Pressure::Severe {
            self.shedding.next = self.now + PAUSE;
            self.shed();
        }
    }

    /// Gives up what the pressure asks for, of what this shard has beyond its share.
    fn shed(&mut self) {
        self.counters().sheds.add(1);
        self.bucket.halve_logs();
        let goal = self.account.share(12);
        let before = self.account.used();
        if self.account.pressure() < Pressure::Critical || before <= goal {
            return;
        }
        let mut handled = 0;
        for (bytes, slot) in self.worst_offenders() {
            // Some of it is freed only when the next look finds its session parked.
            if self.account.used() <= goal || handled >= before - goal {
                return;
            }
            handled += bytes;
            self.shed_session(slot);
        }
    }

    /// What is on its way to a session cannot be paid for. It loses its connection; and something
    /// of what is kept for it, or it would meet the same again when it comes back.
    pub(super) fn run_out_of_memory(&mut self, slot: u32) {
        let Some(member) = self.bucket.get_mut(slot) else { return };
        match member.session.shed() {
            Ok(true) => self.abandon(slot, &Closed::Shed),
            Ok(false) | Err(_) => self.abandon_for_good(slot, &Closed::Shed),
        }
    }

    /// Sessions for which something is kept: parked ones first, then by how much it is.
    fn worst_offenders(&self) -> Vec<(usize, u32)> {
        let mut offenders: Vec<(bool, usize, u32)> = self
            .bucket
            .occupied()
            .filter_map(|slot| {
                let session = &self.bucket.get(slot)?.session;
                let parked = if session.is_parked() { PARKED } else { 0 };
                let bytes = session.bytes_owed()
                    + self.backlog(slot).unwrap_or(0)
                    + parked
                    + self.input_held(slot);
                (bytes > 0).then_some((session.is_parked(), bytes, slot))
            })
            .collect();
        offenders.sort_unstable_by(|left, right| right.cmp(left));
        offenders.into_iter().map(|(_, bytes, slot)| (bytes, slot)).collect()
    }

    /// What waits goes first; what is on its way to the socket next, with the connection; last, of
    /// a parked session, all of it.
    fn shed_session(&mut self, slot: u32) {
        let backlog = self.backlog(slot).unwrap_or(0) + self.input_held(slot);
        let Some(member) = self.bucket.get_mut(slot) else { return };
        let rest = member.session.bytes_owed();
        match member.session.shed() {
            Ok(true) if backlog > rest => self.abandon(slot, &Closed::Shed),
            Ok(true) => self.send_waiting(slot),
            Ok(false) if member.session.is_parked() => self.end_for_good(slot, &Closed::Shed),
            Ok(false) => self.abandon(slot, &Closed::Shed),
            Err(_) => self.end_for_good(slot, &Closed::Shed),
        }
    }
}
