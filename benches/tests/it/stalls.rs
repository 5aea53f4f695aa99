//! Readers who stop, against comet in this process, and against gateways that use it to cheat.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use comet::{
    Config, Connect, ConnectReply, Delivery, Gateway, Identity, Listen, Message, Overflow, Peer,
    Receipt, Router, Target,
};
use comet_bench::host::Interrupt;
use comet_bench::plan::{Options, Plan};
use comet_bench::report::Report;
use comet_bench::scenario;
use comet_bench::terminal::Progress;

use crate::liar::{Liar, Lie};
use crate::rooms::Relay;

/// 240 messages and a few while all read, as many when half of the ten sessions do not.
const TEXT: &str = "scenario = \"tortoise\"\nsessions = 10\nrate = 200\n\
                    warmup = \"200ms\"\nduration = \"1s\"\ninterval = \"50ms\"\n";
/// A message that is sent while half of the sessions do not read.
const MEANWHILE: u32 = 300;

fn run(more: &str, addr: &str) -> Report {
    run_until(more, addr, Interrupt::never(), Progress::new(true))
}

/// The same of another text to begin with.
fn run_text(text: &str, more: &str, addr: &str) -> Report {
    let text = format!("{text}slower = 1000.0\naddr = [\"{addr}\"]\n{more}");
    let plan = Plan::new(Options::read(&text).expect(&text)).expect(&text);
    scenario::run(&plan, Interrupt::never(), Progress::new(true)).expect("a result")
}

fn run_until(more: &str, addr: &str, interrupt: Interrupt, progress: Progress) -> Report {
    let slower = if more.contains("slower") { "" } else { "slower = 1000.0\n" };
    let stay = if more.contains("churn") { "" } else { "churn = 0.0\n" };
    let text = format!("{TEXT}{slower}{stay}addr = [\"{addr}\"]\n{more}");
    let plan = Plan::new(Options::read(&text).expect(&text)).expect(&text);
    scenario::run(&plan, interrupt, progress).expect("a result")
}

fn figure(report: &Report, name: &str) -> f64 {
    report.findings.find(name).unwrap_or_else(|| panic!("no {name} in {report}")).value()
}

/// A gateway that keeps half of it for who does not read: who reads may pause for half a second,
/// and miss nothing.
fn narrow(overflow: Overflow) -> Relay {
    let config = Config::default().shards(2).delivery(|it| {
        it.window = 16;
        it.queue = 100;
        it.room_log = 100;
        it.overflow = overflow;
    });
    Relay::with(config.resume(|it| it.ttl = Duration::from_secs(60)), true)
}

