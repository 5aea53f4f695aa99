//! The storm of a plan: sessions to cut, and limits for the others.

use std::time::Duration;

use crate::plan::bounds::within;
use crate::plan::{Kind, Options, PlanError, Storm};

/// Sessions in a room when the number of rooms is not given.
pub(super) const MEMBERS: usize = 100;
/// Default number of source addresses: ports are found faster.
pub(super) const SOURCES: u8 = 8;

/// Number of sessions of which one stays, if the number is not given.
const SHARE: usize = 16;
/// Longest way back for a session that is free to come.
const BACK: Duration = Duration::from_secs(3);
/// Most that the p99 of the sessions that stay may grow, as a factor.
const SLOWER: f64 = 1.5;

/// The storm of a plan with these numbers of sessions, rooms, and publishers in each.
pub(super) fn storm(
    given: &Options,
    sessions: usize,
    (rooms, publishers): (usize, usize),
) -> Result<Option<Storm>, PlanError> {
    if given.scenario != Some(Kind::Storm) {
        return Ok(None);
    }
    within("publishers", publishers, 1, sessions / rooms)?;
    // Publishers stay: a message at the moment of the cut may be lost by nobody's fault.
    let talkers = rooms * publishers;
    let stay = given.disturbances.stay.unwrap_or((sessions / SHARE).max(talkers));
    within("stay", stay, talkers, sessions - 1)?;
    let slower = given.disturbances.slower.unwrap_or(SLOWER);
    let (key, least, most) = ("slower", 1.0, 1e6);
    if !(least..=most).contains(&slower) {
        return Err(PlanError::OutOfBounds { key, least, most });
    }
    let back_within = given.disturbances.back_within.map_or(BACK, |span| span.0);
    Ok(Some(Storm { stay, back_within, slower }))
}
