//! Checks that a history satisfies the delivery contract.
//!
//! Every rule reads only the history: pushes, events of the router, and events of clients.
//! [`check`] first indexes it by session and connection, then applies each rule.
//!
//! Not here: the implementation of the gateway. No rule may depend on it.

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
mod session;
mod upstream;
mod violation;

pub use violation::{Rule, Violation};

use crate::history::History;
use index::Index;

/// All violations in a history, in no particular order.
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
