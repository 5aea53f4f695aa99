//! State of a run at one moment, in a line.

use std::fmt;

use crate::number::shown;

/// Live figures of a run; unknown ones are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LiveFigures {
    /// Sessions that are open.
    pub sessions: usize,
    /// Sessions there shall be.
    pub wanted: usize,
    /// Deliveries a second, lately.
    pub deliveries: Option<f64>,
    /// The p99 of recent deliveries, in milliseconds.
    pub p99: Option<f64>,
    /// Time that the server uses, in cores.
    pub server_cpu: Option<f64>,
    /// Memory of the server in bytes.
    pub server_memory: Option<u64>,
    /// Time that the harness uses, in cores.
    pub own_cpu: Option<f64>,
    /// Promises broken so far.
    pub violations: u64,
}

impl fmt::Display for LiveFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.sessions, self.wanted) {
            (open, wanted) if open == wanted => write!(f, "{} sessions", count(open))?,
            (open, wanted) => write!(f, "{} of {} sessions", count(open), count(wanted))?,
        }
        if let Some(rate) = self.deliveries {
            write!(f, ", {} deliveries/s", shown(rate.round(), ""))?;
        }
        if let Some(p99) = self.p99 {
            write!(f, ", p99 {}", shown(p99, "ms"))?;
        }
        if let Some(cpu) = self.server_cpu {
            write!(f, ", server {:.0} %", 100.0 * cpu)?;
        }
        if let Some(memory) = self.server_memory {
            #[expect(clippy::cast_precision_loss, reason = "memory of a machine is below 2^53")]
            write!(f, " {}", shown(memory as f64, "bytes"))?;
        }
        if let Some(cpu) = self.own_cpu {
            write!(f, ", harness {:.0} %", 100.0 * cpu)?;
        }
        match self.violations {
            0 => Ok(()),
            violations => write!(f, ", {violations} VIOLATIONS"),
        }
    }
}

fn count(value: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "sessions are far below 2^53")]
    shown(value as f64, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_what_is_known() {
        let mut live = LiveFigures { sessions: 900, wanted: 1_000, ..LiveFigures::default() };
        assert_eq!(live.to_string(), "900 of 1,000 sessions");
        live = LiveFigures {
            sessions: 1_000,
            wanted: 1_000,
            deliveries: Some(50_000.4),
            p99: Some(1.25),
            server_cpu: Some(0.456),
            server_memory: Some(12 << 20),
            own_cpu: Some(0.5),
            violations: 2,
        };
        assert_eq!(
            live.to_string(),
            "1,000 sessions, 50,000 deliveries/s, p99 1.250 ms, server 46 % 12 MiB, harness 50 %, \
             2 VIOLATIONS"
        );
    }
}
