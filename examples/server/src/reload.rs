//! SIGHUP: reads the settings again and applies those that can change while sessions are open, and
//! looks at certificates.

use comet::Gateway;
use comet_store::Store;

use crate::certificates::Certificates;
use crate::config::{Config, Flags};
use crate::logging::Logging;
use crate::settings::Settings;

/// Settings applied at once. `default.toml` lists them for operators.
const LIVE: [&str; 5] = [
    "log",
    "gateway.connections_per_address",
    "gateway.handshakes_per_address",
    "gateway.handshake_rate",
    "gateway.message_rate",
];

/// State needed to reload the settings.
pub(crate) struct Reload {
    pub(crate) flags: Flags,
    pub(crate) logging: Logging,
    /// Settings at the start.
    pub(crate) started: Settings,
    /// Settings applied last.
    pub(crate) current: Settings,
}

impl Reload {
    /// Reopens the log file, loads certificates that have changed, reads the settings, and logs the
    /// result. A fault leaves all settings unchanged. Blocks: reads files, and may resolve host
    /// names.
    pub(crate) fn run(&mut self, gateway: &Gateway, store: &Store, certificates: &Certificates) {
        if let Err(error) = self.logging.reopen() {
            tracing::error!(%error, "the log file cannot be opened anew");
        }
        certificates.refresh();
        let (config, settings) = match Config::load(&self.flags) {
            Ok(loaded) => loaded,
            Err(fault) => {
                return tracing::error!("settings not reloaded, the old ones stay: {fault}");
            }
        };
        let live = |path: &String| LIVE.contains(&path.as_str());
        let mut changed = self.current.differences(&settings);
        changed.retain(live);
        if changed.iter().any(|path| path == "log") && !self.logging.filter(&config.logging.log) {
            tracing::error!("the filter of the log cannot be changed");
        }
        if let Err(error) = gateway.reconfigure(&config.gateway_limits()) {
            return tracing::error!(%error, "settings not reloaded");
        }
        store.set_message_rate(config.gateway.limits.message_rate);
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
