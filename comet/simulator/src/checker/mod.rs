//! Whether a history keeps the delivery contract.
//!
//! Every rule reads the history alone: what was pushed, what the router was told, what clients saw.
//! [`check`] first sorts that out by session and connection, then asks each rule.
//!
//! Not here: anything of how the gateway works. A rule that would need to know is no rule.

mod acked;
mod best_effort;
mod fairness;
mod fencing;
mod gaps;
mod index;
mod latest;
mod letters;
mod life;
mod reasons;
mod rest;
mod resume;
mod upstream;
mod violation;

pub use violation::{Rule, Violation};

use crate::history::History;
use index::Index;

/// Everything in a history that must not be, in no particular order.
#[must_use]
pub fn check(history: &History) -> Vec<Violation> {
    let index = Index::new(history);
    let mut found = Vec::new();
    let rules = [
        life::check,
        reasons::check,
        acked::check,
        best_effort::check,
        latest::check,
        gaps::check,
        fencing::check,
        resume::check,
        upstream::check,
        rest::check,
        fairness::check,
        letters::check,
    ];
    for rule in rules {
        rule(&index, &mut found);
    }
    found
}
