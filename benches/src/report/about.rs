//! The run that a report is about: load, server, machine, time.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::host::Machine;

/// The subject key for the server's delivery guarantee. Servers with different guarantees are
/// neither better nor worse than each other.
pub const DELIVERY: &str = "delivery";
/// The subject key for the cores of server and harness.
pub const PINNING: &str = "pinning";

/// One run: load, server, machine, time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    scenario: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    plan: Value,
    #[serde(default)]
    subject: BTreeMap<String, String>,
    #[serde(default)]
    machine: Machine,
    started: String,
    complete: bool,
}

impl About {
    /// A run that begins now on this machine.
    #[must_use]
    pub fn new(scenario: impl Into<String>) -> Self {
        Self {
            scenario: scenario.into(),
            label: None,
            command: std::env::args().collect(),
            plan: Value::Null,
            subject: BTreeMap::new(),
            machine: Machine::here(),
            started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            complete: true,
        }
    }

    /// Sets the scenario.
    pub fn set_scenario(&mut self, scenario: impl Into<String>) {
        self.scenario = scenario.into();
    }

    /// Sets the name of the server in tables and pages.
    pub fn set_label(&mut self, label: impl Into<String>) {
        self.label = Some(label.into());
    }

    /// Sets the requested load: reports are compared if it is the same in both. The server and the
    /// way to it belong to the [subject](Self::set_subject).
    pub fn set_plan(&mut self, plan: Value) {
        self.plan = plan;
    }

    /// Adds a property of the server: "address", "dialect", "command".
    pub fn set_subject(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.subject.insert(key.into(), value.into());
    }

    /// Marks the run as interrupted: its results are partial.
    pub const fn set_interrupted(&mut self) {
        self.complete = false;
    }

    /// The scenario.
    #[must_use]
    pub fn scenario(&self) -> &str {
        &self.scenario
    }

    /// The label, or else the scenario.
    #[must_use]
    pub fn name(&self) -> &str {
        self.label().unwrap_or(&self.scenario)
    }

    /// The label, if there is one.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// The command line of the run.
    #[must_use]
    pub fn command(&self) -> &[String] {
        &self.command
    }

    /// The requested load.
    #[must_use]
    pub const fn plan(&self) -> &Value {
        &self.plan
    }

    /// The server and the way to it.
    #[must_use]
    pub const fn subject(&self) -> &BTreeMap<String, String> {
        &self.subject
    }

    /// The machine.
    #[must_use]
    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The start time, in UTC.
    #[must_use]
    pub fn started(&self) -> &str {
        &self.started
    }

    /// Whether the run came to its end.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }
}
