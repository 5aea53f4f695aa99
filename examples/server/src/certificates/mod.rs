//! Certificates of the ports with TLS, QUIC among them: files of the operator, those that an
//! authority has issued (`acme`), or one for development; looked at again while the server runs, so
//! that a renewed one needs no restart.
//!
//! Not here: what is done with them (`comet::tls`).

mod acme;
mod development;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use comet::tls::{Certificate, ClientAuth, Roots, Tls, TlsConfig, TlsError};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::{CertificateFiles, CertificateSettings, ClientCertificates};
use crate::data::Data;
pub(crate) use acme::Acme;

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

/// The certificates. A cheap handle: clones are one.
#[derive(Clone)]
pub(crate) struct Certificates(Arc<Inner>);

struct Inner {
    tls: Tls,
    source: Source,
    /// Held while files are loaded.
    state: Mutex<State>,
    every: Duration,
}

/// What was loaded last.
struct State {
    /// The files as they were.
    seen: Vec<Option<Stamp>>,
    /// SHA-256 of the certificate for development in hex, where that is in use.
    development: Option<String>,
    /// Last second, since 1970, in which all of them are valid.
    expires: Option<u64>,
    /// The name that is being proved, and its proof.
    proof: Option<(String, Certificate)>,
}

/// When a file was changed, and its length.
type Stamp = (SystemTime, u64);

/// Where certificates come from.
struct Source {
    files: Vec<CertificateFiles>,
    /// Files of those from an authority, which may not be there yet.
    issued: Vec<PathBuf>,
    client: ClientCertificates,
    roots: PathBuf,
    /// Files of the certificate for development, which is in use where there is no other.
    development: [PathBuf; 2],
}

/// Certificates that were loaded.
struct Loaded {
    config: TlsConfig,
    development: Option<String>,
    expires: Option<u64>,
}

impl Certificates {
    /// Loads them; the one for development lies in the data directory, and is made if need be.
    pub(crate) fn open(
        settings: &CertificateSettings,
        data: &Data,
    ) -> Result<Self, CertificatesError> {
        let CertificateSettings { tls, acme } = settings;
        let source = Source {
            files: tls.certificates(),
            issued: acme.names.iter().map(|name| data.acme_certificate(name)).collect(),
            client: tls.client,
            roots: tls.client_roots.clone(),
            development: data.certificate(),
        };
        let every = Duration::from_secs(tls.check_seconds);
        let Loaded { config, development, expires } = source.load()?;
        let state = State { seen: source.stamps(), development, expires, proof: None };
        let tls = Tls::new(config)?;
        Ok(Self(Arc::new(Inner { tls, source, state: Mutex::new(state), every })))
    }

    /// TLS with them, as they are from time to time.
    pub(crate) fn tls(&self) -> &Tls {
        &self.0.tls
    }

    /// SHA-256 in hex of the certificate for development, by which browsers can know it; `None`
    /// where others are in use.
    pub(crate) fn development(&self) -> Option<String> {
        self.0.state.lock().development.clone()
    }

    /// Last second, since 1970, in which all of them are valid, as far as they tell.
    pub(crate) fn expires(&self) -> Option<u64> {
        self.0.state.lock().expires
    }

    /// Looks after the files until the server stops.
    pub(crate) async fn watch(self, mut stopped: watch::Receiver<bool>) {
        let mut ticks = interval(self.0.every);
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
    pub(crate) fn refresh(&self) {
        let Inner { tls, source, state, .. } = &*self.0;
        let mut state = state.lock();
        // One for development that has become old is made anew, which changes its files.
        let renewed = source.renew();
        let stamps = source.stamps();
        if stamps == state.seen {
            return;
        }
        state.seen = stamps;
        match renewed.and_then(|()| state.load(source, tls)) {
            Ok(()) => tracing::info!("certificates reloaded"),
            Err(error) => tracing::error!(%error, "certificates not reloaded, the old ones stay"),
        }
    }

    /// Has an authority that asks for it shown the proof of a name, until there is another or none.
    fn show_proof(&self, proof: Option<(String, Certificate)>) -> Result<(), CertificatesError> {
        let Inner { tls, source, state, .. } = &*self.0;
        let mut state = state.lock();
        state.proof = proof;
        state.load(source, tls)
    }
}

impl State {
    /// Loads all files, for handshakes that begin from now on.
    fn load(&mut self, source: &Source, tls: &Tls) -> Result<(), CertificatesError> {
        let Loaded { config, development, expires } = source.load()?;
        let proof = self.proof.clone().into_iter();
        tls.reload(proof.fold(config, |config, (name, proof)| config.challenge(name, proof)))?;
        (self.development, self.expires) = (development, expires);
        Ok(())
    }
}

impl Source {
    /// Whether there is no other one than that for development.
    fn is_for_development(&self) -> bool {
        self.files.is_empty() && !self.issued.iter().any(|path| path.exists())
    }

    /// Makes the certificate for development if that is in use, and is missing or old.
    fn renew(&self) -> Result<(), CertificatesError> {
        if self.is_for_development() {
            development::certificate(self.development.clone())?;
        }
        Ok(())
    }

    fn load(&self) -> Result<Loaded, CertificatesError> {
        let files = self.files.iter();
        let own = files.map(|CertificateFiles { cert, key }| Certificate::from_files(cert, key));
        let mut all = own.collect::<Result<Vec<_>, _>>()?;
        all.extend(self.issued.iter().filter_map(issued));
        let mut all = all.into_iter();
        let (first, development) = match all.next() {
            Some(first) => (first, None),
            None => {
                let [cert, key] = development::certificate(self.development.clone())?;
                let certificate = Certificate::from_files(cert, key)?;
                let hash = fingerprint(&certificate);
                (certificate, Some(hash))
            }
        };
        let config = TlsConfig::new(first).client(self.client_auth()?);
        let config = all.fold(config, TlsConfig::certificate);
        let ends = config.certificates.iter().filter_map(Certificate::validity);
        let expires = ends.map(|(_, last)| last).min();
        Ok(Loaded { config, development, expires })
    }

    fn client_auth(&self) -> Result<ClientAuth, TlsError> {
        Ok(match self.client {
            ClientCertificates::Off => ClientAuth::None,
            ClientCertificates::Optional => ClientAuth::Optional(Roots::from_file(&self.roots)?),
            ClientCertificates::Required => ClientAuth::Required(Roots::from_file(&self.roots)?),
        })
    }

    fn stamps(&self) -> Vec<Option<Stamp>> {
        let stamp = |path: &PathBuf| {
            let found = fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len()))
        };
        let files = self.files.iter().flat_map(|CertificateFiles { cert, key }| [cert, key]);
        let files = files.chain(&self.issued).chain(&self.development);
        files.chain([&self.roots]).map(stamp).collect()
    }
}

/// A certificate that an authority has issued; one that cannot be used is replaced soon.
fn issued(path: &PathBuf) -> Option<Certificate> {
    if !path.exists() {
        return None;
    }
    let read = Certificate::from_files(path, path);
    read.inspect_err(|error| tracing::warn!(%error, "a certificate cannot be used")).ok()
}

/// The SHA-256 of a leaf, in hex.
fn fingerprint(certificate: &Certificate) -> String {
    Sha256::digest(certificate.leaf()).iter().map(|byte| format!("{byte:02x}")).collect()
}
