//! A world of letters: the router stores what it takes, and pushes it until it is acknowledged.
//!
//! Users have a phone, and some a desktop as well, both of the dtalk dialect. They write to each
//! other, and others write to them without a session. Queues and windows are small, networks fail,
//! clients stop reading: what overflows, is given up, parks, resumes, is pushed again and is new
//! meets in any order, and everybody must see the letters of one sender in their order.
//!
//! Not here: how the router goes about it (`router::post`), what must be true (`checker`).

use std::time::Duration;

use crate::client::{Habits, Person};
use crate::history::{ClientId, Wire};
use crate::plan::{Limits, Part, Plan, Weather};
use crate::random::Random;

const SECOND: u64 = 1_000_000;
const MILLIS: u64 = 1_000;

/// One world of so many is one of these.
const SEEDS: u64 = 12;

/// Letters that are read and pushed at a time, at most.
const MOST_ROWS: usize = 32;

/// Bytes of a push besides its body, and more.
const COMMAND: usize = 500;

/// Numbers of clients from here on are of senders that have no session.
const OUTSIDE: u32 = 1_000;

/// A defect of the router, to see that it is found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mistake {
    /// A gap that comes while letters are pushed again does not make the router begin anew.
    StalePass,
    /// What is stored while letters are pushed again is pushed at once.
    Overtaking,
}

impl Mistake {
    /// Every one of them.
    pub const ALL: [Self; 2] = [Self::StalePass, Self::Overtaking];
}

/// How the router pushes letters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Letters that are read and pushed at a time.
    pub(crate) page: usize,
    /// Microseconds that it may take to hear of something, and to read a page.
    pub(crate) delay: u64,
    /// Bytes of the longest letter.
    pub(crate) longest: usize,
    /// Users, counted from 0.
    pub(crate) users: u32,
    pub(crate) mistake: Option<Mistake>,
}

/// Whether the world of a seed is such a world.
pub(crate) const fn is_world_of(seed: u64) -> bool {
    seed % SEEDS == 8
}

/// Whether a device is a phone.
pub(crate) const fn is_phone(device: u32) -> bool {
    device.is_multiple_of(2)
}

/// One of the senders that have no session.
pub(crate) fn outsider(random: &mut Random) -> ClientId {
    ClientId(OUTSIDE + u32::try_from(random.below(3)).unwrap_or(0))
}

/// Makes one of a plan.
pub(crate) fn change(plan: &Plan, mistake: Option<Mistake>, random: &mut Random) -> Plan {
    let mut limits = plan.limits;
    limits.queue = random.of(&[3, 4, 8, 20, 200]);
    limits.queue_bytes = limits.queue_bytes.max(10_000);
    let users = u32::try_from(random.between(1, 3)).unwrap_or(1);
    let longest = plan.longest_body.min(room_of_a_body(&limits));
    let page = page(&limits, longest, random);
    let delay = random.of(&[0, 1, 20, 300]) * MILLIS;
    Plan {
        limits,
        parts: parts(users, random),
        weather: Weather { untaken: 0, ..plan.weather },
        rooms: 1,
        length: random.between(6, 15) * SECOND,
        pushes: random.place(160) + 40,
        messages: random.place(40),
        faults: random.place(16) + 2,
        post: Some(Pace { page, delay, longest, users, mistake }),
        ..plan.clone()
    }
}

/// What a shard always has room for: a letter that is never taken would have all others wait.
fn room_of_a_body(limits: &Limits) -> usize {
    (limits.memory_budget / 16 / limits.shards).saturating_sub(COMMAND).max(40)
}

/// Half a queue, or a whole one, so that what is pushed after the first page is given up again. No
/// more than that: a session that may not hold a page would be closed for it, again and again.
fn page(limits: &Limits, longest: usize, random: &mut Random) -> usize {
    let bytes = (limits.queue_bytes / 2).min(limits.memory_budget / 8);
    let rows = random.of(&[limits.queue / 2, limits.queue]);
    rows.min(bytes / longest).clamp(1, MOST_ROWS)
}

/// A phone for each user, and a desktop for some.
fn parts(users: u32, random: &mut Random) -> Vec<Part> {
    let websocket = random.of(&[0, 50, 100]);
    let desktops = random.of(&[0, 50, 100]);
    let mut devices: Vec<u32> = (0..users).map(|user| 2 * user).collect();
    devices.extend((0..users).map(|user| 2 * user + 1).filter(|_| random.percent(desktops)));
    let part = |device: u32| Part {
        person: Person { client: ClientId(device), user: device / 2, device },
        wire: Wire::Dtalk,
        habits: Habits {
            outbox: 16,
            early: 16,
            ack_every: 1,
            ack_delay: Duration::from_millis(1),
            max_body: 1 << 20,
        },
        websocket,
        steady: false,
        comes: (0, 2 * SECOND),
    };
    devices.into_iter().map(part).collect()
}
