//! A suite as TOML.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::slice;

use serde::{Deserialize, Serialize};

use crate::dialect::Dialect;
use crate::plan;

/// Servers and loads.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Suite {
    /// The name.
    pub name: String,
    /// Runs of each load on each server.
    #[serde(default = "five")]
    pub runs: usize,
    /// The server that the others are measured by.
    pub baseline: String,
    /// CPU that other processes may use during a measurement, in cores.
    #[serde(default = "a_tenth")]
    pub quiet: f64,
    /// Seconds to wait for that.
    #[serde(default = "a_minute")]
    pub patience: u64,
    /// Some of the loads in one image, if there is to be one.
    #[serde(default)]
    pub overview: Option<Overview>,
    /// The servers.
    #[serde(rename = "server")]
    pub servers: Vec<Server>,
    /// The loads.
    #[serde(rename = "load")]
    pub loads: Vec<Load>,
}

/// One figure of some loads in one image.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Overview {
    /// The title.
    pub title: String,
    /// The figure.
    pub figure: String,
    /// Of which loads, in this order.
    pub loads: Vec<String>,
}

/// Role of a server.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The subject of the suite.
    #[default]
    Subject,
    /// A lower bound of the work's cost.
    Floor,
    /// Another project's server.
    Peer,
}

/// A server, to be started or running already.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Server {
    /// The name.
    pub name: String,
    /// The role: drawings colour by it.
    #[serde(default)]
    pub role: Role,
    /// The program that serves, and its arguments. `{port}` and `{port2}` become free ports,
    /// `{dir}` a folder of its own with the [files](Self::files) and `cert.pem` and `key.pem` of a
    /// certificate for 127.0.0.1 that the harness trusts, `{here}` the folder of the suite,
    /// `{bench}` this program, `{relay}` the relay beside it. Without one the server runs already.
    #[serde(default)]
    pub command: Vec<String>,
    /// Its address; `{port}` as in the command.
    pub addr: String,
    /// Its dialect.
    #[serde(default)]
    pub dialect: Dialect,
    /// Files that it reads, by name; `{port}`, `{port2}` and `{dir}` are filled in.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Variables of its environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// A command that must succeed if the server is here; otherwise it is left out.
    #[serde(default)]
    pub check: Vec<String>,
    /// The only loads that it can take; empty for all.
    #[serde(default)]
    pub only: Vec<String>,
}

/// A load for all servers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Load {
    /// The name.
    pub name: String,
    /// The figures that count, the first ones drawn; without any, all of which it is known which
    /// way is better.
    #[serde(default)]
    pub figures: Vec<String>,
    /// The only servers that it is for; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<String>,
    /// The server that the others are measured by here, if it is not the suite's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// Runs on each server, if not as many as others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<usize>,
    /// The load, as a scenario file has it.
    pub plan: plan::Options,
}

/// Errors of a suite's file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It cannot be read, or a key is unknown; with the line.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// Two have the same name.
    #[error("there are two of the name {0:?}")]
    Twice(String),
    /// An unknown name.
    #[error("there is no {what} {name:?}")]
    Unknown {
        /// "server" or "load".
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A load without a scenario.
    #[error("the load {0:?} has no scenario")]
    NoScenario(String),
    /// There is nothing to run.
    #[error("there must be a server, a load and a run at least")]
    Empty,
}

