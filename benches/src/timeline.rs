//! Timeline of a run: its windows, and samples over time.

use serde::{Deserialize, Serialize};

/// A part of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// "ramp", "warm-up", "measure", "settle".
    pub name: String,
    /// Start, in seconds since the run began.
    pub from: f64,
    /// End.
    pub to: f64,
}

impl Window {
    /// A part of a run, in seconds since the run began.
    #[must_use]
    pub fn new(name: impl Into<String>, from: f64, to: f64) -> Self {
        Self { name: name.into(), from, to }
    }
}

/// State at one moment, or on the average since the last sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Seconds since the run began.
    pub at: f64,
    /// Sessions that are open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<u64>,
    /// Deliveries a second; absent from a report with violations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliveries: Option<f64>,
    /// Time that the server used, in cores: 1.0 is one core, all the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_cpu: Option<f64>,
    /// Memory of the server in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_memory: Option<u64>,
    /// Time that the harness used, in cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_cpu: Option<f64>,
    /// The median of deliveries since the last sample, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50: Option<f64>,
    /// Their p99.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99: Option<f64>,
}
