//! Limits of the gateway. They are small, so that a run of seconds reaches them.

use std::time::Duration;

use comet::Overflow;

use super::usize_of;
use crate::random::Random;

/// Limits of the gateway. Those of sessions are grouped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) shards: usize,
    pub(crate) memory_budget: usize,
    /// Commands that wait for a shard.
    pub(crate) mailbox: usize,
    /// Unanswered messages of a session.
    pub(crate) inbox: u16,
    /// Bytes queued for a connection.
    pub(crate) write_bytes: usize,
    pub(crate) window: Window,
    pub(crate) queue: Queue,
    pub(crate) room_log: RoomLog,
    pub(crate) timeouts: Timeouts,
    pub(crate) admission: Admission,
}

/// Deliveries of a session in flight, and their retransmission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) deliveries: u16,
    pub(crate) bytes: usize,
    pub(crate) rto: Duration,
    pub(crate) max_rto: Duration,
    pub(crate) attempts: u8,
}

/// Deliveries that wait for the window of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queue {
    pub(crate) deliveries: usize,
    pub(crate) bytes: usize,
    pub(crate) latest_keys: usize,
    pub(crate) overflow: Overflow,
}

/// Deliveries that a room keeps for its slow members.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoomLog {
    pub(crate) deliveries: usize,
    pub(crate) bytes: usize,
}

/// Times for which sessions and connections may be silent, stalled or gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) resume_ttl: Duration,
    pub(crate) idle: Duration,
    pub(crate) ping_interval: Duration,
    pub(crate) write: Duration,
}

/// Rates at which peers are admitted, and at which they return after a drain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admission {
    pub(crate) handshake_rate: u32,
    pub(crate) held_refusals: usize,
    pub(crate) return_rate: u32,
    pub(crate) return_spread: Duration,
}

/// Upper bound for the bytes of a push besides its body.
const COMMAND: usize = 500;

impl Limits {
    /// The order of the draws is part of the meaning of a seed.
    pub(super) fn draw(random: &mut Random) -> Self {
        let millis = Duration::from_millis;
        let rto = random.choose(&[200, 500, 2_000]);
        let shards = usize_of(random.between(1, 2));
        let resume_ttl = millis(random.choose(&[0, 1_500, 5_000, 5_000, 30_000, 30_000, 30_000]));
        let (in_flight, in_flight_bytes) =
            (random.choose(&[1, 2, 3, 8, 32]), random.choose(&[100, 1_000, 65_536]));
        let (waiting, waiting_bytes) =
            (random.choose(&[2, 5, 20, 200, 200]), random.choose(&[500, 10_000, 1 << 20, 1 << 20]));
        let write_bytes = random.choose(&[200, 2_000, 1 << 20]);
        let attempts = random.choose(&[2, 4, 7, 7]);
        let timeouts = Timeouts {
            resume_ttl,
            idle: millis(random.choose(&[8_000, 15_000, 40_000])),
            ping_interval: millis(random.choose(&[2_000, 4_000])),
            write: millis(random.choose(&[1_000, 4_000, 20_000])),
        };
        let inbox = random.choose(&[1, 2, 8, 64]);
        let mailbox = random.choose(&[8, 64, 65_536, 65_536]);
        let overflow = random.choose(&[Overflow::Park, Overflow::DropOldest, Overflow::Close]);
        let memory_budget = random.choose(&[40_000, 1 << 30, 1 << 30]);
        let latest_keys = random.choose(&[3, 64]);
        Self {
            shards,
            memory_budget,
            mailbox,
            inbox,
            write_bytes,
            window: Window {
                deliveries: in_flight,
                bytes: in_flight_bytes,
                rto: millis(rto),
                max_rto: millis(rto * 3),
                attempts,
            },
            queue: Queue { deliveries: waiting, bytes: waiting_bytes, latest_keys, overflow },
            room_log: RoomLog::draw(random),
            timeouts,
            admission: Admission::draw(random),
        }
    }

    /// Makes a small budget the only limit: deliveries queued for peers that do not read must
    /// exceed it.
    pub(super) fn tighten(&mut self, random: &mut Random) {
        // At least the minimum of a shard.
        self.memory_budget = self.shards * random.choose(&[16_500, 20_000, 40_000]);
        self.timeouts.resume_ttl = Duration::from_secs(30);
        self.window.bytes = 65_536;
        (self.queue.deliveries, self.queue.bytes) = (200, 1 << 20);
        self.room_log = RoomLog::LARGE;
        self.window.attempts = 7;
    }

    /// Length of a body that a shard always has room for.
    pub(super) fn body_with_room(&self) -> usize {
        (self.memory_budget / 16 / self.shards).saturating_sub(COMMAND).max(40)
    }

    /// Microseconds within which every delivery in flight is sent again.
    pub(crate) fn retransmission(&self) -> u64 {
        u64::try_from(self.window.max_rto.as_micros()).unwrap_or(0) * 3 / 2
    }
}

impl RoomLog {
    /// A log that readers do not fall off.
    pub(super) const LARGE: Self = Self { deliveries: 1_024, bytes: 1 << 20 };

    fn draw(random: &mut Random) -> Self {
        let bytes = random.choose(&[100, 5_000, 1 << 20]);
        Self { deliveries: random.choose(&[2, 8, 64, 1_024]), bytes }
    }
}

impl Admission {
    fn draw(random: &mut Random) -> Self {
        Self {
            handshake_rate: random.choose(&[0, 0, 0, 2]),
            held_refusals: random.choose(&[0, 0, 1, 10_000]),
            return_rate: random.choose(&[0, 1, 1_000]),
            return_spread: Duration::from_millis(random.choose(&[100, 3_000])),
        }
    }
}
