//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::settings::{Fault, Settings};

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
    #[command(flatten)]
    addresses: Addresses,
    /// Name of this server on the internet, for which it gets certificates itself, by ACME; may be
    /// given several times. Opens port 443, and accepts the terms of the authority (Let's Encrypt,
    /// unless `acme.directory` names another)
    #[arg(long, value_name = "NAME")]
    acme: Vec<String>,
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

/// Addresses of the ports.
#[derive(Args, Clone, Debug, Default)]
struct Addresses {
    /// Address for raw TCP sessions
    #[arg(long, value_name = "ADDR")]
    tcp: Option<String>,
    /// Address for WebSocket sessions
    #[arg(long, value_name = "ADDR")]
    ws: Option<String>,
    /// Address for the HTTP API and the web chat page
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// Address for sessions of both kinds over TLS
    #[arg(long, value_name = "ADDR")]
    tls: Option<String>,
    /// Address for all of them over TLS, with the API and the page, as a server on the open
    /// internet has it; empty for none
    #[arg(long, value_name = "ADDR")]
    https: Option<String>,
    /// Address for all of them on one port
    #[arg(long, value_name = "ADDR")]
    any: Option<String>,
    /// Address for metrics and health
    #[arg(long, value_name = "ADDR")]
    admin: Option<String>,
    /// UDP address for QUIC and WebTransport; empty for none
    #[arg(long, value_name = "ADDR")]
    quic: Option<String>,
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

impl Flags {
    /// Adds the file, the environment and the flags, in this order, to the default settings.
    pub(super) fn overlay(&self, settings: &mut Settings) -> Result<(), Fault> {
        if let Some(file) = &self.config {
            settings.file(file)?;
        }
        settings.environment(std::env::vars_os())?;
        for setting in &self.set {
            settings.assignment(setting)?;
        }
        if !self.acme.is_empty() {
            settings.list("--acme", "acme.names", &self.acme);
        }
        let data_dir = self.data_dir.as_ref().map(|dir| dir.display().to_string());
        for (flag, path, value) in [
            ("--tcp", "listen.tcp", &self.addresses.tcp),
            ("--ws", "listen.ws", &self.addresses.ws),
            ("--http", "listen.http", &self.addresses.http),
            ("--tls", "listen.tls", &self.addresses.tls),
            ("--any", "listen.any", &self.addresses.any),
            ("--https", "listen.https", &self.addresses.https),
            ("--admin", "listen.admin", &self.addresses.admin),
            ("--quic", "listen.quic", &self.addresses.quic),
            ("--data-dir", "data_dir", &data_dir),
            ("--log", "log", &self.log),
        ] {
            if let Some(value) = value {
                settings.flag(flag, path, value);
            }
        }
        Ok(())
    }
}
