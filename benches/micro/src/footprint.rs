//! What sessions take while nothing happens.

use std::fs;

use comet::internals;

use crate::world::{Speech, World};

/// Who is there.
#[derive(Clone, Copy, Debug)]
pub struct Population {
    /// How many.
    pub sessions: usize,
    /// What they speak.
    pub speech: Speech,
    /// In how many rooms each of them is.
    pub rooms: usize,
    /// How many are in each room.
    pub members: usize,
}

/// What they take.
#[derive(Clone, Debug)]
pub struct Footprint {
    /// Resident memory, in bytes for each session.
    pub resident: f64,
    /// What is known of it: a name, and bytes for each session.
    pub parts: Vec<(&'static str, usize)>,
}

/// Opens the sessions, and looks how much memory that took. Nothing of the virtual network remains.
///
/// # Panics
///
/// When the gateway does not let one of them in.
#[must_use]
pub fn measure(population: Population) -> Footprint {
    let Population { sessions, speech, rooms, members } = population;
    let mut world = World::new();
    let before = resident();
    for number in 0..sessions {
        let group = number / members.max(1);
        let names: Vec<String> = (0..rooms).map(|room| format!("room-{group}-{room}")).collect();
        let mut end = world.knock(speech, &format!("user-{number}"), &names.join(","));
        end.discard();
        drop(end);
        world.settle();
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

/// Bytes of this process that are in memory.
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
