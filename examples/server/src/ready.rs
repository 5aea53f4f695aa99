//! `/health` and `/ready`: liveness and readiness.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use comet::Gateway;
use comet_identity::Registry;
use comet_identity::registry::RegistryError;
use comet_store::{Store, UnusableReason};
use serde::Serialize;
use tokio::time::timeout;

use crate::config::Config;

/// Timeout of a database query; a slower database is of no use to clients.
const PATIENCE: Duration = Duration::from_secs(2);

/// Minimum free bytes on the disk: a batch of messages may need as many.
const DISK: u64 = 16 * 1024 * 1024;

/// The parts that a server needs to serve.
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

/// The response of `/ready`.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    ready: bool,
    reasons: Vec<Reason>,
}

/// Reason for not being ready, as spelled in the response.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    /// A stop was requested.
    Draining,
    /// The limit on connections or sessions is reached.
    Full,
    /// The disk of the data directory is nearly full.
    DiskFull,
    /// Messages cannot be stored.
    MessagesNotStored,
    /// Messages cannot be read.
    MessagesUnavailable,
    /// Logins of devices fail.
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
            max_sessions: config.gateway.limits.max_sessions as u64,
        }))
    }
}

/// `/health`: 200 while the process is alive.
pub(crate) async fn health() -> &'static str {
    "alive"
}

/// `/ready`: 200, or 503 with all reasons.
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
        // A small write may fit where those of clients do not.
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
            Ok(Err(UnusableReason::Writing)) => Err(Reason::MessagesNotStored),
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
