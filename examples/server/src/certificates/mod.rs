//! Certificates of the ports with TLS: files of the operator, or one for development; looked at
//! again while the server runs, so that a renewed one needs no restart.
//!
//! Not here: what is done with them (`comet::tls`).

pub(crate) mod development;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use comet::tls::{Certificate, ClientAuth, Roots, Tls, TlsConfig, TlsError};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::{ClientCertificates, TlsSettings};
use crate::data::Data;

/// A failure to load certificates.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificatesError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("cannot make a certificate for development: {0}")]
    Development(#[from] rcgen::Error),
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
}

/// The certificates, and the state of their files when they were loaded.
pub(crate) struct Certificates {
    tls: Tls,
    source: Source,
    seen: Vec<Option<Stamp>>,
    every: Duration,
}

/// When a file was changed, and its length.
type Stamp = (SystemTime, u64);

/// Where certificates come from.
struct Source {
    chain: PathBuf,
    key: PathBuf,
    client: ClientCertificates,
    roots: PathBuf,
    is_for_development: bool,
}

impl Certificates {
    /// Loads them; the one for development lies in the data directory, and is made if need be.
    pub(crate) fn open(settings: &TlsSettings, data: &Data) -> Result<Self, CertificatesError> {
        let TlsSettings { cert, key, client, client_roots, check_seconds } = settings.clone();
        let is_for_development = settings.is_for_development();
        let [chain, key] = if is_for_development { data.certificate() } else { [cert, key] };
        let source = Source { chain, key, client, roots: client_roots, is_for_development };
        source.renew()?;
        let seen = source.stamps();
        let tls = Tls::new(source.load()?)?;
        Ok(Self { tls, source, seen, every: Duration::from_secs(check_seconds) })
    }

    /// TLS with them, as they are from time to time.
    pub(crate) fn tls(&self) -> &Tls {
        &self.tls
    }

    /// Looks after the files until the server stops.
    pub(crate) async fn watch(mut self, mut stopped: watch::Receiver<bool>) {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => tokio::task::block_in_place(|| self.refresh()),
                _ = stopped.changed() => return,
            }
        }
    }

    /// Loads files that have changed. While they cannot be used, the old ones stay; that is said
    /// once for each change.
    fn refresh(&mut self) {
        let renewed = self.source.renew();
        let stamps = self.source.stamps();
        if stamps == self.seen {
            return;
        }
        self.seen = stamps;
        let loaded = renewed.and_then(|()| Ok(self.tls.reload(self.source.load()?)?));
        match loaded {
            Ok(()) => tracing::info!(cert = %self.source.chain.display(), "certificates reloaded"),
            Err(error) => tracing::error!(%error, "certificates not reloaded, the old ones stay"),
        }
    }
}

impl Source {
    /// Makes the certificate for development if there is none or it is old.
    fn renew(&self) -> Result<(), CertificatesError> {
        if self.is_for_development {
            development::certificate([self.chain.clone(), self.key.clone()])?;
        }
        Ok(())
    }

    fn load(&self) -> Result<TlsConfig, TlsError> {
        let client = match self.client {
            ClientCertificates::Off => ClientAuth::None,
            ClientCertificates::Optional => ClientAuth::Optional(Roots::from_file(&self.roots)?),
            ClientCertificates::Required => ClientAuth::Required(Roots::from_file(&self.roots)?),
        };
        let certificate = Certificate::from_files(&self.chain, &self.key)?;
        Ok(TlsConfig::new(certificate).client(client))
    }

    fn stamps(&self) -> Vec<Option<Stamp>> {
        let stamp = |path: &PathBuf| {
            let found = fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len()))
        };
        [&self.chain, &self.key, &self.roots].map(stamp).to_vec()
    }
}
