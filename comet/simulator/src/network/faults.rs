//! Faults of connections.

use super::line::Reading;
use super::{Ending, Line, Network};
use crate::history::Attempt;
use crate::plan::{FaultRates, Kind};
use crate::random::Random;

const MILLIS: u64 = 1_000;

impl Network {
    /// Applies a fault to a random connection that may have one. Returns which, and a description.
    pub(crate) fn break_one(
        &mut self,
        now: u64,
        kind: Kind,
        may_fail: impl Fn(Attempt) -> bool,
        random: &mut Random,
    ) -> Option<(Attempt, &'static str)> {
        let candidates = self.lines.iter_mut().filter(|line| !line.is_silent() && !line.is_left());
        let mut candidates: Vec<&mut Line> =
            candidates.filter(|line| may_fail(line.attempt())).collect();
        if candidates.is_empty() {
            return None;
        }
        let at = random.place(candidates.len());
        let line = candidates.swap_remove(at);
        let fault = match kind {
            Kind::Shortage => 8,
            // Slow readers, overflow and giving up are of interest there.
            Kind::Letters(_) if random.percent(50) => random.between(5, 8),
            _ => random.below(9),
        };
        let what = match fault {
            0 | 1 => cut(line, now, (true, true), random),
            2 => cut(line, now, (true, false), random),
            3 => cut(line, now, (false, true), random),
            4 => cut(line, now, (false, false), random),
            5 | 6 => stall(line, now, random),
            7 => slow_down(line, now, random),
            _ => stop_reading(line, kind, random),
        };
        Some((line.attempt(), what))
    }
}

impl Line {
    /// Draws the quality of a new connection.
    pub(crate) fn draw_quality(&mut self, now: u64, rates: &FaultRates, random: &mut Random) {
        if random.percent(rates.small_buffers) {
            let sizes = [64, 300, 2_000, 65_536];
            self.set_capacity(random.of(&sizes), random.of(&sizes));
        }
        if random.percent(rates.slow_readers) {
            let every = random.between(20, 400) * MILLIS;
            let bytes = random.of(&[20, 100, 1_000]);
            self.set_reading(Reading::Paced { every, bytes, next: now });
        }
    }
}

/// Cuts a connection; the given sides are notified, at once or later.
fn cut(
    line: &mut Line,
    now: u64,
    (gateway, client): (bool, bool),
    random: &mut Random,
) -> &'static str {
    let when = |random: &mut Random| now + random.of(&[0, 10, 500, 3_000]) * MILLIS;
    let ending = if random.percent(50) { Ending::Fin } else { Ending::Reset };
    let gateway_told = gateway.then(|| (when(random), ending));
    let client_told = client.then(|| when(random));
    line.cut(gateway_told, client_told, random);
    match (gateway, client) {
        (true, true) => "cut",
        (true, false) => "cut, and the client is not told",
        (false, true) => "cut, and the gateway is not told",
        (false, false) => "cut, and nobody is told",
    }
}

fn stall(line: &mut Line, now: u64, random: &mut Random) -> &'static str {
    let until = now + random.of(&[100, 1_000, 5_000, 12_000]) * MILLIS;
    let (up, down) = random.of(&[(true, true), (true, false), (false, true)]);
    line.hold(until, up, down);
    match (up, down) {
        (true, true) => "stalls",
        (true, _) => "stalls on the way up",
        _ => "stalls on the way down",
    }
}

fn slow_down(line: &mut Line, now: u64, random: &mut Random) -> &'static str {
    let every = random.between(50, 800) * MILLIS;
    let bytes = random.of(&[1, 30, 400]);
    line.set_reading(Reading::Paced { every, bytes, next: now + every });
    line.set_capacity(65_536, random.of(&[64, 1_000, 65_536]));
    "is read slowly"
}

fn stop_reading(line: &mut Line, kind: Kind, random: &mut Random) -> &'static str {
    line.set_reading(Reading::Stopped);
    // Queued output drains within a few turns once the client has closed.
    let sizes = if kind.is_shortage() { [4_000; 3] } else { [0, 64, 1_000] };
    line.set_capacity(65_536, random.of(&sizes));
    "is read no more"
}
