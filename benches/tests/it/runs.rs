//! Short runs of a crowd, judged by the oracle.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use comet_bench::clock;
use comet_bench::dialect::Dialect;
use comet_bench::driver::{Route, Tuning};
use comet_bench::oracle::{FaultKind, Verdict};
use comet_bench::proxy::{Options, ProxyProcess};
use comet_bench::scenario::{Crowd, Rooms};
use comet_bench::schedule::Schedule;

use crate::liar::{Liar, Lie};

const MEMBERS: usize = 10;
const MS: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(20);

/// A room whose members come back quickly; one of them publishes, or all.
fn crowd(publishers: usize, routes: &[Route]) -> Crowd {
    let mut tuning = Tuning::default();
    (tuning.habits.comet.backoff, tuning.habits.comet.handshake_timeout) = (20 * MS, 500 * MS);
    let mut crowd = Crowd::new(tuning, 64).expect("a poll");
    let (name, rooms, members) = ("room", 1, MEMBERS);
    let rooms = Rooms { name, rooms, members, publishers, dialect: Dialect::Comet };
    crowd.add(&rooms, &Arc::from(routes.to_vec()));
    crowd.open(PATIENCE).expect("all open");
    crowd
}

fn flow(crowd: &mut Crowd, lasting: Duration) {
    let mut schedule = Schedule::new(clock::now(), 500);
    crowd.run(clock::now() + lasting, &mut schedule).expect("polled");
}

fn verdict(crowd: Crowd) -> Verdict {
    crowd.audience.oracle.finish()
}

/// Nothing was wrong, and everything that was sent has come to everybody.
#[track_caller]
fn assert_kept(mut crowd: Crowd) {
    let is_settled = crowd.settle(PATIENCE).expect("polled");
    let sent = crowd.sent();
    let verdict = verdict(crowd);
    assert_eq!(verdict.faults.first(), []);
    assert!(is_settled && sent > 100, "{sent} sent");
    let due = sent * MEMBERS as u64;
    assert_eq!((verdict.expected, verdict.received, verdict.told), (due, due, 0));
}

#[test]
fn a_gateway_that_keeps_its_promises_is_not_accused() {
    let gateway = Liar::start(Lie::None);
    let mut crowd = crowd(MEMBERS, &[Route::tcp(gateway.address)]);
    flow(&mut crowd, 500 * MS);
    assert_kept(crowd);
}

#[test]
fn every_lie_is_found_at_every_session() {
    let all = MEMBERS as u64;
    for (lie, fault) in [
        (Lie::Omit, FaultKind::Lost),
        (Lie::Repeat, FaultKind::Duplicate),
        (Lie::Swap, FaultKind::OutOfOrder),
        (Lie::Damage, FaultKind::Damaged),
        (Lie::Gap(2), FaultKind::WrongGap),
    ] {
        let gateway = Liar::start(lie);
        let mut crowd = crowd(1, &[Route::tcp(gateway.address)]);
        flow(&mut crowd, 100 * MS);
        crowd.settle(200 * MS).unwrap();
        let faults = verdict(crowd).faults;
        assert_eq!(faults.count(fault), all, "{lie:?}: {faults:?}");
        // What was skipped counts as lost at the next message, though it comes damaged or late.
        let lost = if [Lie::Damage, Lie::Swap].contains(&lie) { all } else { 0 };
        let others = faults.counts().iter().filter(|(kind, _)| *kind != fault);
        assert_eq!(others.map(|(_, count)| count).sum::<u64>(), lost, "{lie:?}: {faults:?}");
    }
}

#[test]
fn a_gap_that_tells_the_truth_is_no_fault() {
    let gateway = Liar::start(Lie::Gap(1));
    let mut crowd = crowd(1, &[Route::tcp(gateway.address)]);
    flow(&mut crowd, 100 * MS);
    assert!(crowd.settle(PATIENCE).unwrap());
    let verdict = verdict(crowd);
    assert_eq!(verdict.faults.first(), []);
    assert_eq!((verdict.gaps, verdict.told), (MEMBERS as u64, MEMBERS as u64));
}

