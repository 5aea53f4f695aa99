//! What a peer says has arrived.

use comet_protocol::comet::{Received, Seq};

use super::{Ack, InFlight, Window};
use crate::time::Time;

impl Window {
    /// The number before the first that is not acknowledged, and the last that was given.
    pub(crate) fn span(&self) -> (Seq, Seq) {
        (self.first.prev(), self.first.counted(self.in_flight.len()).prev())
    }

    /// Takes the peer's ack of one number. Afterwards [`poll_transmit`](Self::poll_transmit) may
    /// have something.
    pub(crate) fn ack(&mut self, now: Time, seq: Seq) -> Ack {
        let index = seq.count_from(self.first);
        let Some(entry) = self.in_flight.get_mut(index) else {
            // Half of the numbers lie behind: they were sent once, or the peer makes them up.
            let behind = self.first.get().wrapping_sub(seq.get());
            let sent = !seq.is_none() && behind != 0 && behind < self.first.get().min(u32::MAX / 2);
            return if sent { Ack::Repeated } else { Ack::Unknown };
        };
        let Some(item) = entry.item.take() else { return Ack::Repeated };
        if entry.attempts == 1 {
            self.rtt.sample(now.wrapping_millis().wrapping_sub(entry.sent_at));
        }
        self.flight_bytes -= item.len();
        self.drop_acked();
        Ack::Fresh(item.tag())
    }

    /// Takes word of everything that has arrived. How many were not known to have, each of which
    /// is reported with its tag; `None` if the peer claims what was never sent.
    pub(crate) fn receive(
        &mut self,
        now: Time,
        received: Received<'_>,
        mut done: impl FnMut(u64),
    ) -> Option<usize> {
        if !self.has_sent(received) {
            return None;
        }
        let mut fresh = 0;
        let mut sample = None;
        let mut bytes = 0;
        let mut take = |entry: &mut InFlight| {
            let Some(item) = entry.item.take() else { return };
            if entry.attempts == 1 {
                sample = Some(entry.sent_at);
            }
            bytes += item.len();
            fresh += 1;
            done(item.tag());
        };
        let whole = self.count_up_to(received.up_to());
        self.in_flight.iter_mut().take(whole).for_each(&mut take);
        for range in received.ranges() {
            let from = range.first.count_from(self.first).max(whole);
            let to = range.last.count_from(self.first);
            let count = to.saturating_sub(from).saturating_add(1);
            self.in_flight.iter_mut().skip(from).take(count).for_each(&mut take);
        }
        self.flight_bytes -= bytes;
        if let Some(sent_at) = sample {
            self.rtt.sample(now.wrapping_millis().wrapping_sub(sent_at));
        }
        self.drop_acked();
        Some(fresh)
    }

    /// Whether everything that the peer says has arrived was sent.
    pub(crate) fn has_sent(&self, received: Received<'_>) -> bool {
        let claims = received.ranges().last().map_or(received.up_to(), |range| range.last);
        let last = self.span().1;
        // On a circle everything comes before something: it must also have been given.
        !claims.is_after(last) && u64::from(last.since(received.up_to())) <= self.given + 1
    }

    /// How many in flight have no later number.
    pub(super) fn count_up_to(&self, number: Seq) -> usize {
        // Where counting passes 0, the number before it is the last.
        let last = if number.is_none() { number.prev() } else { number };
        let is_ahead = last.is_after(self.first.prev());
        let count = if is_ahead { last.count_from(self.first).saturating_add(1) } else { 0 };
        count.min(self.in_flight.len())
    }

    /// What the peer acknowledged counts no more.
    pub(super) fn drop_acked(&mut self) {
        let mut count = 0;
        while self.in_flight.front().is_some_and(|entry| entry.item.is_none()) {
            self.in_flight.pop_front();
            count += 1;
        }
        self.first = self.first.counted(count);
        for at in [&mut self.resend_at, &mut self.replay_at] {
            *at = if *at == usize::MAX { usize::MAX } else { at.saturating_sub(count) };
        }
    }
}
