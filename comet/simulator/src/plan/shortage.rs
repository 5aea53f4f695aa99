//! A world with a memory shortage: a few connections are no longer read, and other clients read,
//! acknowledge and send, or connect during the shortage. There are no other faults, so every effect
//! on the other clients is caused by lack of memory.

use std::time::Duration;

use super::limits::{RoomLog, Timeouts, Window};
use super::{
    ActCounts, ClientIdentity, ClientSettings, Content, FaultRates, Kind, Limits, Participant, Plan,
};
use crate::history::{ClientId, Dialect};
use crate::random::Random;

const SECOND: u64 = 1_000_000;

/// One in this many seeds has such a world.
const SEEDS: u64 = 12;

/// Maximum number of pushes at once, and bytes of the longest: few long ones fill memory faster.
pub(crate) const BURST: usize = 8;
const LONGEST: usize = 6_000;

/// Whether this seed has such a world.
pub(crate) const fn is_world_of(seed: u64) -> bool {
    seed % SEEDS == 5
}

/// Turns a plan into one of a memory shortage.
pub(crate) fn change(plan: &Plan, random: &mut Random) -> Plan {
    let mut limits = plan.limits;
    bound_by_memory(&mut limits, random);
    Plan {
        kind: Kind::Shortage,
        length: 20 * SECOND,
        limits,
        participants: participants(random),
        rates: FaultRates::default(),
        content: Content { rooms: 1, longest_body: LONGEST, ..plan.content },
        acts: ActCounts::of(400, 60, 4),
    }
}

/// Makes the budget the only limit.
fn bound_by_memory(limits: &mut Limits, random: &mut Random) {
    // An eighth of the budget, the range between the start of shedding and exhaustion, exceeds a
    // burst: another shard cannot shed before the end of the turn in which one arrives.
    limits.memory_budget = random.choose(&[450_000, 500_000]);
    (limits.inbox, limits.mailbox, limits.write_bytes) = (64, 65_536, 1 << 20);
    limits.window = Window {
        deliveries: 64,
        bytes: 65_536,
        rto: Duration::from_secs(2),
        max_rto: Duration::from_secs(6),
        attempts: 7,
    };
    (limits.queue.deliveries, limits.queue.bytes) = (1_000, 1 << 20);
    limits.room_log = RoomLog::LARGE;
    let minute = Duration::from_secs(60);
    let ping_interval = limits.timeouts.ping_interval;
    limits.timeouts = Timeouts { resume_ttl: minute, idle: minute, ping_interval, write: minute };
    limits.admission.handshake_rate = 0;
}

/// Three clients that will stop reading, two that send from the start, and two late ones.
fn participants(random: &mut Random) -> Vec<Participant> {
    (0..7)
        .map(|client| {
            let steady = client >= 3;
            Participant {
                identity: ClientIdentity {
                    client: ClientId(client),
                    user: client.min(3),
                    device: client,
                },
                dialect: if random.percent(40) { Dialect::Dtalk } else { Dialect::Comet },
                settings: ClientSettings {
                    outbox: 64,
                    early: 64,
                    ack_every: 1,
                    ack_delay: Duration::from_millis(1),
                    max_body: 1 << 20,
                    beside: false,
                },
                websocket: random.choose(&[0, 50, 100]),
                lanes: 0,
                steady,
                first_dial: if client >= 5 { (8 * SECOND, 16 * SECOND) } else { (0, SECOND) },
            }
        })
        .collect()
}
