//! `/health` and `/ready`: that the process lives, and that it can serve.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use comet::Gateway;
use comet_identity::Registry;
use comet_identity::registry::RegistryError;
use comet_store::{Store, Unwell};
use serde::Serialize;
use tokio::time::timeout;

use crate::config::Config;

/// A database that does not answer for so long is of no use to clients either.
const PATIENCE: Duration = Duration::from_secs(2);

/// Fewer bytes than this on the disk are a full disk: a batch of messages may need as many.
const DISK: u64 = 16 * 1024 * 1024;

/// Everything that a server needs in order to serve.
#[derive(Clone)]
pub(crate) struct Readiness(Arc<Parts>);

struct Parts {
    gateway: Gateway,
    store: Store,
    registry: Registry,
    data_dir: PathBuf,
    max_connections: u64,
    max_sessions: u64,
}

/// The answer of `/ready`.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    ready: bool,
    reasons: Vec<Reason>,
}

/// Why a server is not ready, in the words of the answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    /// It was told to stop.
    Draining,
    /// No more connections or sessions are taken.
    Full,
    /// Nearly nothing is left on the disk of the data directory.
    DiskFull,
    /// Messages are refused.
    MessagesNotStored,
    /// Messages cannot be read.
    MessagesUnavailable,
    /// Logins of devices are refused.
    LoginsFailing,
    /// Devices cannot be read.
    AccountsUnavailable,
}

impl Readiness {
    pub(crate) fn new(
        gateway: &Gateway,
        store: &Store,
        registry: &Registry,
        config: &Config,
        max_connections: usize,
    ) -> Self {
        Self(Arc::new(Parts {
            gateway: gateway.clone(),
            store: store.clone(),
            registry: registry.clone(),
            data_dir: config.data_dir.clone(),
            max_connections: max_connections as u64,
            max_sessions: config.gateway.max_sessions as u64,
        }))
    }
}

/// `/health`: alive, whatever else.
pub(crate) async fn health() -> &'static str {
    "alive"
}

/// `/ready`: 200, or 503 with every reason.
pub(crate) async fn ready(State(parts): State<Readiness>) -> (StatusCode, Json<Answer>) {
    let reasons = parts.0.reasons().await;
    let ready = reasons.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Answer { ready, reasons }))
}

impl Parts {
    async fn reasons(&self) -> Vec<Reason> {
        let stats = self.gateway.stats();
        let full = stats.connections >= self.max_connections
            || stats.sessions + stats.parked >= self.max_sessions;
        let disk_full = self.is_disk_full();
        // A small write may find room where those of clients do not.
        let (messages, accounts) = if disk_full {
            let messages = self.store.is_failing().then_some(Reason::MessagesNotStored);
            (messages, self.registry.is_failing().then_some(Reason::LoginsFailing))
        } else {
            (self.messages().await.err(), self.accounts().await.err())
        };
        let found = [
            self.gateway.is_draining().then_some(Reason::Draining),
            full.then_some(Reason::Full),
            disk_full.then_some(Reason::DiskFull),
            messages,
            accounts,
        ];
        found.into_iter().flatten().collect()
    }

    fn is_disk_full(&self) -> bool {
        let disk = rustix::fs::statvfs(&self.data_dir);
        disk.is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < DISK)
    }

    async fn messages(&self) -> Result<(), Reason> {
        match timeout(PATIENCE, self.store.check()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Unwell::Writing)) => Err(Reason::MessagesNotStored),
            Ok(Err(_)) | Err(_) => Err(Reason::MessagesUnavailable),
        }
    }

    async fn accounts(&self) -> Result<(), Reason> {
        match timeout(PATIENCE, self.registry.check()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(RegistryError::NotStored)) => Err(Reason::LoginsFailing),
            Ok(Err(_)) | Err(_) => Err(Reason::AccountsUnavailable),
        }
    }
}
