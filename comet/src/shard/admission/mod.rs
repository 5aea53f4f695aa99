//! Admission: who comes in, from the listening socket to an accepted identity.
//!
//! * `listeners`: taking connections in;
//! * `upgrade`: upgrade requests;
//! * `authentication`: what the router is asked about a peer, `decision`: what it says,
//!   `renewals`: peers of open sessions that authenticate again;
//! * `gate`: authentications a second; `fairness`: shares of a turn for those who come and go;
//! * `handoff`: connections on their way to the shard of their user.
//!
//! Not here: how many connections there may be (`entrance`), and what an accepted peer gets
//! (`lifecycle`).

mod authentication;
mod decision;
mod fairness;
mod gate;
mod handoff;
mod listeners;
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

/// Rates and limits for those who come.
#[derive(Debug)]
pub(super) struct Admission {
    pub(super) listeners: Listeners,
    gate: Gate,
    renewals: Renewals,
}

impl Admission {
    pub(super) fn new(cx: &Context, listeners: Vec<Listener>) -> Self {
        let Config { handshake_rate, shards, .. } = cx.shared.config;
        Self {
            listeners: Listeners::new(listeners),
            gate: Gate::new(handshake_rate, shards),
            renewals: Renewals::default(),
        }
    }

    /// Lets so many peers a second in from now on, on all of so many shards; 0 is no limit.
    pub(super) fn set_rate(&mut self, handshake_rate: u32, shards: usize) {
        self.gate = Gate::new(handshake_rate, shards);
    }
}
