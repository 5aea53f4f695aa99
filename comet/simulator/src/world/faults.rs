//! Faults of connections.

use super::World;
use crate::history::{Attempt, What};
use crate::network::{Ending, Reading};
use crate::plan::Kind;

const MILLIS: u64 = 1_000;

impl World {
    /// Applies a fault to a random connection.
    pub(super) fn break_one(&mut self) {
        let candidates: Vec<usize> = (0..self.lines.len())
            .filter(|at| !self.lines[*at].is_silent() && !self.lines[*at].is_left())
            .filter(|at| !self.is_steady(self.lines[*at].attempt))
            .collect();
        if candidates.is_empty() {
            return;
        }
        let at = candidates[self.random.place(candidates.len())];
        let kind = match self.plan.kind {
            Kind::Shortage => 8,
            // Slow readers, overflow and giving up are of interest there.
            Kind::Letters(_) if self.random.percent(50) => self.random.between(5, 8),
            _ => self.random.below(9),
        };
        let what = match kind {
            0 | 1 => self.cut(at, true, true),
            2 => self.cut(at, true, false),
            3 => self.cut(at, false, true),
            4 => self.cut(at, false, false),
            5 | 6 => self.stall(at),
            7 => self.slow_down(at),
            _ => self.stop_reading(at),
        };
        self.log.note(What::Fault { attempt: self.lines[at].attempt, what });
    }

    fn is_steady(&self, attempt: Attempt) -> bool {
        self.actors.iter().any(|actor| actor.part.steady && actor.attempt == Some(attempt))
    }

    /// Cuts a connection; the given sides are notified, at once or later.
    fn cut(&mut self, at: usize, gateway: bool, client: bool) -> &'static str {
        let random = &mut self.random;
        let when = |random: &mut crate::random::Random, now: u64| {
            now + random.of(&[0, 10, 500, 3_000]) * MILLIS
        };
        let ending = if random.percent(50) { Ending::Fin } else { Ending::Reset };
        let gateway_told = gateway.then(|| (when(random, self.now), ending));
        let client_told = client.then(|| when(random, self.now));
        self.lines[at].cut(gateway_told, client_told, random);
        match (gateway, client) {
            (true, true) => "cut",
            (true, false) => "cut, and the client is not told",
            (false, true) => "cut, and the gateway is not told",
            (false, false) => "cut, and nobody is told",
        }
    }

    fn stall(&mut self, at: usize) -> &'static str {
        let until = self.now + self.random.of(&[100, 1_000, 5_000, 12_000]) * MILLIS;
        let (up, down) = self.random.of(&[(true, true), (true, false), (false, true)]);
        self.lines[at].hold(until, up, down);
        match (up, down) {
            (true, true) => "stalls",
            (true, _) => "stalls on the way up",
            _ => "stalls on the way down",
        }
    }

    fn slow_down(&mut self, at: usize) -> &'static str {
        let every = self.random.between(50, 800) * MILLIS;
        let bytes = self.random.of(&[1, 30, 400]);
        let next = self.now + every;
        self.lines[at].set_reading(Reading::Paced { every, bytes, next });
        self.lines[at].set_capacity(65_536, self.random.of(&[64, 1_000, 65_536]));
        "is read slowly"
    }

    fn stop_reading(&mut self, at: usize) -> &'static str {
        self.lines[at].set_reading(Reading::Stopped);
        // Queued output drains within a few turns once the client has closed.
        let sizes = if self.plan.kind.is_shortage() { [4_000; 3] } else { [0, 64, 1_000] };
        self.lines[at].set_capacity(65_536, self.random.of(&sizes));
        "is read no more"
    }
}