impl Suite {
    /// Reads a suite.
    ///
    /// # Errors
    ///
    /// [`FileError`] with the error's place.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let suite: Self = toml::from_str(text)?;
        suite.check()?;
        Ok(suite)
    }

    /// Keeps only these servers, if any are named, and the baselines of the loads.
    ///
    /// # Errors
    ///
    /// [`FileError::Unknown`].
    pub fn keep_servers(&mut self, names: &[String]) -> Result<(), FileError> {
        known("server", names, &self.server_names())?;
        let (loads, of_all) = (&self.loads, &self.baseline);
        let measures = |name: &str| loads.iter().any(|load| load.baseline(of_all) == name);
        let is_kept = |name: &String| names.contains(name) || measures(name);
        self.servers.retain(|server| names.is_empty() || is_kept(&server.name));
        Ok(())
    }

    /// Keeps only these loads, if any are named.
    ///
    /// # Errors
    ///
    /// [`FileError::Unknown`].
    pub fn keep_loads(&mut self, names: &[String]) -> Result<(), FileError> {
        known("load", names, &self.load_names())?;
        self.loads.retain(|load| names.is_empty() || names.contains(&load.name));
        Ok(())
    }

    /// Runs of a load on each server.
    #[must_use]
    pub fn runs_of(&self, load: &Load) -> usize {
        load.runs.unwrap_or(self.runs)
    }

    /// Rounds with at least one run.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.loads.iter().map(|load| self.runs_of(load)).max().unwrap_or_default()
    }

    fn check(&self) -> Result<(), FileError> {
        let is_never_run = self.loads.iter().any(|load| load.runs == Some(0));
        if is_never_run || self.runs == 0 || self.servers.is_empty() || self.loads.is_empty() {
            return Err(FileError::Empty);
        }
        let (servers, loads) = (self.server_names(), self.load_names());
        for names in [&servers, &loads] {
            let mut seen = HashSet::new();
            if let Some(twice) = names.iter().find(|name| !seen.insert(**name)) {
                return Err(FileError::Twice((*twice).to_owned()));
            }
        }
        known("server", slice::from_ref(&self.baseline), &servers)?;
        for load in &self.loads {
            known("server", load.baseline.as_slice(), &servers)?;
        }
        if let Some(overview) = &self.overview {
            known("load", &overview.loads, &loads)?;
        }
        for server in &self.servers {
            known("load", &server.only, &loads)?;
        }
        for load in &self.loads {
            known("server", &load.servers, &servers)?;
        }
        match self.loads.iter().find(|load| load.plan.scenario.is_none()) {
            Some(load) => Err(FileError::NoScenario(load.name.clone())),
            None => Ok(()),
        }
    }

    fn server_names(&self) -> Vec<&str> {
        self.servers.iter().map(|server| server.name.as_str()).collect()
    }

    fn load_names(&self) -> Vec<&str> {
        self.loads.iter().map(|load| load.name.as_str()).collect()
    }
}

impl Load {
    /// The server that the others are measured by, where `of_all` is the suite's.
    #[must_use]
    pub fn baseline<'a>(&'a self, of_all: &'a str) -> &'a str {
        self.baseline.as_deref().unwrap_or(of_all)
    }
}

impl Server {
    /// Whether it takes a load.
    #[must_use]
    pub fn takes(&self, load: &Load) -> bool {
        let is_named = |names: &[String], name| names.is_empty() || names.contains(name);
        is_named(&self.only, &load.name) && is_named(&load.servers, &self.name)
    }

    /// A text with everything filled in.
    pub(super) fn filled(text: &str, ports: [u16; 2], dir: &Path, programs: &Programs) -> String {
        text.replace("{port}", &ports[0].to_string())
            .replace("{port2}", &ports[1].to_string())
            .replace("{dir}", &dir.to_string_lossy())
            .replace("{here}", &programs.here)
            .replace("{bench}", &programs.bench)
            .replace("{relay}", &programs.relay)
    }
}

/// Programs that suites can name, and where the suite is.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    pub(super) bench: String,
    pub(super) relay: String,
    pub(super) here: String,
}

fn known(what: &'static str, names: &[String], of: &[&str]) -> Result<(), FileError> {
    match names.iter().find(|name| !of.contains(&name.as_str())) {
        Some(name) => Err(FileError::Unknown { what, name: name.clone() }),
        None => Ok(()),
    }
}

const fn five() -> usize {
    5
}

const fn a_tenth() -> f64 {
    0.1
}

