//! The environment of an attack: its own server, a pair of healthy users beside it, and a record of
//! measurements.

use std::fmt::Display;
use std::net::Ipv4Addr;
use std::time::Duration;

use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Addresses, Server, Setup};
use comet_testkit::usage;

use crate::line::Line;
use crate::witness::{Newcomers, Talk};

/// Limit on the latency of a message between healthy users during an attack, at the 99th
/// percentile. A message is answered once it is on disk, which takes milliseconds; the rest is for
/// a machine whose cores are busy with the attack itself.
const SLOWEST: Duration = Duration::from_millis(500);
/// Limit on the growth of the server's resident memory, unless the attack sets another.
const GROWTH: u64 = 48 * MIB;
/// Bytes.
pub(crate) const MIB: u64 = 1024 * 1024;

/// A bound and the measured value.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub(crate) what: String,
    pub(crate) bound: String,
    pub(crate) measured: String,
    pub(crate) holds: bool,
}

/// A server under attack.
#[derive(Debug)]
pub(crate) struct Arena {
    pub(crate) server: Server,
    talk: Option<Talk>,
    newcomers: Option<Newcomers>,
    growth: u64,
    slack: u32,
    resident_before: u64,
    checks: Vec<Check>,
}

impl Arena {
    /// Starts the server and the healthy users. Time limits are multiplied by `slack`, for machines
    /// with other work.
    pub(crate) fn open(setup: Setup, slack: u32) -> Self {
        let server = setup.start();
        let talk = Talk::start(&server.addresses);
        let newcomers = Newcomers::start(server.addresses);
        let resident_before = usage::resident(server.process.id()).unwrap_or(0);
        Self {
            server,
            talk: Some(talk),
            newcomers: Some(newcomers),
            growth: GROWTH,
            slack,
            resident_before,
            checks: Vec::new(),
        }
    }

    pub(crate) fn at(&self) -> Addresses {
        self.server.addresses
    }

    /// A stranger's connection to one of the ports.
    pub(crate) fn line(&self, to: Port) -> Line {
        Line::to(self.address(to))
    }

    /// Requests a page as a healthy client does; returns the status, if received within three
    /// seconds.
    pub(crate) fn asks(&self, port: Port, path: &str) -> Option<u16> {
        let mut line = Line::between(Ipv4Addr::LOCALHOST, self.address(port), None);
        line.say(format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
        let answer = line.hears(Duration::from_secs(3), |bytes| bytes.len() >= 12);
        str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
    }

    pub(crate) fn address(&self, port: Port) -> std::net::SocketAddr {
        let at = self.server.addresses;
        match port {
            Port::Tcp => at.tcp,
            Port::Ws => at.ws,
            Port::Http => at.http,
            Port::Admin => at.admin,
            Port::Tls => at.tls,
        }
    }

    /// Sets another limit on the growth of memory.
    pub(crate) const fn may_grow(&mut self, bytes: u64) {
        self.growth = bytes;
    }

    /// The server ends, or refuses newcomers by design: they are not judged from now on.
    pub(crate) fn without_newcomers(&mut self) {
        if let Some(newcomers) = self.newcomers.take() {
            newcomers.dismiss();
        }
    }

    /// The server ends: no healthy user is judged from now on.
    pub(crate) fn without_witnesses(&mut self) {
        self.without_newcomers();
        if let Some(talk) = self.talk.take() {
            talk.dismiss();
        }
    }

    /// Checks for an exact value.
    pub(crate) fn is<T: Copy + PartialEq + Display>(&mut self, what: &str, measured: T, bound: T) {
        let holds = measured == bound;
        self.note(what, format!("{bound}"), format!("{measured}"), holds);
    }

    /// Checks a condition.
    pub(crate) fn holds(&mut self, what: &str, is_so: bool) {
        self.note(what, "yes".to_owned(), if is_so { "yes" } else { "no" }.to_owned(), is_so);
    }

    /// Checks an upper bound.
    pub(crate) fn at_most<T: Copy + PartialOrd + Display>(
        &mut self,
        what: &str,
        measured: T,
        bound: T,
    ) {
        let holds = measured <= bound;
        self.note(what, format!("≤ {bound}"), format!("{measured}"), holds);
    }

    /// Checks a lower bound.
    pub(crate) fn at_least<T: Copy + PartialOrd + Display>(
        &mut self,
        what: &str,
        measured: T,
        bound: T,
    ) {
        let holds = measured >= bound;
        self.note(what, format!("≥ {bound}"), format!("{measured}"), holds);
    }

    /// Checks a time limit; `None` if the event did not occur at all.
    pub(crate) fn within(&mut self, what: &str, took: Option<Duration>, bound: Duration) {
        let bound = bound * self.slack;
        let holds = took.is_some_and(|took| took <= bound);
        let measured = took.map_or_else(|| "never".to_owned(), seconds);
        self.note(what, format!("≤ {}", seconds(bound)), measured, holds);
    }

    /// Any other check.
    pub(crate) fn bound(&mut self, what: &str, bound: &str, measured: &str, holds: bool) {
        self.note(what, bound.to_owned(), measured.to_owned(), holds);
    }

    fn note(&mut self, what: &str, bound: String, measured: String, holds: bool) {
        self.checks.push(Check { what: what.to_owned(), bound, measured, holds });
    }

    /// Ends the attack and performs the checks common to all attacks.
    pub(crate) fn close(mut self) -> Vec<Check> {
        let now = usage::peak(self.server.process.id());
        if let Some(peak) = now {
            let growth = peak.saturating_sub(self.resident_before) / MIB;
            let bound = self.growth / MIB;
            let holds = growth <= bound;
            self.note("memory grows", format!("≤ {bound} MiB"), format!("{growth} MiB"), holds);
        }
        if let Some(talk) = self.talk.take() {
            let told = talk.stop();
            self.within("a message between others, p99", told.p99(), SLOWEST);
            self.is("of their messages lost", told.lost, 0);
        }
        if let Some(newcomers) = self.newcomers.take() {
            let told = newcomers.stop();
            self.is("others not let in", told.refused, 0);
            self.within(
                "others wait to be let in, at most",
                told.slowest(),
                Duration::from_secs(3),
            );
        }
        let panics = self.server.process.errors().matches("panicked").count();
        self.is("panics", panics, 0);
        self.checks
    }
}

/// A port of the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Port {
    Tcp,
    Ws,
    Http,
    Admin,
    Tls,
}

/// A duration in seconds or milliseconds, for display.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_millis() {
        ms @ 0..=999 => format!("{ms} ms"),
        ms => format!("{:.1} s", ms as f64 / 1e3),
    }
}

/// The user with this name.
pub(crate) fn person(name: &str) -> Person {
    Person::new(name)
}
