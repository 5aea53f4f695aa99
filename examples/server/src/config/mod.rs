//! The configuration: a commented default, a file, the environment, flags; the later ones win.

mod announced;
mod backends;
mod demo;
mod flags;
mod gateway;
mod http;
mod limits;
mod listen;
mod origins;
mod proxies;

use std::path::PathBuf;

use comet_dtalk::id::Node as StoreNode;
use serde::Deserialize;
use tracing_subscriber::EnvFilter;

use self::announced::Discovery;
pub(crate) use self::announced::{Module, Node};
use self::backends::{Devices, Store};
pub(crate) use self::demo::{Demo, is_loopback};
pub(crate) use self::flags::{Command, Flags};
use self::gateway::Gateway;
pub(crate) use self::http::Http;
use self::listen::Listen;
use self::origins::Origins;
use self::proxies::TrustedProxy;
use crate::settings::{Fault, Settings};

/// The commented default configuration, the base of every configuration.
pub(crate) const DEFAULT: &str = include_str!("../default.toml");

/// The name of the default in messages.
const DEFAULT_NAME: &str = "the default";

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) log: String,
    pub(crate) log_file: String,
    pub(crate) log_format: LogFormat,
    pub(crate) apps: Vec<String>,
    pub(crate) drain_seconds: u64,
    pub(crate) listen: Listen,
    pub(crate) http: Http,
    pub(crate) gateway: Gateway,
    pub(crate) devices: Devices,
    pub(crate) store: Store,
    pub(crate) origins: Origins,
    pub(crate) demo: Demo,
    pub(crate) discovery: Discovery,
    #[serde(default)]
    pub(crate) trusted_proxies: Vec<TrustedProxy>,
    #[serde(default)]
    pub(crate) modules: Vec<Module>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// Merges all sources and validates the values. Host names are resolved, which may block.
    pub(crate) fn load(flags: &Flags) -> Result<(Self, Settings), Fault> {
        let mut settings = Settings::parse(DEFAULT_NAME, DEFAULT)?;
        flags.overlay(&mut settings)?;
        let config: Self = settings.read()?;
        config.check(&settings)?;
        Ok((config, settings))
    }

    /// Rejects values that are valid for their types but make no sense.
    fn check(&self, settings: &Settings) -> Result<(), Fault> {
        if EnvFilter::try_new(&self.log).is_err() {
            let text =
                format!("must be a level or a list, such as info,comet=debug, not {:?}", self.log);
            return Err(settings.fault("log", text));
        }
        if self.apps.is_empty() {
            return Err(settings.fault("apps", "must name an application, or nobody can log in"));
        }
        if StoreNode::new(self.store.node).is_none() {
            let text = format!("must be from 0 to 15, not {}", self.store.node);
            return Err(settings.fault("store.node", text));
        }
        if let Some((path, other, address)) = self.listen.collision() {
            // Users do not write the default: the fault lies in the setting that collides with it.
            let of_default = settings.is_from(DEFAULT_NAME, path);
            let (path, other) = if of_default { (other, path) } else { (path, other) };
            let text = format!("is {address} like {other}");
            return Err(settings.fault(path, text));
        }
        self.gateway_limits().validate().map_err(|error| {
            let text = match error {
                comet::StartError::Config(text) => text.to_owned(),
                other => other.to_string(),
            };
            settings.fault("gateway", format!("is refused: {text}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::gateway::{Io, Overflow};
    use super::*;

    fn flags(arguments: &[&str]) -> Flags {
        Flags::parse_from([&["comet-server"], arguments].concat())
    }

    fn load(arguments: &[&str]) -> Config {
        Config::load(&flags(arguments)).unwrap().0
    }

    #[test]
    fn the_printed_default_is_complete_and_serves_the_documented_ports() {
        let config = load(&[]);
        let Listen { tcp, ws, http, admin } = config.listen;
        assert_eq!([tcp.port(), ws.port(), http.port(), admin.port()], [3101, 3102, 8888, 9100]);
        assert_eq!(config.apps, ["dtalk"]);
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_the_default() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("comet.toml");
        std::fs::write(&file, "log = \"warn\"\n[listen]\nhttp = \"127.0.0.1:1\"\n").unwrap();
        let file = file.to_str().unwrap();
        let config = load(&["--config", file, "--http", "127.0.0.1:2"]);
        assert_eq!(config.log, "warn");
        assert_eq!(config.listen.http.port(), 2);
        assert_eq!(config.listen.ws.port(), 3102);
    }

    #[test]
    fn any_setting_can_be_given_as_a_flag() {
        let config = load(&["--set", "gateway.resume_seconds=5", "--set", "devices.web = 3"]);
        assert_eq!((config.gateway.resume_seconds, config.devices.web), (5, 3));
        assert_eq!(config.gateway.overflow, Overflow::Park);
        let config = load(&["--set", "gateway.overflow = 'drop-oldest'"]);
        assert_eq!(config.gateway.overflow, Overflow::DropOldest);
        assert_eq!(config.gateway.io, Io::Auto);
        assert_eq!(load(&["--set", "gateway.io = 'epoll'"]).gateway.io, Io::Epoll);
        let flags = flags(&["--set", "gateway.resume_minutes=5"]);
        assert!(Config::load(&flags).unwrap_err().to_string().contains("resume_minutes"));
    }

    #[test]
    fn each_fault_in_a_file_is_told_with_its_line_and_what_would_be_right() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("comet.toml");
        let mut text = String::new();
        for line in include_str!("../settings/faults.txt").lines() {
            let Some(expected) = line.strip_prefix("-> ") else {
                text += &format!("{line}\n");
                continue;
            };
            std::fs::write(&file, text.trim_start_matches('\n')).unwrap();
            let said = Config::load(&flags(&["--config", file.to_str().unwrap()]))
                .unwrap_err()
                .to_string();
            assert_eq!(said, format!("{}:{expected}", file.display()), "{text}");
            text.clear();
        }
    }

    #[test]
    fn a_fault_elsewhere_is_told_with_the_flag_or_the_file_as_a_whole() {
        let complaints = [
            (["--set", "gateway.io=7"], "--set gateway.io=7: gateway.io must be one of "),
            (["--set", "gateway"], "--set gateway: must have the form SETTING=VALUE"),
            (["--http", "8888"], "--http: listen.http: \"8888\" is no address with a port"),
            (["--config", "/nowhere/a.toml"], "/nowhere/a.toml: cannot be read: No such file"),
        ];
        for (arguments, expected) in complaints {
            let said = Config::load(&flags(&arguments)).unwrap_err().to_string();
            assert!(said.starts_with(expected), "{said}");
        }
    }

    #[test]
    fn addresses_may_be_names() {
        let listen = load(&["--http", "localhost:8889", "--set", "listen.ws=localhost:1"]).listen;
        assert_eq!(listen.http, "127.0.0.1:8889".parse().unwrap());
        assert_eq!(listen.ws, "127.0.0.1:1".parse().unwrap());
    }

    #[test]
    fn text_that_looks_like_a_number_is_text_where_text_is_wanted() {
        assert_eq!(load(&["--set", "data_dir=2026"]).data_dir, PathBuf::from("2026"));
        assert_eq!(load(&["--set", "gateway.overflow=close"]).gateway.overflow, Overflow::Close);
    }
}
