//! Parameters drawn from a seed before a run: the kind of world, participants, limits of the
//! gateway, and numbers and rates of all that happens.

mod acts;
pub(crate) mod lanes;
pub(crate) mod letters;
mod limits;
mod participants;
pub(crate) mod shortage;

pub(crate) use acts::ActCounts;
pub use letters::Mistake;
pub(crate) use limits::Limits;
pub(crate) use participants::{ClientIdentity, ClientSettings, Participant};

use crate::random::Random;
use letters::StoreSettings;

const SECOND: u64 = 1_000_000;

/// Frequencies of faults, in percent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FaultRates {
    /// Attempts that the network refuses.
    pub(crate) refused_dials: u64,
    /// Connections with small buffers.
    pub(crate) small_buffers: u64,
    /// Connections whose client reads slowly.
    pub(crate) slow_readers: u64,
    /// Peers that the router accepts late.
    pub(crate) late_decisions: u64,
    /// Peers that the router refuses.
    pub(crate) refused_peers: u64,
    /// Messages that the router refuses.
    pub(crate) refused_messages: u64,
}

impl FaultRates {
    /// Each kind of fault is absent from half of the worlds.
    fn draw(random: &mut Random) -> Self {
        let mut rate = |most| if random.percent(50) { 0 } else { random.below(most) };
        Self {
            refused_dials: rate(40),
            small_buffers: rate(60),
            slow_readers: rate(40),
            late_decisions: rate(50),
            refused_peers: rate(6),
            refused_messages: rate(20),
        }
    }
}

/// Contents of pushes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content {
    /// Rooms that users are in.
    pub(crate) rooms: u32,
    /// Bytes of the longest body.
    pub(crate) longest_body: usize,
    /// Percentage of unnumbered pushes that ask to be datagrams.
    pub(crate) datagrams: u64,
    /// Whether pushes carry positions in a record.
    has_records: bool,
}

/// Kind of a world.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Everything that can happen.
    Mixed,
    /// Some clients cause a memory shortage by not reading, which others must not notice.
    Shortage,
    /// The router stores messages, and pushes them with these parameters.
    Letters(StoreSettings),
}

/// All parameters drawn in advance.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    /// Duration of traffic and faults, in microseconds.
    pub(crate) length: u64,
    pub(crate) limits: Limits,
    pub(crate) participants: Vec<Participant>,
    pub(crate) rates: FaultRates,
    pub(crate) content: Content,
    pub(crate) acts: ActCounts,
}

impl Plan {
    /// The order of the draws is part of the meaning of a seed.
    pub(crate) fn draw(random: &mut Random) -> Self {
        let participants = participants::draw(random);
        let mut limits = Limits::draw(random);
        let is_tight = random.percent(15);
        if is_tight {
            limits.tighten(random);
        }
        // Small bodies never exhaust the memory budget.
        let longest_body = if is_tight {
            random.choose(&[3_000, 8_000])
        } else {
            random.choose(&[40, 40, 400, 3_000])
        };
        let rates = FaultRates::draw(random);
        let rooms = u32_of(random.between(1, 3));
        let length = random.between(8, 25) * SECOND;
        let mut acts = ActCounts::draw(random);
        if is_tight {
            acts.pushes *= 2;
        }
        let content =
            Content { rooms, longest_body, datagrams: 0, has_records: random.percent(70) };
        Self { kind: Kind::Mixed, length, limits, participants, rates, content, acts }
    }

    /// Whether clients may leave for good, abandoning unanswered messages.
    pub(crate) const fn allows_leaving(&self) -> bool {
        matches!(self.kind, Kind::Mixed)
    }

    /// Whether pushes carry positions, which must be dense: not where a push may be refused.
    pub(crate) const fn has_records(&self) -> bool {
        self.limits.mailbox > 1_000 && self.content.has_records
    }
}

impl Kind {
    pub(crate) const fn is_shortage(self) -> bool {
        matches!(self, Self::Shortage)
    }

    /// Parameters of the router's pushes, if it stores messages.
    pub(crate) const fn letters(self) -> Option<StoreSettings> {
        match self {
            Self::Letters(settings) => Some(settings),
            Self::Mixed | Self::Shortage => None,
        }
    }
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn u32_of(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
