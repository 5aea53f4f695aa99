//! Liveness of the other side, and the round trip.

use std::time::Duration;

use super::Time;

/// Minimum time that a ping waits for any sign of life.
const LEAST_PATIENCE: Duration = Duration::from_secs(5);

/// Silence and round trips on one connection.
#[derive(Debug)]
pub(super) struct Heartbeat {
    every: Duration,
    written: Time,
    read: Time,
    pinged: Option<Time>,
    /// Stamp of the ping whose pong measures the round trip.
    stamp: Option<Time>,
    /// Smoothed as in RFC 6298; zero before the first sample.
    round_trip: Duration,
}

/// Action required after silence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Silence {
    Fine,
    Ping,
    Lost,
}

impl Heartbeat {
    pub(super) const fn new(every: Duration, now: Time, round_trip: Duration) -> Self {
        Self { every, written: now, read: now, pinged: None, stamp: None, round_trip }
    }

    pub(super) const fn handle_written(&mut self, now: Time) {
        self.written = now;
    }

    pub(super) const fn handle_read(&mut self, now: Time) {
        self.read = now;
        self.pinged = None;
    }

    /// A ping was sent; returns its stamp.
    pub(super) fn handle_pinged(&mut self, now: Time) -> [u8; 8] {
        self.pinged = Some(now);
        self.stamp = Some(now);
        now.as_micros().to_be_bytes()
    }

    pub(super) fn handle_pong(&mut self, now: Time, stamp: [u8; 8]) {
        let stamp = Time::from_micros(u64::from_be_bytes(stamp));
        if self.stamp.take_if(|sent| *sent == stamp).is_some() {
            let sample = now.since(stamp).max(Duration::from_micros(1));
            let kept = if self.round_trip.is_zero() { sample } else { self.round_trip };
            self.round_trip = (kept * 7 + sample) / 8;
        }
    }

    pub(super) fn silence(&self, now: Time) -> Silence {
        match self.pinged {
            Some(_) if now >= self.due() => Silence::Lost,
            None if now >= self.due() => Silence::Ping,
            _ => Silence::Fine,
        }
    }

    /// Time at which silence requires an action.
    pub(super) fn due(&self) -> Time {
        match self.pinged {
            Some(pinged) => pinged + (self.every / 2).max(LEAST_PATIENCE),
            None => self.written.min(self.read) + self.every,
        }
    }

    pub(super) const fn round_trip(&self) -> Duration {
        self.round_trip
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Time {
        Time::from_micros(secs * 1_000_000)
    }

    #[test]
    fn silence_of_either_side_asks_and_then_gives_up() {
        let mut beat = Heartbeat::new(Duration::from_secs(30), at(0), Duration::ZERO);
        beat.handle_written(at(20));
        assert_eq!(beat.silence(at(29)), Silence::Fine);
        assert_eq!(beat.silence(at(30)), Silence::Ping, "nothing was heard for so long");
        beat.handle_pinged(at(30));
        assert_eq!((beat.due(), beat.silence(at(44))), (at(45), Silence::Fine));
        assert_eq!(beat.silence(at(45)), Silence::Lost);
        beat.handle_read(at(44));
        assert_eq!(beat.due(), at(50), "last said at 20 s");
    }

    #[test]
    fn only_the_pong_of_the_last_ping_measures() {
        let mut beat = Heartbeat::new(Duration::from_secs(30), at(0), Duration::ZERO);
        let stamp = beat.handle_pinged(at(30));
        beat.handle_pong(at(31), [9; 8]);
        assert_eq!(beat.round_trip(), Duration::ZERO);
        beat.handle_pong(at(32), stamp);
        beat.handle_pong(at(40), stamp);
        assert_eq!(beat.round_trip(), Duration::from_secs(2));
    }
}
