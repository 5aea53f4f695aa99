//! The account with the authority: made at the first need, and kept in a file that its owner alone
//! can read.

use std::path::{Path, PathBuf};
use std::{fs, io};

use instant_acme::{Account, AccountCredentials, NewAccount};
use serde::{Deserialize, Serialize};

use super::AcmeError;
use super::http::Http;
use crate::config::Acme;
use crate::data::write_atomically;

/// Where the account is kept.
#[derive(Debug)]
pub(super) struct AccountFile(PathBuf);

#[derive(Deserialize, Serialize)]
struct Kept {
    /// The authority; one of another is of no use.
    directory: String,
    credentials: AccountCredentials,
}

impl AccountFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The account of the file, or a new one, which is written there.
    pub(super) async fn open(&self, acme: &Acme) -> Result<Account, AcmeError> {
        let builder = Account::builder_with_http(Box::new(Http::new(&acme.root)?));
        if let Some(kept) = self.read()?
            && kept.directory == acme.directory
        {
            return Ok(builder.from_credentials(kept.credentials).await?);
        }
        let contact: Vec<_> =
            acme.contact.iter().map(|address| format!("mailto:{address}")).collect();
        let contact: Vec<_> = contact.iter().map(String::as_str).collect();
        let account = NewAccount {
            contact: &contact,
            // The operator has agreed by naming the authority.
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let directory = acme.directory.clone();
        let (account, credentials) = builder.create(&account, directory.clone(), None).await?;
        let kept = serde_json::to_vec(&Kept { directory, credentials });
        let kept = kept.map_err(io::Error::from).and_then(|kept| write_atomically(&self.0, &kept));
        kept.map_err(|source| self.failed(source))?;
        Ok(account)
    }

    /// Has the next one be new: the authority does not know this one.
    pub(super) fn forget(&self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "a useless account stays");
        }
    }

    fn read(&self) -> Result<Option<Kept>, AcmeError> {
        match fs::read(&self.0) {
            Ok(bytes) => {
                let kept = serde_json::from_slice(&bytes);
                kept.map(Some).map_err(|error| self.failed(error.into()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, source: io::Error) -> AcmeError {
        AcmeError::File { path: Path::to_owned(&self.0), source }
    }
}