#[test]
fn sessions_that_are_cut_come_back_and_miss_nothing() {
    let gateway = Liar::start(Lie::None);
    let mut crowd = crowd(MEMBERS, &[Route::tcp(gateway.address)]);
    for round in 0..10 {
        flow(&mut crowd, 50 * MS);
        (0..MEMBERS).filter(|session| session % 3 == round % 3).for_each(|session| {
            crowd.driver.cut(session);
        });
    }
    let resumed = |audience: &comet_bench::audience::Audience| audience.open() == MEMBERS;
    assert!(crowd.wait(clock::now() + PATIENCE, resumed).unwrap());
    assert!(crowd.audience.counts().resumed >= 10, "{:?}", crowd.audience.counts());
    assert_kept(crowd);
}

#[test]
fn a_session_that_finds_nobody_takes_another_way() {
    let gateway = Liar::start(Lie::None);
    // Nobody listens where somebody did.
    let nobody = Liar::start(Lie::None).address;
    let crowd = crowd(1, &[Route::tcp(nobody), Route::tcp(gateway.address)]);
    assert_eq!(crowd.driver.tally().failed_dials, MEMBERS as u64 / 2);
    assert_eq!(crowd.driver.tally().dials, MEMBERS as u64 * 3 / 2);
}

#[test]
fn a_session_that_is_not_resumed_is_a_fault() {
    let gateway = Liar::start(Lie::Forget);
    let mut crowd = crowd(1, &[Route::tcp(gateway.address)]);
    crowd.driver.cut(4);
    let begun =
        |audience: &comet_bench::audience::Audience| audience.counts().begun > MEMBERS as u64;
    assert!(crowd.wait(clock::now() + PATIENCE, begun).unwrap());
    let faults = verdict(crowd).faults;
    assert_eq!((faults.counts().len(), faults.count(FaultKind::Reset)), (1, 1));
    assert_eq!(faults.first()[0].session, 4);
}

#[test]
fn a_frozen_session_reads_later_what_it_did_not_read() {
    let gateway = Liar::start(Lie::None);
    let mut crowd = crowd(1, &[Route::tcp(gateway.address)]);
    crowd.driver.freeze(7);
    flow(&mut crowd, 300 * MS);
    let others = |audience: &comet_bench::audience::Audience| {
        audience.oracle.outstanding() == audience.oracle.behind(7)
    };
    assert!(crowd.wait(clock::now() + PATIENCE, others).unwrap());
    assert_eq!(crowd.audience.oracle.behind(7), crowd.sent());
    crowd.driver.thaw(7);
    assert_kept(crowd);
}

#[test]
fn a_proxy_breaks_connections_and_nothing_is_lost() {
    let gateway = Liar::start(Lie::None);
    let options = |seed| Options {
        to: vec![gateway.address],
        every: 300 * MS,
        lasting: Duration::from_secs(2),
        seed,
    };
    let program = Path::new(env!("CARGO_BIN_EXE_comet-bench"));
    let proxies = [1, 2].map(|seed| ProxyProcess::start(program, &options(seed)).unwrap());
    let routes = [Route::tcp(proxies[0].addresses()[0]), Route::tcp(proxies[1].addresses()[0])];
    let mut crowd = crowd(MEMBERS, &routes);
    flow(&mut crowd, 500 * MS);
    proxies[0].stop().unwrap();
    flow(&mut crowd, 700 * MS);
    proxies[0].go_on().unwrap();
    flow(&mut crowd, 1_000 * MS);
    assert_kept(crowd);
    let tallies = proxies.map(|proxy| proxy.end().unwrap());
    assert!(tallies.iter().all(|tally| tally.resets > 0 && tally.half_closes > 0), "{tallies:?}");
    assert!(tallies.iter().all(|tally| tally.accepted > MEMBERS as u64), "{tallies:?}");
}
