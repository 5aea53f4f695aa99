//! SIGHUP: the settings are read again, and what can change while sessions are open is changed.

use comet::Gateway;
use comet_store::Store;

use crate::config::{Config, Flags};
use crate::limits;
use crate::logging::Logging;
use crate::settings::Settings;

/// Settings that are taken over at once. `default.toml` lists them for whoever runs the server.
const LIVE: [&str; 5] = [
    "log",
    "gateway.connections_per_address",
    "gateway.handshakes_per_address",
    "gateway.handshake_rate",
    "gateway.message_rate",
];

/// What is needed to read the settings again.
pub(crate) struct Reload {
    pub(crate) flags: Flags,
    pub(crate) logging: Logging,
    /// As at the start.
    pub(crate) started: Settings,
    /// As they were last taken over.
    pub(crate) current: Settings,
}

impl Reload {
    /// Opens the log file anew, reads the settings, and says in the log what came of it. A fault
    /// leaves all settings as they are. Blocks: reads files, and may look up names of hosts.
    pub(crate) fn run(&mut self, gateway: &Gateway, store: &Store) {
        if let Err(error) = self.logging.reopen() {
            tracing::error!(%error, "the log file cannot be opened anew");
        }
        let (config, settings) = match Config::load(&self.flags) {
            Ok(loaded) => loaded,
            Err(fault) => {
                return tracing::error!("settings not reloaded, the old ones stay: {fault}");
            }
        };
        let live = |path: &String| LIVE.contains(&path.as_str());
        let mut changed = self.current.differences(&settings);
        changed.retain(live);
        if changed.iter().any(|path| path == "log") && !self.logging.filter(&config.log) {
            tracing::error!("the filter of the log cannot be changed");
        }
        if let Err(error) = gateway.reconfigure(&limits::of(&config)) {
            return tracing::error!(%error, "settings not reloaded");
        }
        store.set_message_rate(config.gateway.message_rate);
        let mut later = self.started.differences(&settings);
        later.retain(|path| !live(path));
        self.current = settings;
        match &*changed {
            [] => tracing::info!("settings reloaded, none changed that can"),
            changed => tracing::info!("settings changed: {}", changed.join(", ")),
        }
        if !later.is_empty() {
            tracing::warn!("settings that need a restart: {}", later.join(", "));
        }
    }
}
