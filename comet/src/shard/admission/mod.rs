//! Admission, from the listening socket to an accepted identity.
//!
//! * `listeners`: accepting connections;
//! * `preface`: PROXY headers, and telling the protocol by the first bytes; `upgrade`: upgrade
//!   requests; `identification`: clients behind proxies;
//! * `authentication`: questions to the router about peers, `decision`: its decisions,
//!   `renewals`: peers of open sessions that authenticate again;
//! * `gate`: authentications a second; `fairness`: shares of a turn for connections that come or
//!   end;
//! * `handoff`: connections on their way to the shard of their user.
//!
//! Not here: limits of connections and sessions (`entrance`), opening sessions (`lifecycle`).

mod authentication;
mod decision;
mod fairness;
mod gate;
mod handoff;
mod identification;
mod listeners;
mod preface;
mod renewals;
mod upgrade;

pub(super) use decision::tell_awaited;

use super::context::Context;
use crate::config::Config;
pub(super) use fairness::Fairness;
use gate::Gate;
pub(crate) use listeners::Listener;
pub(super) use listeners::Listeners;
use renewals::Renewals;

/// Rates and limits for newcomers.
#[derive(Debug)]
pub(super) struct Admission {
    pub(super) listeners: Listeners,
    gate: Gate,
    renewals: Renewals,
}

impl Admission {
    pub(super) fn new(cx: &Context, listeners: Vec<Listener>) -> Self {
        let Config { shards, ref handshake, .. } = cx.shared.config;
        Self {
            listeners: Listeners::new(listeners),
            gate: Gate::new(handshake.rate, shards),
            renewals: Renewals::default(),
        }
    }

    /// Changes the rate of authentications per second, over all shards; 0 for no limit.
    pub(super) fn set_rate(&mut self, handshake_rate: u32, shards: usize) {
        self.gate = Gate::new(handshake_rate, shards);
    }
}
