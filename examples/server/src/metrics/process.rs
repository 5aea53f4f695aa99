//! Process metrics of the system, under the names that every Prometheus client uses.

use std::fmt;

use procfs::ProcError;
use procfs::process::{LimitValue, Process as Proc, Stat};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Reads `/proc/self` on request. Where it cannot be read, these metrics are absent.
#[derive(Debug)]
pub(super) struct Process;

/// The exported values of the process.
struct Reading {
    cpu: f64,
    resident: u64,
    virtual_size: u64,
    start: f64,
    open_fds: usize,
    max_fds: Option<u64>,
    threads: i64,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let reading = match Reading::now() {
            Ok(reading) => reading,
            Err(error) => {
                tracing::debug!(%error, "the process cannot be looked at");
                return Ok(());
            }
        };
        let help = "CPU time of the process, in user and in system mode";
        let cpu =
            encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
        ConstCounter::new(reading.cpu).encode(cpu)?;
        let (resident, whole) = (as_float(reading.resident), as_float(reading.virtual_size));
        let max_fds = reading.max_fds.map(as_float);
        for (name, help, value) in [
            ("resident_memory_bytes", "Resident memory of the process", Some(resident)),
            ("virtual_memory_bytes", "Virtual memory of the process", Some(whole)),
            ("start_time_seconds", "Start of the process, Unix time", Some(reading.start)),
            ("open_fds", "Open file descriptors", Some(as_float(reading.open_fds as u64))),
            ("max_fds", "File descriptors that may be open", max_fds),
            ("threads", "Threads of the process", Some(as_float(reading.threads.unsigned_abs()))),
        ] {
            let Some(value) = value else { continue };
            let name = format!("process_{name}");
            let gauge = encoder.encode_descriptor(&name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(gauge)?;
        }
        Ok(())
    }
}

impl Reading {
    fn now() -> Result<Self, ProcError> {
        let process = Proc::myself()?;
        let stat: Stat = process.stat()?;
        let ticks = as_float(procfs::ticks_per_second());
        let max_fds = match process.limits()?.max_open_files.soft_limit {
            LimitValue::Unlimited => None,
            LimitValue::Value(limit) => Some(limit),
        };
        Ok(Self {
            cpu: as_float(stat.utime + stat.stime) / ticks,
            resident: stat.rss * procfs::page_size(),
            virtual_size: stat.vsize,
            start: as_float(procfs::boot_time_secs()?) + as_float(stat.starttime) / ticks,
            open_fds: process.fd_count()?,
            max_fds,
            threads: stat.num_threads,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn as_float(number: u64) -> f64 {
    number as f64
}
