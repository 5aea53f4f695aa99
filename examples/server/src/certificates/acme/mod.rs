//! Certificates from an authority by ACME (RFC 8555): asked for at the start where they are
//! missing, renewed in time, kept in the data directory. Each name has one of its own, so that a
//! name that cannot be proved costs the others nothing.
//!
//! * `schedule`: the times of attempts;
//! * `account`, `http`: the account, and the way to the authority;
//! * `order`: one certificate.
//!
//! Not here: showing them, and the proofs of names (`comet::tls`).

mod account;
mod http;
mod order;
mod schedule;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use comet::tls::{Certificate, TlsError};
use instant_acme::Account;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::{Certificates, CertificatesError};
use crate::config::Acme as AcmeSettings;
use crate::data::{Data, write_atomically};
use account::AccountFile;
use schedule::Schedule;

/// Time limit of an attempt.
const TIME_LIMIT: Duration = Duration::from_secs(5 * 60);

/// Longest sleep: the clock may be set meanwhile.
const NAP: Duration = Duration::from_secs(60 * 60);

/// A failure to get a certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AcmeError {
    #[error(transparent)]
    Trust(#[from] http::TrustError),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Authority(#[from] instant_acme::Error),
    #[error("the authority does not verify names by tls-alpn-01")]
    NoChallenge,
    #[error("the authority refuses the name: {}", .0.as_deref().unwrap_or("it does not say why"))]
    Refused(Option<String>),
    #[error("no certificate within {} s", TIME_LIMIT.as_secs())]
    Slow,
    #[error("cannot make a key: {0}")]
    Key(#[from] rcgen::Error),
    #[error("the certificate is of no use: {0}")]
    Unusable(#[from] TlsError),
    #[error(transparent)]
    Certificates(#[from] CertificatesError),
}

/// The names, and what is known about their certificates.
pub(crate) struct Acme {
    settings: AcmeSettings,
    account_file: AccountFile,
    account: Option<Account>,
    names: Vec<Name>,
    certificates: Certificates,
}

/// A name with its certificate.
struct Name {
    name: String,
    path: PathBuf,
    schedule: Schedule,
}

impl Acme {
    /// The names of the settings. What was issued before is in the data directory.
    pub(crate) fn new(settings: &AcmeSettings, certificates: &Certificates, data: &Data) -> Self {
        let (now, retry) = (SystemTime::now(), Duration::from_secs(settings.retry_seconds));
        let names = settings.names.iter().map(|name| {
            let path = data.acme_certificate(name);
            let current = Certificate::from_files(&path, &path).ok();
            let current = current.as_ref().and_then(validity_of);
            Name { name: name.clone(), path, schedule: Schedule::new(retry, current, now) }
        });
        Self {
            settings: settings.clone(),
            account_file: AccountFile::new(data.acme_account()),
            account: None,
            names: names.collect(),
            certificates: certificates.clone(),
        }
    }

    /// Gets certificates as they become due, until the server stops.
    pub(crate) async fn keep(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            let now = SystemTime::now();
            let due = self.names.iter().enumerate().min_by_key(|(_, name)| name.schedule.due());
            let Some((next, due)) = due.map(|(at, name)| (at, name.schedule.due())) else { return };
            let turn = async {
                match due.duration_since(now) {
                    Ok(pause) if !pause.is_zero() => sleep(pause.min(NAP)).await,
                    _ => self.attempt(next).await,
                }
            };
            tokio::select! {
                () = turn => {}
                _ = stopped.changed() => return,
            }
        }
    }

    async fn attempt(&mut self, at: usize) {
        let Some((name, path)) = self.names.get(at).map(|it| (it.name.clone(), it.path.clone()))
        else {
            return;
        };
        let issued = timeout(TIME_LIMIT, self.issue(&name, &path)).await;
        let issued = issued.unwrap_or(Err(AcmeError::Slow));
        let now = SystemTime::now();
        let Some(Name { schedule, .. }) = self.names.get_mut(at) else { return };
        match issued {
            Ok(validity) => {
                schedule.issued(validity);
                let renewal = seconds(schedule.due(), now);
                tracing::info!(name, renewed_after_seconds = renewal, "certificate issued");
            }
            Err(error) => {
                schedule.failed(now, rand::random());
                let next = seconds(schedule.due(), now);
                tracing::error!(name, %error, again_after_seconds = next, "no certificate");
                self.forget_account(&error);
            }
        }
    }

    async fn issue(&mut self, name: &str, path: &Path) -> Result<schedule::Validity, AcmeError> {
        let account = match &self.account {
            Some(account) => account.clone(),
            None => self.account_file.open(&self.settings).await?,
        };
        self.account = Some(account.clone());
        let issued = order::certificate(&account, name, &self.certificates).await?;
        let failed = |source| AcmeError::File { path: path.to_owned(), source };
        write_atomically(path, issued.pem.as_bytes()).map_err(failed)?;
        self.certificates.refresh();
        validity_of(&issued.certificate).ok_or(AcmeError::Unusable(TlsError::BadCertificate))
    }

    /// The authority may have lost or closed the account: the next one is new.
    fn forget_account(&mut self, error: &AcmeError) {
        let AcmeError::Authority(instant_acme::Error::Api(problem)) = error else { return };
        let lost = "urn:ietf:params:acme:error:accountDoesNotExist";
        if problem.r#type.as_deref() == Some(lost) {
            self.account = None;
            self.account_file.forget();
        }
    }
}

/// The times of a certificate; `None` if it does not tell them.
fn validity_of(certificate: &Certificate) -> Option<schedule::Validity> {
    let (first, last) = certificate.validity()?;
    let at = |seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    Some((at(first)?, at(last)?))
}

fn seconds(time: SystemTime, now: SystemTime) -> u64 {
    time.duration_since(now).map_or(0, |pause| pause.as_secs())
}
