//! Pushes to phones: the vendors of the configuration, the names and tokens that other backends
//! have, and a thread that gives way to everybody who waits for an answer.

mod background;
mod sources;
mod vendors;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use comet_group::Groups;
use comet_identity::Registry;
use comet_push::vendors::VendorError;
use comet_push::{Pushes, StartError, TrustError};
use comet_sql::Pool;
use comet_store::Store;

use self::background::Background;
use self::sources::{Names, Tokens};
use crate::config::{self, Config};
use crate::data::DATABASE_ADVICE;

/// Reason why there can be no pushes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PushError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("cannot run pushes: {0}")]
    Runtime(#[source] io::Error),
    #[error("push.ca_file: {0}")]
    Trust(#[source] TrustError),
    #[error("push.{section}: {source}")]
    Vendor { section: &'static str, source: VendorError },
    #[error("push.{setting}: {} cannot be read: {source}", path.display())]
    File { setting: &'static str, path: PathBuf, source: io::Error },
}

impl PushError {
    /// Advice for the person who started the server.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::Runtime(_) => None,
            Self::Start(_) => Some(DATABASE_ADVICE.to_owned()),
            Self::Trust(_) | Self::Vendor { .. } | Self::File { .. } => {
                Some("--print-config shows what each vendor needs.".to_owned())
            }
        }
    }
}

/// Pushes, and the thread on which they run.
pub(crate) struct Running {
    pub(crate) pushes: Pushes,
    thread: Background,
}

/// Starts pushes, if a vendor is configured.
pub(crate) async fn start(
    config: &Config,
    store: &Store,
    accounts: Pool,
    (registry, groups): (&Registry, &Groups),
) -> Result<Option<Running>, PushError> {
    let vendors = vendors::of(&config.push)?;
    if vendors.is_empty() {
        return Ok(None);
    }
    let tokens = Arc::new(Tokens(registry.clone()));
    let names = Arc::new(Names { registry: registry.clone(), groups: groups.clone() });
    let limits = limits(&config.push);
    let thread = Background::new().map_err(PushError::Runtime)?;
    let pushes = Pushes::start((store.clone(), accounts), limits, vendors, (tokens, names));
    let pushes = thread.run(pushes).await.map_err(PushError::Runtime)??;
    Ok(Some(Running { pushes, thread }))
}

/// Ends pushes, if there are any.
pub(crate) async fn stop(running: Option<Running>) {
    if let Some(Running { pushes, thread }) = running {
        pushes.stop().await;
        thread.end();
    }
}

fn limits(config: &config::Push) -> comet_push::Config {
    let limits = &config.limits;
    let seconds = Duration::from_secs;
    comet_push::Config::default()
        .after(seconds(limits.after_seconds))
        .time_limit(seconds(limits.limit_seconds))
        .text(&limits.text)
        .queue(limits.queue)
        .requests(limits.requests)
}