#[test]
fn gaps_tell_of_exactly_what_the_stalled_never_get() {
    let relay = narrow(Overflow::DropOldest);
    for (addr, threads) in
        [(format!("tcp://{}", relay.tcp), 1), (format!("ws://{}/sub", relay.ws), 2)]
    {
        let report = run(&format!("threads = {threads}"), &addr);
        assert!(report.findings.passed(), "{report}");
        assert_eq!(figure(&report, "sessions stalled"), 5.0);
        assert!(figure(&report, "gaps") >= 5.0, "{report}");
        let told = figure(&report, "deliveries that gaps told of");
        let expected = figure(&report, "deliveries expected");
        assert_eq!(figure(&report, "deliveries received") + told, expected, "{report}");
        let sent = figure(&report, "messages sent");
        assert!(sent >= 480.0 && expected == 10.0 * sent, "{report}");
        let waited = figure(&report, "deliveries that waited for the stalled");
        assert!((1_200.0..5.0 * sent).contains(&waited) && waited % 5.0 == 0.0, "{report}");
        let names: Vec<&str> = report.findings.distributions().iter().map(|it| it.name()).collect();
        assert_eq!(names, ["delivery, all reading", "delivery, others stalled"]);
        let counts = report.findings.distributions().iter().map(|it| it.latency().len());
        assert_eq!(counts.collect::<Vec<_>>(), [1_000, 1_000], "of the five who always read");
        let parts = report.findings.windows().iter().map(|window| window.name.as_str());
        let expected =
            ["ramp", "warm-up", "measure", "settle", "warm-up", "stalled", "settle", "catch up"];
        assert_eq!(parts.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn without_gaps_the_stalled_are_owed_nothing_and_the_others_everything() {
    let relay = narrow(Overflow::DropOldest);
    let report = run("dialect = \"dtalk\"", &format!("tcp://{}", relay.tcp));
    assert!(report.findings.passed(), "{report}");
    let forgone = figure(&report, "deliveries that the stalled never got");
    let waited = figure(&report, "deliveries that waited for the stalled");
    assert!(forgone >= 500.0 && forgone <= waited, "{report}");
    let owed = 10.0 * figure(&report, "messages sent") - forgone;
    assert_eq!(figure(&report, "deliveries received"), owed, "{report}");
    assert_eq!(figure(&report, "deliveries expected"), owed, "{report}");
    assert!(report.findings.find("memory grown, others stalled").is_some(), "{report}");
}

#[test]
fn a_server_may_end_the_stalled_and_they_come_back() {
    let relay = narrow(Overflow::Close);
    let report = run("dialect = \"dtalk\"\nthreads = 2", &format!("ws://{}/sub", relay.ws));
    assert!(report.findings.passed(), "{report}");
    assert_eq!(figure(&report, "connections of the stalled that ended"), 5.0);
    assert!(figure(&report, "deliveries that the stalled never got") >= 500.0, "{report}");
    let why = |note: &String| note.starts_with("why a connection ended last: ");
    assert!(report.findings.notes().iter().any(why), "{report}");
}

#[test]
fn a_dialect_without_any_promise_can_stall_too() {
    let relay = narrow(Overflow::DropOldest);
    let report = run("dialect = \"raw\"\nstalled = 0.9", &format!("ws://{}", relay.raw));
    assert!(report.findings.passed(), "{report}");
    assert_eq!(figure(&report, "sessions stalled"), 9.0);
}

#[test]
fn a_limit_that_is_not_kept_is_told() {
    let relay = narrow(Overflow::DropOldest);
    let report = run("slower = 0.0", &format!("tcp://{}", relay.tcp));
    let missed: Vec<&str> = report.findings.missed().map(|figure| figure.name()).collect();
    assert_eq!(missed, ["p99, others stalled to all reading"], "{report}");
}

#[test]
fn a_gap_that_is_told_while_some_stall_must_count_right() {
    for (count, is_right) in [(1, true), (2, false)] {
        let liar = Liar::start_at(Lie::Gap(count), MEANWHILE);
        let report = run("settle = \"1s\"", &format!("tcp://{}", liar.address));
        assert_eq!(report.findings.violations().is_empty(), is_right, "{report}");
        assert_eq!(report.findings.find("deliveries to readers, all reading").is_some(), is_right);
    }
}

#[test]
fn who_reads_leaves_and_logs_in_again_while_others_stall() {
    let relay = narrow(Overflow::DropOldest);
    for (dialect, threads) in [("comet", 1), ("dtalk", 2)] {
        let more = format!(
            "churn = 20.0\naway = \"50ms\"\nsessions = 20\ndialect = \"{dialect}\"\n\
             threads = {threads}\nsettle = \"20s\""
        );
        let text = format!("tcp://{}", relay.tcp);
        let report = run_text(&TEXT.replace("sessions = 10\n", ""), &more, &text);
        assert!(report.findings.passed(), "{report}");
        for when in ["all reading", "others stalled"] {
            assert!(figure(&report, &format!("logins, {when}")) >= 15.0, "{report}");
            let named = format!("login, {when}");
            assert!(
                report.findings.distributions().iter().any(|it| it.name() == named),
                "{report}"
            );
        }
    }
}

/// A room whose doors are closed to who comes for the second time, as often as it is said.
struct Doors {
    closed: AtomicU32,
    known: Mutex<Vec<String>>,
}

impl Router for Doors {
    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        let mut known = self.known.lock().expect("whole");
        let again = known.contains(&request.token);
        let less = |left: u32| left.checked_sub(1);
        if again && self.closed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            return reply.later(Duration::from_millis(50));
        }
        known.push(request.token.clone());
        reply.accept(Identity::new(request.app, request.token).room("room"));
    }

    fn receive(&self, gateway: &Gateway, _: &Peer, message: Message, receipt: Receipt) {
        let delivery = Delivery::acked(message.body).kind(message.kind);
        gateway.publish("room", delivery).expect("taken");
        receipt.ack("");
    }
}

#[test]
fn a_login_that_is_turned_away_is_told_though_it_comes_back() {
    for (closed, is_kept) in [(0, true), (3, false)] {
        let doors = Doors { closed: AtomicU32::new(closed), known: Mutex::default() };
        let gateway = Gateway::builder(doors)
            .config(Config::default().shards(1))
            .listen(Listen::tcp(([127, 0, 0, 1], 0).into()))
            .start()
            .expect("started");
        let addr = format!("tcp://{}", gateway.addresses()[0]);
        let report = run("churn = 10.0\naway = \"20ms\"\nsettle = \"20s\"", &addr);
        let told = report.findings.violations().iter().any(|violation| {
            violation.to_string().contains("3 logins of sessions that read were turned away")
        });
        assert_eq!((report.findings.passed(), told), (is_kept, !is_kept), "{report}");
    }
}

/// What one member does not get, or gets twice.
#[derive(Clone, Copy)]
enum Slight {
    Omit,
    Repeat,
}

/// Everybody gets everything, but for one user one message is another number of times.
struct Uneven {
    slight: Slight,
    victim: &'static str,
    taken: AtomicU32,
    users: Mutex<Vec<String>>,
}

impl Router for Uneven {
    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        self.users.lock().expect("whole").push(request.token.clone());
        reply.accept(Identity::new(request.app, request.token));
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        let is_it = self.taken.fetch_add(1, Ordering::SeqCst) + 1 == MEANWHILE;
        let body = message.body;
        for user in &*self.users.lock().expect("whole") {
            let times = match (is_it && user.ends_with(self.victim), self.slight) {
                (false, _) => 1,
                (true, Slight::Omit) => 0,
                (true, Slight::Repeat) => 2,
            };
            for _ in 0..times {
                let delivery = Delivery::acked(body.clone()).kind(message.kind);
                gateway.push(Target::user(peer.app(), user), delivery).expect("taken");
            }
        }
        receipt.ack("");
    }
}

