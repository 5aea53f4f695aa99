//! What an attack gets: a server of its own, a healthy pair of users beside it, and a sheet for
//! what it measured.

use std::fmt::Display;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::line::Line;
use crate::process;
use crate::support::person::Person;
use crate::support::server::{Addresses, Server, Setup};
use crate::witness::{Newcomers, Talk};

/// Most that a message between healthy users may take while somebody attacks, at the 99th
/// percentile. A message is answered when it is on the disk, which takes milliseconds; the rest is
/// for a machine whose cores are busy with the attack itself.
const SLOWEST: Duration = Duration::from_millis(500);
/// Most that the server's resident memory may grow, unless the attack says otherwise.
const GROWTH: u64 = 48 * MIB;
/// Bytes.
pub(crate) const MIB: u64 = 1024 * 1024;

/// One bound, and what was measured.
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
    /// Starts the server and those who must not notice anything.
    /// Times may be so many times longer than bounds say: on a machine that has other work.
    pub(crate) fn open(setup: Setup, slack: u32) -> Self {
        let server = setup.start();
        let talk = Talk::start(&server.addresses);
        let newcomers = Newcomers::start(server.addresses);
        let resident_before = process::resident(server.process.id()).unwrap_or(0);
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

    /// Asks for a page as a healthy client does: the status, if there is one within three seconds.
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
        }
    }

    /// The attack may cost more memory than usual.
    pub(crate) const fn may_grow(&mut self, bytes: u64) {
        self.growth = bytes;
    }

    /// The server ends, or turns newcomers away by design: they are no longer judged.
    pub(crate) fn without_newcomers(&mut self) {
        if let Some(newcomers) = self.newcomers.take() {
            newcomers.dismiss();
        }
    }

    /// The server ends: nobody is judged any more.
    pub(crate) fn without_witnesses(&mut self) {
        self.without_newcomers();
        if let Some(talk) = self.talk.take() {
            talk.dismiss();
        }
    }

    /// Something has to be exactly so.
    pub(crate) fn is<T: Copy + PartialEq + Display>(&mut self, what: &str, measured: T, bound: T) {
        let holds = measured == bound;
        self.note(what, format!("{bound}"), format!("{measured}"), holds);
    }

    /// Something is true.
    pub(crate) fn holds(&mut self, what: &str, is_so: bool) {
        self.note(what, "yes".to_owned(), if is_so { "yes" } else { "no" }.to_owned(), is_so);
    }

    /// A number has a greatest value.
    pub(crate) fn at_most<T: Copy + PartialOrd + Display>(
        &mut self,
        what: &str,
        measured: T,
        bound: T,
    ) {
        let holds = measured <= bound;
        self.note(what, format!("≤ {bound}"), format!("{measured}"), holds);
    }

    /// A number has a least value.
    pub(crate) fn at_least<T: Copy + PartialOrd + Display>(
        &mut self,
        what: &str,
        measured: T,
        bound: T,
    ) {
        let holds = measured >= bound;
        self.note(what, format!("≥ {bound}"), format!("{measured}"), holds);
    }

    /// Something happens within a time; `None` if it did not happen at all.
    pub(crate) fn within(&mut self, what: &str, took: Option<Duration>, bound: Duration) {
        let bound = bound * self.slack;
        let holds = took.is_some_and(|took| took <= bound);
        let measured = took.map_or_else(|| "never".to_owned(), seconds);
        self.note(what, format!("≤ {}", seconds(bound)), measured, holds);
    }

    /// Whatever does not fit the others.
    pub(crate) fn bound(&mut self, what: &str, bound: &str, measured: &str, holds: bool) {
        self.note(what, bound.to_owned(), measured.to_owned(), holds);
    }

    fn note(&mut self, what: &str, bound: String, measured: String, holds: bool) {
        self.checks.push(Check { what: what.to_owned(), bound, measured, holds });
    }

    /// Ends the attack: what must hold whatever was done is judged now.
    pub(crate) fn close(mut self) -> Vec<Check> {
        let now = process::peak(self.server.process.id());
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

/// Where the server listens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Port {
    Tcp,
    Ws,
    Http,
    Admin,
}

/// Seconds or milliseconds, as people write them.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_millis() {
        ms @ 0..=999 => format!("{ms} ms"),
        ms => format!("{:.1} s", ms as f64 / 1e3),
    }
}

/// The person of this name.
pub(crate) fn person(name: &str) -> Person {
    Person::new(name)
}
