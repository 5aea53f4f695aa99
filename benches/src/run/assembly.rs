//! Assembly of a run's workers from a plan and a layout.

use std::io;
use std::sync::Arc;

use super::churn::Churn;
use super::complete::Complete;
use super::live::LiveCounters;
use super::partition::{Partition, SessionSpecs, narrow, share};
use super::publishers::Publishers;
use super::roaming::Roaming;
use super::sender::{Sender, ledger};
use super::stalls::Stalls;
use super::storm::Storm;
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
    let partition = Partition::of(plan);
    let readers: Vec<_> = (0..plan.threads).map(|at| partition.readers(layout, at)).collect();
    let complete = Complete::new(&readers);
    // Threads that give way to others must not burn their time.
    let precise = |at| tuning.is_precise && !partition.is_behind(at);
    let driver = |at| Driver::new(Tuning { is_precise: precise(at), ..tuning.clone() });
    let drivers = (0..plan.threads).map(driver).collect::<io::Result<Vec<_>>>()?;
    let wakes = Wakes::new(partition.owners(layout), &drivers)?;
    let assembly = Assembly {
        plan,
        partition,
        ledger: Arc::new(ledger(plan, layout)),
        routes: [Arc::clone(routes), narrow(routes, plan.size)],
        wakes,
    };
    let parts = complete.into_iter().zip(readers).zip(drivers).enumerate();
    let worker = |(at, ((complete, readers), driver))| {
        let sender = assembly.sender(at, driver, readers);
        let specs = assembly.specs(layout, roster, at);
        let lanes = assembly.partition.lanes(layout, at);
        let publishers = Publishers::new(lanes, complete, assembly.wakes.clone(), specs.seed);
        assembly.worker(at, precise(at), sender, specs, publishers)
    };
    Ok(parts.map(worker).collect())
}

/// Parts that all workers share.
struct Assembly<'a> {
    plan: &'a Plan,
    partition: Partition,
    ledger: Arc<Ledger>,
    /// The ways to the server, and the same with small buffers.
    routes: [Arc<[Route]>; 2],
    wakes: Wakes,
}

impl Assembly<'_> {
    fn sender(&self, at: usize, driver: Driver, readers: Vec<u32>) -> Sender {
        let is_closed = matches!(self.plan.flow, Flow::Closed(_));
        let mut audience = Audience::new();
        audience.oracle = Oracle::of(Arc::clone(&self.ledger));
        audience.timed = 0..self.timed(at);
        audience.rounds = is_closed.then(|| Rounds::new(readers));
        Sender {
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

    fn specs(&self, layout: &Layout, roster: &Roster, at: usize) -> SessionSpecs {
        let [routes, narrow] = self.routes.clone();
        SessionSpecs {
            all: self.partition.specs(layout, roster, at),
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
        sender: Sender,
        specs: SessionSpecs,
        publishers: Publishers,
    ) -> Worker {
        let Self { plan, partition, .. } = self;
        let (features, timed) = (plan.dialect.features(), self.timed(at));
        let (count, seed) = (specs.all.len(), specs.seed);
        let part = share(count, plan.sessions);
        let churn = plan.disturbances.churn.map(|rates| {
            let range = partition.among_first(at, plan.publishing_sessions())..timed;
            Churn::new(rates, range, part, features.resume, seed)
        });
        let storm = plan
            .disturbances
            .storm
            .map(|storm| Storm::new(partition.among_first(at, storm.stay), features.resume));
        let roaming = plan.disturbances.roam.map(|roam| Roaming::new(roam, count, seed));
        Worker {
            sender,
            publishers,
            specs,
            stalls: Stalls::new(timed..count, features.gaps),
            churn,
            storm,
            roaming,
            share: part,
            phase: share(partition.before(at), plan.sessions),
            is_precise,
            is_behind: partition.is_behind(at),
            live: Arc::new(LiveCounters::default()),
        }
    }

    /// Sessions of a thread whose deliveries are timed: the first ones.
    fn timed(&self, at: usize) -> usize {
        self.partition.among_first(at, self.plan.timed())
    }
}
