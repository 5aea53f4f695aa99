//! Assembly of a run's workers from a plan and a layout.

use std::io;
use std::sync::Arc;

use super::comings::Comings;
use super::complete::Complete;
use super::deal::{Deal, Guests, narrow, share};
use super::desk::{Desk, ledger};
use super::live::Live;
use super::stalls::Stalls;
use super::storm::Storm;
use super::talk::Talker;
use super::wakes::Wakes;
use super::worker::Worker;
use crate::account::Roster;
use crate::audience::{Audience, Rounds};
use crate::driver::{Driver, Route, Tuning};
use crate::latency::Latency;
use crate::oracle::{Ledger, Oracle};
use crate::plan::{Flow, Layout, Plan};

/// The worker of each thread.
///
/// # Errors
///
/// When the system has no more polls.
pub(super) fn workers(
    plan: &Plan,
    layout: &Layout,
    roster: &Roster,
    routes: &Arc<[Route]>,
    tuning: &Tuning,
) -> io::Result<Vec<Worker>> {
    let deal = Deal::of(plan);
    let readers: Vec<_> = (0..plan.threads).map(|at| deal.readers(layout, at)).collect();
    let complete = Complete::new(&readers);
    // Threads that give way to others must not burn their time.
    let precise = |at| tuning.is_precise && !deal.is_behind(at);
    let driver = |at| Driver::new(Tuning { is_precise: precise(at), ..tuning.clone() });
    let drivers = (0..plan.threads).map(driver).collect::<io::Result<Vec<_>>>()?;
    let wakes = Wakes::new(deal.owners(layout), &drivers)?;
    let assembly = Assembly {
        plan,
        deal,
        ledger: Arc::new(ledger(plan, layout)),
        routes: [Arc::clone(routes), narrow(routes, plan.size)],
        wakes,
    };
    let parts = complete.into_iter().zip(readers).zip(drivers).enumerate();
    let worker = |(at, ((complete, readers), driver))| {
        let desk = assembly.desk(at, driver, readers);
        let guests = assembly.guests(layout, roster, at);
        let lanes = assembly.deal.lanes(layout, at);
        let talker = Talker::new(lanes, complete, assembly.wakes.clone(), guests.seed);
        assembly.worker(at, precise(at), desk, guests, talker)
    };
    Ok(parts.map(worker).collect())
}

/// Parts that all workers share.
struct Assembly<'a> {
    plan: &'a Plan,
    deal: Deal,
    ledger: Arc<Ledger>,
    /// The ways to the server, and the same with small buffers.
    routes: [Arc<[Route]>; 2],
    wakes: Wakes,
}

impl Assembly<'_> {
    fn desk(&self, at: usize, driver: Driver, readers: Vec<u32>) -> Desk {
        let is_closed = matches!(self.plan.flow, Flow::Closed(_));
        let mut audience = Audience::new();
        audience.oracle = Oracle::of(Arc::clone(&self.ledger));
        audience.timed = 0..self.timed(at);
        audience.rounds = is_closed.then(|| Rounds::new(readers));
        Desk {
            driver,
            audience,
            ledger: Arc::clone(&self.ledger),
            body: self.plan.body(),
            is_answered: self.plan.dialect.features().replies,
            sent: 0,
            sent_within: 0,
            lag: Latency::new(),
        }
    }

    fn guests(&self, layout: &Layout, roster: &Roster, at: usize) -> Guests {
        let [routes, narrow] = self.routes.clone();
        Guests {
            all: self.deal.guests(layout, roster, at),
            dialect: self.plan.dialect,
            routes,
            narrow,
            seed: self.plan.seed.wrapping_add(at as u64),
        }
    }

    fn worker(
        &self,
        at: usize,
        is_precise: bool,
        desk: Desk,
        guests: Guests,
        talker: Talker,
    ) -> Worker {
        let Self { plan, deal, .. } = self;
        let (features, timed) = (plan.dialect.features(), self.timed(at));
        let (count, seed) = (guests.all.len(), guests.seed);
        let part = share(count, plan.sessions);
        let comings = plan.disturbances.presence.map(|presence| {
            let comers = deal.among_first(at, plan.talking())..timed;
            Comings::new(presence, comers, part, features.resume, seed)
        });
        let storm = plan
            .disturbances
            .storm
            .map(|storm| Storm::new(deal.among_first(at, storm.stay), features.resume));
        Worker {
            desk,
            talker,
            guests,
            stalls: Stalls::new(timed..count, features.gaps),
            comings,
            storm,
            share: part,
            phase: share(deal.before(at), plan.sessions),
            is_precise,
            is_behind: deal.is_behind(at),
            live: Arc::new(Live::default()),
        }
    }

    /// Sessions of a thread whose deliveries are timed: the first ones.
    fn timed(&self, at: usize) -> usize {
        self.deal.among_first(at, self.plan.timed())
    }
}
