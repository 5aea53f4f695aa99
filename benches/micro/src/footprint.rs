//! Memory of idle sessions.

use std::fs;

use comet::internals;

use crate::world::{PeerDialect, World};

/// A population of sessions.
#[derive(Clone, Copy, Debug)]
pub struct Population {
    /// Number of sessions.
    pub sessions: usize,
    /// Dialect of the sessions.
    pub dialect: PeerDialect,
    /// Rooms per session.
    pub rooms: usize,
    /// Members per room.
    pub members: usize,
}

/// Memory of a population.
#[derive(Clone, Debug)]
pub struct Footprint {
    /// Resident memory, in bytes per session.
    pub resident: f64,
    /// Known parts: a name, and bytes per session.
    pub parts: Vec<(&'static str, usize)>,
}

/// Opens the sessions, and measures the memory they take. The virtual network is dropped first.
///
/// # Panics
///
/// When the gateway refuses a session.
#[must_use]
pub fn measure(population: Population) -> Footprint {
    let Population { sessions, dialect, rooms, members } = population;
    let mut world = World::new();
    let before = resident();
    for number in 0..sessions {
        let group = number / members.max(1);
        let names: Vec<String> = (0..rooms).map(|room| format!("room-{group}-{room}")).collect();
        let mut end = world.connect(dialect, &format!("user-{number}"), &names.join(","));
        end.discard();
        drop(end);
        world.run_until_idle();
    }
    let grown = resident().saturating_sub(before);
    let stats = world.gateway().stats();
    assert_eq!(stats.sessions, sessions as u64, "every session is open");
    let parts = internals::sizes().into_iter().map(|(name, size)| {
        let times = if name.starts_with("member") { rooms } else { 1 };
        (name, times * size)
    });
    let sessions = u32::try_from(sessions).unwrap_or(u32::MAX);
    Footprint { resident: to_float(grown) / f64::from(sessions.max(1)), parts: parts.collect() }
}

/// Resident memory of this process, in bytes.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kilobytes.unwrap_or(0) * 1024
}

#[expect(clippy::cast_precision_loss, reason = "memory is below 2^53 bytes")]
fn to_float(bytes: usize) -> f64 {
    bytes as f64
}
