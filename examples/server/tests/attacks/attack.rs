//! An attack: its name, its description, the server's settings, and its implementation.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use comet_server_testkit::server::Setup;

use crate::arena::{Arena, Check};

/// An attack.
#[derive(Clone, Copy)]
pub(crate) struct Attack {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// A short description.
    pub(crate) what: &'static str,
    /// Whether it belongs to the ordinary tests too; such attacks take a second or two.
    pub(crate) quick: bool,
    /// The settings that differ from the default, each as `--set` takes it.
    pub(crate) settings: &'static [&'static str],
    /// Limit on the server's descriptors, if any.
    pub(crate) descriptors: Option<u32>,
    /// Performs the attack, and records measurements.
    pub(crate) run: fn(&mut Arena),
}

/// Result of an attack.
#[derive(Clone, Debug)]
pub(crate) struct AttackResult {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) took: Duration,
    pub(crate) checks: Vec<Check>,
}

impl AttackResult {
    pub(crate) fn holds(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }
}

impl Attack {
    /// An attack of the full suite only, with the default settings.
    pub(crate) const fn new(name: &'static str, what: &'static str, run: fn(&mut Arena)) -> Self {
        Self { name, what, quick: false, settings: &[], descriptors: None, run }
    }

    /// Adds it to the ordinary tests.
    pub(crate) const fn quick(self) -> Self {
        Self { quick: true, ..self }
    }

    /// Against a server with these settings.
    pub(crate) const fn with(self, settings: &'static [&'static str]) -> Self {
        Self { settings, ..self }
    }

    /// Limits the server's descriptors.
    pub(crate) const fn descriptors(self, descriptors: u32) -> Self {
        Self { descriptors: Some(descriptors), ..self }
    }

    /// Performs the attack against its own server.
    pub(crate) fn carry_out(&self, slack: u32) -> AttackResult {
        let began = Instant::now();
        // Other tests close refused connections at once; an operator's server holds them.
        let setup = Setup::default().variable("COMET_GATEWAY__HELD_REFUSALS", &10_000);
        let setup = match self.descriptors {
            Some(most) => setup.descriptors(most),
            None => setup,
        };
        let setup = self.settings.iter().fold(setup, |setup, set| setup.set(set));
        let went = catch_unwind(AssertUnwindSafe(|| {
            let mut arena = Arena::open(setup, slack);
            // Measurements before a panic are reported too.
            let run = catch_unwind(AssertUnwindSafe(|| (self.run)(&mut arena)));
            let mut checks = arena.close();
            checks.extend(run.err().map(|panic| broken(panic.as_ref())));
            checks
        }));
        let checks = went.unwrap_or_else(|panic| vec![broken(panic.as_ref())]);
        AttackResult { name: self.name, what: self.what, took: began.elapsed(), checks }
    }
}

/// The attack panicked.
fn broken(panic: &(dyn std::any::Any + Send)) -> Check {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
    let first = text.lines().next().unwrap_or_default().chars().take(160).collect();
    Check { what: "carried out".into(), bound: "yes".into(), measured: first, holds: false }
}