fn is_right(slight: Slight, victim: &'static str) -> bool {
    let (taken, users) = (AtomicU32::new(0), Mutex::default());
    let local = ([127, 0, 0, 1], 0).into();
    let gateway = Gateway::builder(Uneven { slight, victim, taken, users })
        .config(Config::default().shards(1))
        .listen(Listen::tcp(local))
        .start()
        .expect("started");
    let addr = format!("tcp://{}", gateway.addresses()[0]);
    let report = run("dialect = \"dtalk\"\nsettle = \"1s\"", &addr);
    let violated = !report.findings.violations().is_empty();
    assert_eq!(report.findings.withheld().is_empty(), !violated, "{report}");
    !violated
}

#[test]
fn a_reader_who_never_stalls_misses_nothing_while_others_do() {
    assert!(!is_right(Slight::Omit, "-u4"));
    assert!(is_right(Slight::Omit, "-u5"), "the first of those who stall");
}

#[test]
fn nobody_gets_anything_twice_stalled_or_not() {
    assert!(!is_right(Slight::Repeat, "-u4"));
    assert!(!is_right(Slight::Repeat, "-u9"));
}

/// Pulls an interrupt as soon as it reads that some have stalled.
struct Pulls(Interrupt);

impl std::io::Write for Pulls {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        if text.windows(7).any(|part| part == b"stalled") {
            self.0.pull();
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_interrupted_run_still_waits_for_the_stalled_to_be_judged() {
    let relay = narrow(Overflow::DropOldest);
    let interrupt = Interrupt::never();
    let progress = Progress::lines_into(Box::new(Pulls(interrupt.clone())));
    let addr = format!("tcp://{}", relay.tcp);
    let report = run_until("", &addr, interrupt, progress);
    assert!(!report.about.is_complete() && report.findings.passed(), "{report}");
    assert!(report.findings.find("p99, others stalled to all reading").is_none(), "{report}");
    let came =
        figure(&report, "deliveries received") + figure(&report, "deliveries that gaps told of");
    assert_eq!(came, figure(&report, "deliveries expected"), "{report}");
}
