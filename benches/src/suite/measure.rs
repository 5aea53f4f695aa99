//! One run: a fresh server on one core, the harness on another, and the load of other processes
//! meanwhile.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::file::Programs;
use super::machine::{CpuTime, used_by};
use super::process::{Process, ServerError, free_ports, tail, wait_until_ready};
use super::{Load, Measured, Server};
use crate::host::Interrupt;
use crate::host::cores::{allowed, keep_to};
use crate::report::{FileError, Report};
use crate::server::certificate;

/// Errors that end a run without a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// There is no server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A file or a process of the run failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The load cannot be written down.
    #[error("the load: {0}")]
    Load(#[from] toml::ser::Error),
    /// The harness failed.
    #[error("the harness: {0}")]
    Harness(String),
    /// The harness wrote no report.
    #[error(transparent)]
    Report(#[from] FileError),
    /// The suite was interrupted.
    #[error("interrupted")]
    Interrupted,
}

/// Settings of all runs.
#[derive(Debug)]
pub(super) struct RunSettings<'a> {
    pub(super) programs: Programs,
    /// CPU that others may use, in cores.
    pub(super) quiet: f64,
    pub(super) interrupt: &'a Interrupt,
}

impl RunSettings<'_> {
    /// Runs a load against a server.
    pub(super) fn measure(&self, server: &Server, load: &Load) -> Result<Measured, MeasureError> {
        let dir = tempfile::tempdir()?;
        let ports = free_ports()?;
        let fill = |text: &str| Server::filled(text, ports, dir.path(), &self.programs);
        let (address, log) = (fill(&server.addr), dir.path().join("server.log"));
        certificate(dir.path())?;
        for (name, text) in &server.files {
            fs::write(dir.path().join(name), fill(text))?;
        }
        let mut process = match server.command.split_first() {
            None => None,
            Some((program, arguments)) => {
                let mut command = Command::new(fill(program));
                command.args(arguments.iter().map(|part| fill(part)));
                command.envs(&server.env).current_dir(dir.path());
                let started = on_core(0, || Process::start(&mut command, &log));
                Some(started.map_err(|error| ServerError::Run(program.clone(), error))?)
            }
        };
        wait_until_ready(&address, process.as_mut(), &log, self.interrupt)?;
        let pid = process.as_ref().map(Process::id);
        let (before, used) = (CpuTime::now(), pid.map(used_by));
        let report = self.load(server, load, &address, pid, dir.path())?;
        // Without its process, the server's share of the rest is unknown.
        let others = pid
            .zip(used)
            .map(|(pid, used)| before.by_others(CpuTime::now(), used_by(pid).saturating_sub(used)));
        let disturbed = others.is_some_and(|cores| cores > self.quiet);
        Ok(Measured { report, others, disturbed })
    }

    fn load(
        &self,
        server: &Server,
        load: &Load,
        address: &str,
        pid: Option<u32>,
        dir: &Path,
    ) -> Result<Report, MeasureError> {
        let at = |name: &str| -> PathBuf { dir.join(name) };
        fs::write(at("load.toml"), toml::to_string(&load.plan)?)?;
        let mut command = Command::new(&self.programs.bench);
        command.arg("run").arg(at("load.toml")).args(["--addr", address]);
        command.args(["--dialect", &server.dialect.to_string(), "--label", &server.name]);
        command.arg("--json").arg(at("report.json")).arg("--ca").arg(at("cert.pem"));
        if let Some(pid) = pid {
            command.args(["--pid", &pid.to_string()]);
        }
        let mut harness = on_core(1, || Process::start(&mut command, &at("harness.log")))?;
        let status = harness.wait(self.interrupt)?;
        if self.interrupt.is_pulled() {
            return Err(MeasureError::Interrupted);
        }
        match status.and_then(|status| status.code()) {
            // With violations, too, there is a report.
            Some(0 | 1) => Ok(Report::read(&at("report.json"))?),
            _ => Err(MeasureError::Harness(tail(&at("harness.log")))),
        }
    }
}

/// Starts something on a core of its own.
fn on_core<T>(choice: usize, start: impl FnOnce() -> T) -> T {
    let all = allowed();
    keep_to(choice, &all);
    let started = start();
    // The next one may have another core.
    let _ = rustix::thread::sched_setaffinity(None, &all);
    started
}
