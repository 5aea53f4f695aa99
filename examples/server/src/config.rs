//! The configuration: a commented default, a file, the environment, flags; the later ones win.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use comet_dtalk::id::Node as StoreNode;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use tracing_subscriber::EnvFilter;

use crate::limits;
use crate::origins::{Demo, Origins};
use crate::settings::{Fault, Settings};

/// The commented default configuration, the base of every configuration.
pub(crate) const DEFAULT: &str = include_str!("default.toml");

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
    pub(crate) http: crate::http::Settings,
    pub(crate) gateway: Gateway,
    pub(crate) devices: Devices,
    pub(crate) store: Store,
    pub(crate) origins: Origins,
    pub(crate) demo: Demo,
    pub(crate) discovery: Discovery,
    #[serde(default)]
    pub(crate) trusted_proxies: Vec<crate::proxies::TrustedProxy>,
    #[serde(default)]
    pub(crate) modules: Vec<Module>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    #[serde(deserialize_with = "address")]
    pub(crate) tcp: SocketAddr,
    #[serde(deserialize_with = "address")]
    pub(crate) ws: SocketAddr,
    #[serde(deserialize_with = "address")]
    pub(crate) http: SocketAddr,
    #[serde(deserialize_with = "address")]
    pub(crate) admin: SocketAddr,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gateway {
    pub(crate) shards: usize,
    pub(crate) max_connections: usize,
    pub(crate) max_sessions: usize,
    pub(crate) connections_per_address: usize,
    pub(crate) handshakes_per_address: u32,
    pub(crate) max_body: usize,
    pub(crate) message_seconds: u64,
    pub(crate) idle_seconds: u64,
    pub(crate) ping_seconds: u64,
    pub(crate) write_seconds: u64,
    pub(crate) user_timeout_seconds: u64,
    pub(crate) keepalive_seconds: u64,
    pub(crate) ws_ping_seconds: Option<u64>,
    pub(crate) tcp_ping_seconds: Option<u64>,
    pub(crate) http_ping_seconds: Option<u64>,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) handshake_seconds: u64,
    pub(crate) max_upgrade: usize,
    pub(crate) max_upgrade_headers: usize,
    pub(crate) upgrade_paths: Vec<String>,
    pub(crate) inbox: u16,
    pub(crate) window: u16,
    pub(crate) message_rate: u32,
    pub(crate) resume_seconds: u64,
    pub(crate) overflow: Overflow,
    pub(crate) memory_budget: usize,
    pub(crate) handshake_rate: u32,
    pub(crate) refusal_hold_seconds: u64,
    pub(crate) held_refusals: usize,
    pub(crate) return_rate: u32,
    pub(crate) return_spread_seconds: u64,
    pub(crate) io: Io,
}

/// The policy for a session that reads too slowly.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Overflow {
    Park,
    DropOldest,
    Close,
}

/// The I/O backend of sockets.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Io {
    Auto,
    Epoll,
    Uring,
}

/// Sessions a user may have, per device class; 0 for no limit.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Devices {
    pub(crate) phone: u16,
    pub(crate) desktop: u16,
    pub(crate) web: u16,
    pub(crate) winner: Winner,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Winner {
    Newest,
    Oldest,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    pub(crate) node: u8,
    pub(crate) queue: usize,
    pub(crate) readers: u16,
    pub(crate) answers: u16,
}

/// The servers that clients are told about.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Discovery {
    pub(crate) servers: Vec<Node>,
    pub(crate) nodes: Vec<Node>,
}

/// A named address.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) address: String,
}

/// A module that clients may display.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Module {
    name: String,
    is_enabled: bool,
    end_points: Vec<String>,
}

/// A connection gateway for instant messaging with its backends.
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "comet-server", version)]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Read settings from this TOML file
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Print the default configuration with comments, and exit
    #[arg(long)]
    pub(crate) print_config: bool,
    /// Check the configuration, report the first fault, and exit
    #[arg(long)]
    pub(crate) check_config: bool,
    /// Data directory
    #[arg(long, value_name = "DIR", global = true)]
    data_dir: Option<PathBuf>,
    /// Address for raw TCP sessions
    #[arg(long, value_name = "ADDR")]
    tcp: Option<String>,
    /// Address for WebSocket sessions
    #[arg(long, value_name = "ADDR")]
    ws: Option<String>,
    /// Address for the HTTP API and the web chat page
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// Address for metrics and health
    #[arg(long, value_name = "ADDR")]
    admin: Option<String>,
    /// Log filter
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// Start although stored messages are missing from the database; they stay lost
    #[arg(long)]
    pub(crate) accept_loss: bool,
    /// Any setting as it would stand in the file, such as `gateway.resume_seconds=60`
    #[arg(long, value_name = "SETTING=VALUE")]
    set: Vec<String>,
}

