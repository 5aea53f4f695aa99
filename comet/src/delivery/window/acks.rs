//! Acknowledgements by the peer.

use comet_protocol::comet::{Received, Seq};

use super::{Ack, InFlight, Window};
use crate::time::Time;

impl Window {
    /// Number before the first unacknowledged one, and the last assigned.
    pub(crate) fn span(&self) -> (Seq, Seq) {
        (self.first.prev(), self.first.counted(self.in_flight.len()).prev())
    }

    /// Takes the ack of one number. Afterwards drain [`poll_transmit`](Self::poll_transmit).
    pub(crate) fn ack(&mut self, now: Time, seq: Seq) -> Ack {
        let index = seq.count_from(self.first);
        let Some(entry) = self.in_flight.get_mut(index) else {
            // Half of the number space lies behind: sent once, or made up by the peer.
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

    /// Takes the set of numbers that have arrived. Returns how many are newly acknowledged, each
    /// reported with its tag; `None` if the peer claims a number that was never sent.
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

    /// Whether every number that the peer claims was sent.
    pub(crate) fn has_sent(&self, received: Received<'_>) -> bool {
        let claims = received.ranges().last().map_or(received.up_to(), |range| range.last);
        let last = self.span().1;
        // Serial numbers are circular: the number must also have been assigned.
        !claims.is_after(last) && u64::from(last.since(received.up_to())) <= self.given + 1
    }

    /// Deliveries in flight up to `number`.
    pub(super) fn count_up_to(&self, number: Seq) -> usize {
        // Where numbering passes 0, the number before it is the last.
        let last = if number.is_none() { number.prev() } else { number };
        let is_ahead = last.is_after(self.first.prev());
        let count = if is_ahead { last.count_from(self.first).saturating_add(1) } else { 0 };
        count.min(self.in_flight.len())
    }

    /// Drops acknowledged deliveries from the front.
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
