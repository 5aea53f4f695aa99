//! A world of lanes: many connections have streams of their own for the lanes of deliveries, which
//! make progress independently of each other, and datagrams, which are lost, repeated and overtake
//! each other. Sessions move between those and connections with one stream.

use super::{Content, Participant, Plan};
use crate::history::Dialect;
use crate::random::Random;

/// One in this many seeds has such a world.
const SEEDS: u64 = 6;

/// Whether this seed has such a world.
pub(crate) const fn is_world_of(seed: u64) -> bool {
    seed % SEEDS == 4
}

/// Turns a plan into one of a world of lanes.
pub(crate) fn change(plan: &Plan, random: &mut Random) -> Plan {
    let lanes = random.choose(&[30, 60, 100]);
    let datagrams = random.choose(&[0, 30, 60, 100]);
    let mut participants = plan.participants.clone();
    for Participant { dialect, settings, lanes: own, .. } in &mut participants {
        *dialect = Dialect::Comet;
        settings.beside = random.percent(85);
        *own = lanes;
    }
    let mut acts = plan.acts;
    acts.pushes *= 2;
    Plan { participants, content: Content { datagrams, ..plan.content }, acts, ..plan.clone() }
}