/// The command to run instead of the server.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Copy all data into a new directory, also while the server runs
    Backup {
        /// The directory, which is created or must be empty
        #[arg(value_name = "DIR")]
        to: PathBuf,
    },
    /// Put a backup into the data directory of a server that does not run
    Restore {
        /// The directory of the backup
        #[arg(value_name = "DIR")]
        from: PathBuf,
        /// Replace existing data
        #[arg(long)]
        force: bool,
    },
}

impl Config {
    /// Merges all sources and validates the values. Host names are resolved, which may block.
    pub(crate) fn load(flags: &Flags) -> Result<(Self, Settings), Fault> {
        let mut settings = Settings::parse(DEFAULT_NAME, DEFAULT)?;
        if let Some(file) = &flags.config {
            settings.file(file)?;
        }
        settings.environment(std::env::vars_os())?;
        for setting in &flags.set {
            settings.assignment(setting)?;
        }
        let data_dir = flags.data_dir.as_ref().map(|dir| dir.display().to_string());
        for (flag, path, value) in [
            ("--tcp", "listen.tcp", &flags.tcp),
            ("--ws", "listen.ws", &flags.ws),
            ("--http", "listen.http", &flags.http),
            ("--admin", "listen.admin", &flags.admin),
            ("--data-dir", "data_dir", &data_dir),
            ("--log", "log", &flags.log),
        ] {
            if let Some(value) = value {
                settings.flag(flag, path, value);
            }
        }
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
        limits::of(self).validate().map_err(|error| {
            let text = match error {
                comet::StartError::Config(text) => text.to_owned(),
                other => other.to_string(),
            };
            settings.fault("gateway", format!("is refused: {text}"))
        })
    }
}

impl Listen {
    /// Two settings with the same port: the later one, the earlier one, and the later address.
    fn collision(&self) -> Option<(&'static str, &'static str, SocketAddr)> {
        let listeners = [
            ("listen.tcp", self.tcp),
            ("listen.ws", self.ws),
            ("listen.http", self.http),
            ("listen.admin", self.admin),
        ];
        listeners.iter().enumerate().find_map(|(n, &(path, address))| {
            let other = listeners[..n].iter().find(|(_, other)| overlap(*other, address));
            other.map(|&(other, _)| (path, other, address))
        })
    }
}

/// Whether two listeners collide, so that the second cannot bind.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let anywhere = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && (anywhere || a.ip() == b.ip())
}

/// An address as `IP:PORT` or `HOST:PORT`. A host resolves to its first IPv4 address, or else to
/// its first address.
pub(crate) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    if port.is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
        let message = format!("{text:?} is no address with a port, such as \"127.0.0.1:8888\"");
        return Err(D::Error::custom(message));
    }
    let found = text.to_socket_addrs().map(Iterator::collect::<Vec<_>>);
    let found = found.map_err(|error| D::Error::custom(format!("{text:?}: {error}")))?;
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().ok_or_else(|| D::Error::custom(format!("{text:?} has no address")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(arguments: &[&str]) -> Config {
        let flags = Flags::parse_from([&["comet-server"], arguments].concat());
        Config::load(&flags).unwrap().0
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
        let flags = Flags { set: vec!["gateway.resume_minutes=5".into()], ..Flags::default() };
        assert!(Config::load(&flags).unwrap_err().to_string().contains("resume_minutes"));
    }

    #[test]
    fn each_fault_in_a_file_is_told_with_its_line_and_what_would_be_right() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("comet.toml");
        let mut text = String::new();
        for line in include_str!("settings/faults.txt").lines() {
            let Some(expected) = line.strip_prefix("-> ") else {
                text += &format!("{line}\n");
                continue;
            };
            std::fs::write(&file, text.trim_start_matches('\n')).unwrap();
            let flags = Flags { config: Some(file.clone()), ..Flags::default() };
            let said = Config::load(&flags).unwrap_err().to_string();
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
            let flags = Flags::parse_from([&["comet-server"], &arguments[..]].concat());
            let said = Config::load(&flags).unwrap_err().to_string();
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
