//! The configuration: a commented default, a file, the environment, flags; the later ones win.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

/// The commented default, which is also what the program starts from.
pub(crate) const DEFAULT: &str = include_str!("default.toml");

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
    pub(crate) apps: Vec<String>,
    pub(crate) drain_seconds: u64,
    pub(crate) listen: Listen,
    pub(crate) gateway: Gateway,
    pub(crate) devices: Devices,
    pub(crate) store: Store,
    pub(crate) origins: Origins,
    pub(crate) demo: Demo,
    pub(crate) discovery: Discovery,
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
    pub(crate) tcp: SocketAddr,
    pub(crate) ws: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) admin: SocketAddr,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gateway {
    pub(crate) shards: usize,
    pub(crate) max_connections: usize,
    pub(crate) connections_per_address: usize,
    pub(crate) handshakes_per_address: u32,
    pub(crate) max_body: usize,
    pub(crate) message_seconds: u64,
    pub(crate) idle_seconds: u64,
    pub(crate) handshake_seconds: u64,
    pub(crate) inbox: u16,
    pub(crate) window: u16,
    pub(crate) message_rate: u32,
    pub(crate) resume_seconds: u64,
    pub(crate) overflow: Overflow,
    pub(crate) memory_budget: usize,
    pub(crate) handshake_rate: u32,
    pub(crate) io: Io,
}

/// What becomes of a session that reads too slowly.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Overflow {
    Park,
    DropOldest,
    Close,
}

/// How sockets are read and written.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Io {
    Auto,
    Epoll,
    Uring,
}

/// How many sessions a user may have on devices of each class; 0 for any number.
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
}

/// Where clients and their pages come from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Origins {
    /// Names under which clients reach this server.
    pub(crate) hosts: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Demo {
    mode: DemoMode,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum DemoMode {
    Auto,
    Off,
}

/// What clients are told about servers.
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

/// A module that clients may show.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Module {
    name: String,
    is_enabled: bool,
    end_points: Vec<String>,
}

/// A connection gateway for instant messaging with its backends.
#[derive(Debug, Default, Parser)]
#[command(name = "comet-server", version)]
pub(crate) struct Flags {
    /// Read settings from this TOML file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the default configuration with comments, and exit
    #[arg(long)]
    pub(crate) print_config: bool,
    /// Where data is kept
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address for raw TCP sessions
    #[arg(long, value_name = "ADDR")]
    tcp: Option<SocketAddr>,
    /// Address for WebSocket sessions
    #[arg(long, value_name = "ADDR")]
    ws: Option<SocketAddr>,
    /// Address for the HTTP API and the web chat page
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Address for metrics and health
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    /// What is logged
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// Any setting as it would stand in the file, such as `gateway.resume_seconds=60`
    #[arg(long, value_name = "SETTING=VALUE")]
    set: Vec<String>,
}

impl Config {
    /// Merges all sources.
    pub(crate) fn load(flags: &Flags) -> Result<Self, Box<figment::Error>> {
        let mut figment = Figment::from(Toml::string(DEFAULT));
        if let Some(file) = &flags.config {
            figment = figment.merge(Toml::file_exact(file));
        }
        figment = figment.merge(Env::prefixed("COMET_").split("__"));
        for setting in &flags.set {
            figment = figment.merge(Toml::string(setting));
        }
        let listen = [("tcp", flags.tcp), ("ws", flags.ws), ("http", flags.http)];
        for (name, address) in listen.into_iter().chain([("admin", flags.admin)]) {
            if let Some(address) = address {
                figment = figment.merge(Serialized::default(&format!("listen.{name}"), address));
            }
        }
        if let Some(dir) = &flags.data_dir {
            figment = figment.merge(Serialized::default("data_dir", dir));
        }
        if let Some(log) = &flags.log {
            figment = figment.merge(Serialized::default("log", log));
        }
        figment.extract().map_err(Box::new)
    }

    /// Whether anybody may sign in by name alone: only where nobody else can come from.
    pub(crate) fn demo_is_on(&self) -> bool {
        let Listen { tcp, ws, http, admin } = &self.listen;
        let all_loopback = [tcp, ws, http, admin].iter().all(|address| address.ip().is_loopback());
        self.demo.mode == DemoMode::Auto && all_loopback
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(arguments: &[&str]) -> Config {
        let flags = Flags::parse_from([&["comet-server"], arguments].concat());
        Config::load(&flags).unwrap()
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
    fn a_misspelt_setting_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("comet.toml");
        std::fs::write(&file, "[listen]\nhtpp = \"127.0.0.1:1\"\n").unwrap();
        let flags = Flags { config: Some(file), ..Flags::default() };
        assert!(Config::load(&flags).unwrap_err().to_string().contains("htpp"));
    }

    #[test]
    fn the_demo_is_off_as_soon_as_one_address_can_be_reached_from_elsewhere() {
        assert!(load(&[]).demo_is_on());
        assert!(!load(&["--http", "0.0.0.0:8888"]).demo_is_on());
        assert!(!load(&["--tcp", "192.0.2.1:3101"]).demo_is_on());
    }
}
