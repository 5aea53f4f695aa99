//! Faults of connections.

use super::connection::Reading;
use super::{Connection, Ending, Network};
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
        let candidates = self
            .connections
            .iter_mut()
            .filter(|connection| !connection.is_severed() && !connection.is_left());
        let mut candidates: Vec<&mut Connection> =
            candidates.filter(|connection| may_fail(connection.attempt())).collect();
        if candidates.is_empty() {
            return None;
        }
        let at = random.index(candidates.len());
        let connection = candidates.swap_remove(at);
        let fault = match kind {
            Kind::Shortage => 8,
            // Slow readers, overflow and giving up are of interest there.
            Kind::Letters(_) if random.percent(50) => random.between(5, 8),
            _ => random.below(9),
        };
        let what = match fault {
            0 | 1 => cut(connection, now, (true, true), random),
            2 => cut(connection, now, (true, false), random),
            3 => cut(connection, now, (false, true), random),
            4 => cut(connection, now, (false, false), random),
            5 | 6 => stall(connection, now, random),
            7 => slow_down(connection, now, random),
            _ => stop_reading(connection, kind, random),
        };
        Some((connection.attempt(), what))
    }
}

impl Connection {
    /// Draws the quality of a new connection.
    pub(crate) fn draw_quality(&mut self, now: u64, rates: &FaultRates, random: &mut Random) {
        if random.percent(rates.small_buffers) {
            let sizes = [64, 300, 2_000, 65_536];
            self.set_capacity(random.choose(&sizes), random.choose(&sizes));
        }
        if random.percent(rates.slow_readers) {
            let every = random.between(20, 400) * MILLIS;
            let bytes = random.choose(&[20, 100, 1_000]);
            self.set_reading(Reading::Paced { every, bytes, next: now });
        }
    }
}

/// Cuts a connection; the given sides are notified, at once or later.
fn cut(
    connection: &mut Connection,
    now: u64,
    (gateway, client): (bool, bool),
    random: &mut Random,
) -> &'static str {
    let when = |random: &mut Random| now + random.choose(&[0, 10, 500, 3_000]) * MILLIS;
    let ending = if random.percent(50) { Ending::Fin } else { Ending::Reset };
    let gateway_told = gateway.then(|| (when(random), ending));
    let client_told = client.then(|| when(random));
    connection.cut(gateway_told, client_told, random);
    match (gateway, client) {
        (true, true) => "cut",
        (true, false) => "cut, and the client is not told",
        (false, true) => "cut, and the gateway is not told",
        (false, false) => "cut, and nobody is told",
    }
}

fn stall(connection: &mut Connection, now: u64, random: &mut Random) -> &'static str {
    let until = now + random.choose(&[100, 1_000, 5_000, 12_000]) * MILLIS;
    let (up, down) = random.choose(&[(true, true), (true, false), (false, true)]);
    connection.hold(until, (up, down), random);
    match (up, down) {
        (true, true) => "stalls",
        (true, _) => "stalls on the way up",
        _ => "stalls on the way down",
    }
}

fn slow_down(connection: &mut Connection, now: u64, random: &mut Random) -> &'static str {
    let every = random.between(50, 800) * MILLIS;
    let bytes = random.choose(&[1, 30, 400]);
    connection.set_reading(Reading::Paced { every, bytes, next: now + every });
    connection.set_capacity(65_536, random.choose(&[64, 1_000, 65_536]));
    "is read slowly"
}

fn stop_reading(connection: &mut Connection, kind: Kind, random: &mut Random) -> &'static str {
    if connection.has_lanes() && random.percent(50) {
        connection.stop_lane(random);
        return "has a lane that is read no more";
    }
    connection.set_reading(Reading::Stopped);
    // Queued output drains within a few turns once the client has closed.
    let sizes = if kind.is_shortage() { [4_000; 3] } else { [0, 64, 1_000] };
    connection.set_capacity(65_536, random.choose(&sizes));
    "is read no more"
}