const fn a_minute() -> u64 {
    60
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Kind;

    const SUITE: &str = r#"
        name = "peers"
        baseline = "floor"
        [[server]]
        name = "floor"
        command = ["{bench}", "floor", "--ws", "127.0.0.1:{port}"]
        addr = "ws://127.0.0.1:{port}"
        dialect = "raw"
        [[server]]
        name = "other"
        addr = "ws://127.0.0.1:9000"
        only = ["fan"]
        [[load]]
        name = "fan"
        plan = { scenario = "fan", sessions = 100, rate = 50 }
        [[load]]
        name = "echo"
        plan = { scenario = "echo", sessions = 10 }
    "#;

    fn told(text: &str) -> String {
        Suite::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_suite_has_servers_and_loads() {
        let mut suite = Suite::parse(SUITE).unwrap();
        assert_eq!((suite.runs, suite.quiet, suite.patience), (5, 0.1, 60));
        assert_eq!(suite.servers[0].dialect, Dialect::Raw);
        assert_eq!(suite.loads[0].plan.scenario, Some(Kind::Fan));
        let takes = |server: usize, load: usize| suite.servers[server].takes(&suite.loads[load]);
        assert_eq!([takes(0, 1), takes(1, 0), takes(1, 1)], [true, true, false]);
        let of_floor = SUITE.replace("name = \"fan\"\n", "name = \"fan\"\nservers = [\"floor\"]\n");
        let other = Suite::parse(&of_floor).unwrap();
        assert_eq!([0, 1].map(|at| other.servers[at].takes(&other.loads[0])), [true, false]);
        suite.keep_servers(&["other".into()]).unwrap();
        suite.keep_loads(&["echo".into()]).unwrap();
        assert_eq!((suite.servers.len(), suite.loads.len()), (2, 1));
        assert!(suite.keep_loads(&["fun".into()]).is_err());
    }

    #[test]
    fn a_load_can_have_a_baseline_of_its_own() {
        let own = "name = \"fan\"\nbaseline = \"other\"\n";
        let mut suite = Suite::parse(&SUITE.replace("name = \"fan\"\n", own)).unwrap();
        let baselines: Vec<&str> = suite.loads.iter().map(|it| it.baseline("floor")).collect();
        assert_eq!(baselines, ["other", "floor"]);
        let mut both = suite.clone();
        both.keep_servers(&["floor".into()]).unwrap();
        assert_eq!(both.servers.len(), 2);
        suite.keep_loads(&["fan".into()]).unwrap();
        suite.keep_servers(&["other".into()]).unwrap();
        let names: Vec<&str> = suite.servers.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["other"], "the floor measures no load that is left");
        let wrong = own.replace("other", "flour");
        let text = SUITE.replace("name = \"fan\"\n", &wrong);
        assert_eq!(told(&text), "there is no server \"flour\"");
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let unknown = told(&SUITE.replace("only", "onyl"));
        assert!(unknown.contains("`onyl`") && unknown.contains("line"), "{unknown}");
        let key = told(&SUITE.replace("sessions = 100", "sesions = 100"));
        assert!(key.contains("`sesions`"), "{key}");
        let (name, other) = ("baseline = \"floor\"", "baseline = \"flour\"");
        assert_eq!(told(&SUITE.replace(name, other)), "there is no server \"flour\"");
        let (only, wrong) = ("only = [\"fan\"]", "only = [\"fun\"]");
        assert_eq!(told(&SUITE.replace(only, wrong)), "there is no load \"fun\"");
        let servers = SUITE.replace("name = \"fan\"\n", "name = \"fan\"\nservers = [\"x\"]\n");
        assert_eq!(told(&servers), "there is no server \"x\"");
        let twice = SUITE.replace("name = \"other\"", "name = \"floor\"");
        assert_eq!(told(&twice), "there are two of the name \"floor\"");
        let none = SUITE.replace("scenario = \"echo\", ", "");
        assert_eq!(told(&none), "the load \"echo\" has no scenario");
        assert!(told(&format!("runs = 0\n{SUITE}")).starts_with("there must be"));
        let never = SUITE.replace("name = \"fan\"\n", "name = \"fan\"\nruns = 0\n");
        assert!(told(&never).starts_with("there must be"));
        let overview = "[overview]\ntitle = \"x\"\nfigure = \"y\"\nloads = [\"fun\"]\n[[server]]";
        let seen = SUITE.replacen("[[server]]", overview, 1);
        assert_eq!(told(&seen), "there is no load \"fun\"");
    }

    #[test]
    fn everything_in_braces_is_filled_in() {
        let programs = Programs { bench: "B".into(), relay: "R".into(), here: "H".into() };
        let text = "{bench} {relay} {here} {port} {port2} {dir}/x {room}";
        let filled = Server::filled(text, [1, 2], Path::new("/d"), &programs);
        assert_eq!(filled, "B R H 1 2 /d/x {room}");
    }
}
