//! Parameters drawn from a seed before a run: limits, participants, and the network's faults.
//!
//! Limits are small, so that a run of seconds reaches them.

pub(crate) mod letters;
mod participants;
pub(crate) mod shortage;

use std::time::Duration;

pub use letters::Mistake;
pub(crate) use participants::{Habits, Part, Person};

use crate::random::Random;
use letters::Pace;

const SECOND: u64 = 1_000_000;

/// Policy for a full queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Overflow {
    Park,
    DropOldest,
    Close,
}

/// Limits of the gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) shards: usize,
    pub(crate) resume_ttl: Duration,
    pub(crate) window: u16,
    pub(crate) window_bytes: usize,
    pub(crate) queue: usize,
    pub(crate) queue_bytes: usize,
    pub(crate) write_bytes: usize,
    pub(crate) rto: Duration,
    pub(crate) max_rto: Duration,
    pub(crate) delivery_attempts: u8,
    pub(crate) idle_timeout: Duration,
    pub(crate) ping_interval: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) inbox: u16,
    pub(crate) mailbox: usize,
    pub(crate) overflow: Overflow,
    pub(crate) memory_budget: usize,
    pub(crate) room_log: usize,
    pub(crate) room_log_bytes: usize,
    pub(crate) latest_keys: usize,
    pub(crate) handshake_rate: u32,
    pub(crate) held_refusals: usize,
    pub(crate) return_rate: u32,
    pub(crate) return_spread: Duration,
}

/// Frequencies of faults, in percent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// Attempts refused by the network.
    pub(crate) refused: u64,
    /// Connections with small buffers.
    pub(crate) narrow: u64,
    /// Connections whose client reads slowly.
    pub(crate) slow: u64,
    /// Peers that the router answers late, and peers that it refuses.
    pub(crate) hesitant: u64,
    pub(crate) unwanted: u64,
    /// Messages that the router refuses.
    pub(crate) untaken: u64,
}

/// All parameters drawn in advance.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) limits: Limits,
    pub(crate) parts: Vec<Part>,
    pub(crate) weather: Weather,
    pub(crate) rooms: u32,
    /// Duration of traffic and faults, in microseconds.
    pub(crate) length: u64,
    pub(crate) pushes: usize,
    pub(crate) messages: usize,
    pub(crate) faults: usize,
    pub(crate) kicks: usize,
    pub(crate) moves: usize,
    pub(crate) ghosts: usize,
    pub(crate) thefts: usize,
    pub(crate) clock_steps: usize,
    pub(crate) has_drain: bool,
    pub(crate) longest_body: usize,
    /// Whether pushes carry positions in a record.
    pub(crate) has_records: bool,
    /// Whether some clients cause a memory shortage by not reading, which others must not notice.
    pub(crate) is_shortage: bool,
    /// Parameters of the router's pushes, if it stores messages.
    pub(crate) post: Option<Pace>,
}

impl Plan {
    pub(crate) fn draw(random: &mut Random) -> Self {
        let parts = participants::draw(random);
        let mut limits = limits(random);
        let is_tight = random.percent(15);
        if is_tight {
            limits.tighten(random);
        }
        // Small bodies never exhaust the memory budget.
        let longest_body =
            if is_tight { random.of(&[3_000, 8_000]) } else { random.of(&[40, 40, 400, 3_000]) };
        let count = |random: &mut Random, chance: u64, most: u64| {
            if random.percent(chance) { random.place(usize_of(most)) + 1 } else { 0 }
        };
        Self {
            limits,
            weather: weather(random),
            rooms: u32_of(random.between(1, 3)),
            length: random.between(8, 25) * SECOND,
            pushes: usize_of(random.between(30, 120)) * if is_tight { 2 } else { 1 },
            messages: usize_of(random.between(5, 40)),
            faults: usize_of(random.between(0, 14)),
            kicks: count(random, 15, 2),
            moves: count(random, 30, 6),
            ghosts: count(random, 30, 4),
            thefts: count(random, 25, 3),
            clock_steps: count(random, 10, 3),
            has_drain: random.percent(15),
            has_records: random.percent(70),
            longest_body,
            parts,
            is_shortage: false,
            post: None,
        }
    }

    /// Whether clients may leave for good, abandoning unanswered messages.
    pub(crate) const fn lets_leave(&self) -> bool {
        !self.is_shortage && self.post.is_none()
    }
}

impl Limits {
    /// Makes the budget the only limit: deliveries queued for peers that do not read must exceed
    /// it.
    fn tighten(&mut self, random: &mut Random) {
        // At least the minimum of a shard.
        self.memory_budget = self.shards * random.of(&[16_500, 20_000, 40_000]);
        self.resume_ttl = Duration::from_secs(30);
        self.window_bytes = 65_536;
        (self.queue, self.queue_bytes) = (200, 1 << 20);
        (self.room_log, self.room_log_bytes) = (1_024, 1 << 20);
        self.delivery_attempts = 7;
    }
}

fn limits(random: &mut Random) -> Limits {
    let millis = Duration::from_millis;
    let rto = random.of(&[200, 500, 2_000]);
    Limits {
        shards: usize_of(random.between(1, 2)),
        resume_ttl: millis(random.of(&[0, 1_500, 5_000, 5_000, 30_000, 30_000, 30_000])),
        window: random.of(&[1, 2, 3, 8, 32]),
        window_bytes: random.of(&[100, 1_000, 65_536]),
        queue: random.of(&[2, 5, 20, 200, 200]),
        queue_bytes: random.of(&[500, 10_000, 1 << 20, 1 << 20]),
        write_bytes: random.of(&[200, 2_000, 1 << 20]),
        rto: millis(rto),
        max_rto: millis(rto * 3),
        delivery_attempts: random.of(&[2, 4, 7, 7]),
        idle_timeout: millis(random.of(&[8_000, 15_000, 40_000])),
        ping_interval: millis(random.of(&[2_000, 4_000])),
        write_timeout: millis(random.of(&[1_000, 4_000, 20_000])),
        inbox: random.of(&[1, 2, 8, 64]),
        mailbox: random.of(&[8, 64, 65_536, 65_536]),
        overflow: random.of(&[Overflow::Park, Overflow::DropOldest, Overflow::Close]),
        memory_budget: random.of(&[40_000, 1 << 30, 1 << 30]),
        latest_keys: random.of(&[3, 64]),
        room_log_bytes: random.of(&[100, 5_000, 1 << 20]),
        room_log: random.of(&[2, 8, 64, 1_024]),
        handshake_rate: random.of(&[0, 0, 0, 2]),
        held_refusals: random.of(&[0, 0, 1, 10_000]),
        return_rate: random.of(&[0, 1, 1_000]),
        return_spread: millis(random.of(&[100, 3_000])),
    }
}

fn weather(random: &mut Random) -> Weather {
    let mut chance = |most| if random.percent(50) { 0 } else { random.below(most) };
    Weather {
        refused: chance(40),
        narrow: chance(60),
        slow: chance(40),
        hesitant: chance(50),
        unwanted: chance(6),
        untaken: chance(20),
    }
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn u32_of(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
