//! A world of letters: the router stores each message, and pushes it until it is acknowledged.
//!
//! Users have a phone, and some also a desktop, both with the dtalk dialect. They send to each
//! other, and senders without a session send to them. Queues and windows are small, networks fail,
//! clients stop reading: overflow, giving up, parking, resuming, repeated and new pushes occur in
//! any order, and every client must see the letters of each sender in order.
//!
//! Not here: the router's implementation (`router::store`), and the rules (`checker`).

use std::time::Duration;

use super::{
    ActCounts, ClientIdentity, ClientSettings, Content, FaultRates, Kind, Limits, Participant, Plan,
};
use crate::history::{ClientId, Dialect};
use crate::random::Random;

const SECOND: u64 = 1_000_000;
const MILLIS: u64 = 1_000;

/// One in this many seeds has such a world.
const SEEDS: u64 = 12;

/// Maximum number of letters per page.
const MOST_ROWS: usize = 32;

/// First client number of senders without a session.
const OUTSIDE: u32 = 1_000;

/// A defect of the router, to test that the checker finds it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mistake {
    /// A gap during repeated pushes does not make the router start over.
    StalePass,
    /// Letters stored during repeated pushes are pushed at once.
    Overtaking,
}

impl Mistake {
    /// All defects.
    pub const ALL: [Self; 2] = [Self::StalePass, Self::Overtaking];
}

/// Parameters of the router's pushes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoreSettings {
    /// Letters read and pushed per page.
    pub(crate) page: usize,
    /// Maximum delay of an event and of reading a page, in microseconds.
    pub(crate) delay: u64,
    /// Bytes of the longest letter.
    pub(crate) longest: usize,
    /// Number of users, numbered from 0.
    pub(crate) users: u32,
    pub(crate) mistake: Option<Mistake>,
}

/// Whether this seed has such a world.
pub(crate) const fn is_world_of(seed: u64) -> bool {
    seed % SEEDS == 8
}

/// Whether a device is a phone.
pub(crate) const fn is_phone(device: u32) -> bool {
    device.is_multiple_of(2)
}

/// A random sender without a session.
pub(crate) fn outsider(random: &mut Random) -> ClientId {
    ClientId(OUTSIDE + u32::try_from(random.below(3)).unwrap_or(0))
}

/// Turns a plan into one of a world of letters.
pub(crate) fn change(plan: &Plan, mistake: Option<Mistake>, random: &mut Random) -> Plan {
    let mut limits = plan.limits;
    limits.queue.deliveries = random.choose(&[3, 4, 8, 20, 200]);
    limits.queue.bytes = limits.queue.bytes.max(10_000);
    let users = u32::try_from(random.between(1, 3)).unwrap_or(1);
    // A letter never accepted would block all others.
    let longest = plan.content.longest_body.min(limits.body_with_room());
    let page = page(&limits, longest, random);
    let delay = random.choose(&[0, 1, 20, 300]) * MILLIS;
    Plan {
        kind: Kind::Letters(StoreSettings { page, delay, longest, users, mistake }),
        limits,
        participants: participants(users, random),
        rates: FaultRates { refused_messages: 0, ..plan.rates },
        content: Content { rooms: 1, ..plan.content },
        length: random.between(6, 15) * SECOND,
        acts: ActCounts {
            pushes: random.index(160) + 40,
            messages: random.index(40),
            faults: random.index(16) + 2,
            ..plan.acts
        },
    }
}

/// Half a queue or a full one, so that pushes after the first page are given up again. Not more: a
/// session that cannot hold a page would be closed for it repeatedly.
fn page(limits: &Limits, longest: usize, random: &mut Random) -> usize {
    let bytes = (limits.queue.bytes / 2).min(limits.memory_budget / 8);
    let rows = random.choose(&[limits.queue.deliveries / 2, limits.queue.deliveries]);
    rows.min(bytes / longest).clamp(1, MOST_ROWS)
}

/// A phone per user, and a desktop for some.
fn participants(users: u32, random: &mut Random) -> Vec<Participant> {
    let websocket = random.choose(&[0, 50, 100]);
    let desktops = random.choose(&[0, 50, 100]);
    let mut devices: Vec<u32> = (0..users).map(|user| 2 * user).collect();
    devices.extend((0..users).map(|user| 2 * user + 1).filter(|_| random.percent(desktops)));
    let participant = |device: u32| Participant {
        identity: ClientIdentity { client: ClientId(device), user: device / 2, device },
        dialect: Dialect::Dtalk,
        settings: ClientSettings {
            outbox: 16,
            early: 16,
            ack_every: 1,
            ack_delay: Duration::from_millis(1),
            max_body: 1 << 20,
            beside: false,
        },
        websocket,
        lanes: 0,
        steady: false,
        first_dial: (0, 2 * SECOND),
    };
    devices.into_iter().map(participant).collect()
}
