//! Short runs against a gateway that lies in one way at a time, judged by the oracle; and single
//! sessions of a driver that lose their connection or stop reading.

use std::sync::Arc;
use std::time::Duration;

use comet_bench::audience::Audience;
use comet_bench::clock;
use comet_bench::dialect::Dialect;
use comet_bench::driver::{Destination, Driver, Identity, Route, Tuning};
use comet_bench::host::Interrupt;
use comet_bench::oracle::{FaultKind, Stamp};
use comet_bench::report::Report;
use comet_testkit::clock::PATIENCE;

use crate::liar::{Liar, Lie};
use crate::planned::{figure, run};

const MEMBERS: usize = 10;
const MS: Duration = Duration::from_millis(1);
/// A room of ten at 500 messages a second.
fn fan(gateway: &Liar, more: &str) -> Report {
    let text = format!("scenario = \"fan\"\nsessions = {MEMBERS}\nrate = 500\nsize = 64\n{more}");
    run(&text, &format!("tcp://{}", gateway.address), Interrupt::never())
}

#[test]
fn a_gateway_that_keeps_its_promises_is_not_accused() {
    let gateway = Liar::start(Lie::None);
    let report = fan(&gateway, "publishers = 10\nwarmup = \"100ms\"\nduration = \"400ms\"");
    assert!(report.findings.passed(), "{report}");
    let (sent, due) = (figure(&report, "messages sent"), figure(&report, "deliveries expected"));
    assert!(sent > 100.0, "{report}");
    assert_eq!((due, figure(&report, "deliveries received")), (10.0 * sent, 10.0 * sent));
    assert_eq!(figure(&report, "deliveries that gaps told of"), 0.0);
}

#[test]
fn every_lie_is_found_at_every_session() {
    for (lie, fault) in [
        (Lie::Omit, FaultKind::Lost),
        (Lie::Repeat, FaultKind::Duplicate),
        (Lie::Swap, FaultKind::OutOfOrder),
        (Lie::Damage, FaultKind::Damaged),
        (Lie::Gap(2), FaultKind::WrongGap),
    ] {
        let gateway = Liar::start(lie);
        let more = "warmup = \"50ms\"\nduration = \"100ms\"\nsettle = \"200ms\"";
        let report = fan(&gateway, more);
        let violations: Vec<&str> =
            report.findings.violations().iter().map(|violation| violation.what.as_str()).collect();
        let found = |kind: FaultKind| violations.contains(&format!("{MEMBERS} x {kind}").as_str());
        assert!(found(fault), "{lie:?}: {violations:?}");
        // A damaged or late delivery counts as lost when the next message comes.
        let also_lost = [Lie::Damage, Lie::Swap].contains(&lie);
        let faults = violations.iter().filter(|what| what.contains(" x ")).count();
        assert_eq!(faults, 1 + usize::from(also_lost), "{lie:?}: {violations:?}");
        assert!(!also_lost || found(FaultKind::Lost), "{lie:?}: {violations:?}");
    }
}

#[test]
fn a_gap_that_tells_the_truth_is_no_fault() {
    let gateway = Liar::start(Lie::Gap(1));
    let report = fan(&gateway, "warmup = \"50ms\"\nduration = \"100ms\"");
    assert!(report.findings.passed(), "{report}");
    let members = 10.0;
    assert_eq!(figure(&report, "gaps"), members);
    assert_eq!(figure(&report, "deliveries that gaps told of"), members);
}

/// A room on a driver, without a plan.
struct Room {
    driver: Driver,
    audience: Audience,
    publisher: u32,
    sent: u64,
}

