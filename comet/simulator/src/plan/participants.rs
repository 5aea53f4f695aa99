//! Participants: clients, how they connect and what they are set to.

use std::time::Duration;

use crate::history::{ClientId, Dialect};
use crate::random::Random;

const SECOND: u64 = 1_000_000;

/// The identity of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientIdentity {
    pub(crate) client: ClientId,
    pub(crate) user: u32,
    pub(crate) device: u32,
}

/// The settings relevant to the tests; all others are defaults.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientSettings {
    pub(crate) outbox: usize,
    pub(crate) early: usize,
    pub(crate) ack_every: u32,
    pub(crate) ack_delay: Duration,
    pub(crate) max_body: u32,
    /// Whether it takes lanes and datagrams where there are any.
    pub(crate) beside: bool,
}

/// A participant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Participant {
    pub(crate) identity: ClientIdentity,
    pub(crate) dialect: Dialect,
    pub(crate) settings: ClientSettings,
    /// Percentage of its connections that use WebSocket.
    pub(crate) websocket: u64,
    /// Percentage of its connections that have lanes; the others are as above.
    pub(crate) lanes: u64,
    /// Whether it reads, acknowledges and sends, over a network without faults.
    pub(crate) steady: bool,
    /// Range of its first connection, in microseconds from the start.
    pub(crate) first_dial: (u64, u64),
}

pub(super) fn draw(random: &mut Random) -> Vec<Participant> {
    let users = random.between(1, 3);
    let dtalk = random.choose(&[0, 0, 30, 100]);
    let websocket = random.choose(&[0, 50, 100]);
    let count = super::u32_of(random.between(2, 4));
    (0..count)
        .map(|client| Participant {
            identity: ClientIdentity {
                client: ClientId(client),
                user: super::u32_of(random.below(users)),
                // A device of its own, so that no two clients share one.
                device: client,
            },
            dialect: if random.percent(dtalk) { Dialect::Dtalk } else { Dialect::Comet },
            settings: settings(random),
            websocket,
            lanes: 0,
            steady: false,
            // Clients do not connect all at once.
            first_dial: (0, 2 * SECOND),
        })
        .collect()
}

fn settings(random: &mut Random) -> ClientSettings {
    ClientSettings {
        outbox: random.choose(&[2, 16, 64]),
        early: random.choose(&[1, 4, 64]),
        ack_every: random.choose(&[1, 4, 32]),
        ack_delay: Duration::from_millis(random.choose(&[1, 20, 300])),
        max_body: random.choose(&[200, 1 << 20, 1 << 20, 1 << 20, 1 << 20]),
        beside: false,
    }
}
