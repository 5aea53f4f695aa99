//! What is to be lost, and what the others may notice of it.

use std::time::Duration;

use crate::plan::bounds::within;
use crate::plan::{Kind, Options, PlanError, Storm};

/// Sessions in a room when it is not said how many rooms there are.
pub(super) const MEMBERS: usize = 100;
/// Addresses that sessions come from when nobody says: ports are found faster.
pub(super) const SOURCES: u8 = 8;

/// Of how many sessions one stays, if it is not said how many do.
const SHARE: usize = 16;
/// Longest way back for a session that is free to come.
const BACK: Duration = Duration::from_secs(3);
/// Most that the p99 of those who stay may grow.
const SLOWER: f64 = 1.5;

/// The storm of a plan with so many sessions, and so many rooms with so many publishers each.
pub(super) fn storm(
    given: &Options,
    sessions: usize,
    (rooms, publishers): (usize, usize),
) -> Result<Option<Storm>, PlanError> {
    if given.scenario != Some(Kind::Storm) {
        return Ok(None);
    }
    within("publishers", publishers, 1, sessions / rooms)?;
    // Who publishes stays: what is said at the moment of the cut may be lost by nobody's fault.
    let talkers = rooms * publishers;
    let stay = given.stay.unwrap_or((sessions / SHARE).max(talkers));
    within("stay", stay, talkers, sessions - 1)?;
    let slower = given.slower.unwrap_or(SLOWER);
    let (key, least, most) = ("slower", 1.0, 1e6);
    if !(least..=most).contains(&slower) {
        return Err(PlanError::OutOfBounds { key, least, most });
    }
    let back_within = given.back_within.map_or(BACK, |span| span.0);
    Ok(Some(Storm { stay, back_within, slower }))
}