impl Room {
    /// Ten sessions that come back quickly, all open.
    fn open(routes: &[Route]) -> Self {
        let mut tuning = Tuning::default();
        (tuning.timing.comet.backoff, tuning.timing.comet.handshake_timeout) = (20 * MS, 500 * MS);
        let mut audience = Audience::new();
        let (room, publisher) = audience.oracle.add_room(1);
        let mut driver = Driver::new(tuning).expect("a poll");
        let routes: Arc<[Route]> = routes.into();
        for member in 0..MEMBERS {
            let me = Identity::new(format!("member-{member}"), ["room".to_owned()]);
            driver.add(Dialect::Comet, me, Arc::clone(&routes), member as u64);
            audience.add(clock::now(), &[room]);
        }
        let mut this = Self { driver, audience, publisher, sent: 0 };
        this.until(|audience| audience.counts().begun == MEMBERS as u64);
        this
    }

    /// Sends from the first session.
    fn send(&mut self, messages: usize) {
        for _ in 0..messages {
            let counter = self.audience.oracle.next_counter(self.publisher);
            let stamp = Stamp { publisher: self.publisher, counter, due: clock::now() };
            self.driver.send(0, &Destination::Rooms, stamp.body(64)).expect("taken");
            self.audience.oracle.handle_sent(self.publisher, stamp.due);
            self.sent += 1;
        }
    }

    #[track_caller]
    fn until(&mut self, is_so: impl Fn(&Audience) -> bool) {
        let deadline = clock::now() + PATIENCE;
        while !is_so(&self.audience) {
            assert!(clock::now() < deadline, "{:?}; {:?}", self.driver.last_error(), self.audience);
            self.driver.turn(clock::now() + 20 * MS, &mut self.audience).expect("polled");
        }
    }
}

#[test]
fn sessions_that_are_cut_come_back_and_miss_nothing() {
    let gateway = Liar::start(Lie::None);
    let mut room = Room::open(&[Route::tcp(gateway.address)]);
    for round in 0..10 {
        room.send(20);
        (0..MEMBERS).filter(|session| session % 3 == round % 3).for_each(|session| {
            room.driver.cut(session);
        });
        room.until(|audience| audience.open() == MEMBERS);
    }
    room.until(|audience| audience.oracle.outstanding() == 0);
    assert!(room.audience.counts().resumed >= 10, "{:?}", room.audience.counts());
    let verdict = room.audience.oracle.finish();
    assert_eq!((verdict.faults.first(), verdict.received), (&[][..], 200 * MEMBERS as u64));
}

#[test]
fn a_session_that_finds_nobody_takes_another_way() {
    let gateway = Liar::start(Lie::None);
    // A port on which nobody listens any more.
    let nobody = Liar::start(Lie::None).address;
    let room = Room::open(&[Route::tcp(nobody), Route::tcp(gateway.address)]);
    assert_eq!(room.driver.tally().failed_dials, MEMBERS as u64 / 2);
    assert_eq!(room.driver.tally().dials, MEMBERS as u64 * 3 / 2);
}

#[test]
fn a_session_that_is_not_resumed_is_a_fault() {
    let gateway = Liar::start(Lie::Forget);
    let mut room = Room::open(&[Route::tcp(gateway.address)]);
    room.driver.cut(4);
    room.until(|audience| audience.counts().begun > MEMBERS as u64);
    let faults = room.audience.oracle.finish().faults;
    assert_eq!((faults.counts().len(), faults.count(FaultKind::Reset)), (1, 1));
    assert_eq!(faults.first()[0].session, 4);
}

#[test]
fn a_frozen_session_reads_later_what_it_did_not_read() {
    let gateway = Liar::start(Lie::None);
    let mut room = Room::open(&[Route::tcp(gateway.address)]);
    room.driver.freeze(7);
    room.send(100);
    let others = |audience: &Audience| audience.oracle.outstanding() == audience.oracle.behind(7);
    room.until(others);
    assert_eq!(room.audience.oracle.behind(7), room.sent);
    room.driver.thaw(7);
    room.until(|audience| audience.oracle.outstanding() == 0);
    let verdict = room.audience.oracle.finish();
    assert_eq!((verdict.faults.first(), verdict.received), (&[][..], 100 * MEMBERS as u64));
}
