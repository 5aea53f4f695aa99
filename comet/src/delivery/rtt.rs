//! Round-trip estimate and retransmission time-out (RFC 6298), in milliseconds.

/// Smoothed round trip and its variation; 12 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rtt {
    /// The last sample, until taken; 0 for none.
    last: u32,
    /// Eight times the smoothed round trip; 0 before the first sample.
    srtt_x8: u32,
    /// Four times the variation.
    var_x4: u32,
}

/// Upper bound of a sample: longer ones tell about the peer, not about the path.
const MAX_SAMPLE: u32 = 60_000;

impl Rtt {
    /// Records the round trip of a delivery that was sent exactly once (Karn's rule).
    pub(crate) fn sample(&mut self, millis: u32) {
        let millis = millis.clamp(1, MAX_SAMPLE);
        self.last = millis;
        if self.srtt_x8 == 0 {
            self.srtt_x8 = millis * 8;
            self.var_x4 = millis * 2;
            return;
        }
        let error = (self.srtt_x8 / 8).abs_diff(millis);
        self.var_x4 = self.var_x4 - self.var_x4 / 4 + error;
        self.srtt_x8 = self.srtt_x8 - self.srtt_x8 / 8 + millis;
    }

    /// Takes the last sample; `None` if it was taken before.
    pub(crate) fn take_last(&mut self) -> Option<u32> {
        match std::mem::take(&mut self.last) {
            0 => None,
            millis => Some(millis),
        }
    }

    /// Retransmission time-out, never less than `least`.
    pub(crate) fn timeout(self, least: u32) -> u32 {
        (self.srtt_x8 / 8 + self.var_x4.max(1)).max(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sample_waits_for_three_round_trips() {
        let mut rtt = Rtt::default();
        assert_eq!(rtt.timeout(2_000), 2_000);
        rtt.sample(1_000);
        assert_eq!(rtt.timeout(1), 3_000);
    }

    #[test]
    fn steady_round_trips_bring_the_timeout_close_to_them() {
        let mut rtt = Rtt::default();
        (0..100).for_each(|_| rtt.sample(400));
        assert!((400..=420).contains(&rtt.timeout(1)), "{}", rtt.timeout(1));
    }

    #[test]
    fn jitter_of_round_trips_widens_the_timeout() {
        let mut rtt = Rtt::default();
        (0..100).for_each(|at| rtt.sample(if at % 2 == 0 { 100 } else { 900 }));
        assert!(rtt.timeout(1) > 1_500, "{}", rtt.timeout(1));
    }

    #[test]
    fn a_sample_is_taken_once_and_the_latest_counts() {
        let mut rtt = Rtt::default();
        assert_eq!(rtt.take_last(), None);
        rtt.sample(0);
        rtt.sample(70);
        assert_eq!((rtt.take_last(), rtt.take_last()), (Some(70), None));
    }

    #[test]
    fn absurd_samples_do_not_overflow() {
        let mut rtt = Rtt::default();
        (0..100).for_each(|_| rtt.sample(u32::MAX));
        assert!(rtt.timeout(1) <= 4 * MAX_SAMPLE);
    }
}
