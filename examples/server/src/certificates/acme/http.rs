//! HTTP client of the authority, with limits.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use axum::http::Request;
use bytes::Bytes;
use http_body_util::Limited;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

/// Time limit of a request, its body aside.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Bytes of an answer that are read: a chain of certificates is a dozen KiB.
const ANSWER_BYTES: usize = 256 * 1024;

/// A client of the authority.
pub(super) struct Http(Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>);

impl Http {
    /// One that trusts the certificates of this file, or those of the system.
    pub(super) fn new(root: &Path) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        if root.as_os_str().is_empty() {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        } else {
            let unusable = |error: &dyn std::fmt::Display| TrustError::Root {
                path: root.to_owned(),
                reason: error.to_string(),
            };
            for found in CertificateDer::pem_file_iter(root).map_err(|error| unusable(&error))? {
                let found = found.map_err(|error| unusable(&error))?;
                roots.add(found).map_err(|error| unusable(&error))?;
            }
        }
        if roots.is_empty() {
            return Err(TrustError::None);
        }
        let provider = rustls::crypto::ring::default_provider();
        let config = ClientConfig::builder_with_provider(provider.into());
        let config = config.with_safe_default_protocol_versions().map_err(|_| TrustError::None)?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let https = HttpsConnectorBuilder::new().with_tls_config(config).https_only();
        let client = Client::builder(TokioExecutor::new());
        // Minutes may lie between two requests.
        let mut client = client;
        client.pool_max_idle_per_host(0);
        Ok(Self(client.build(https.enable_all_versions().build())))
    }
}

/// No authority could be believed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    #[error("acme.root {}: {reason}", path.display())]
    Root { path: std::path::PathBuf, reason: String },
    #[error("acme: this system trusts no certificate authorities")]
    None,
}

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let response = timeout(TIME_LIMIT, self.0.request(request));
        Box::pin(async move {
            let other = |error: io::Error| Error::Other(Box::new(error));
            let response = response.await.map_err(|_| {
                other(io::Error::new(io::ErrorKind::TimedOut, "the authority does not answer"))
            })?;
            let response = response.map_err(|error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                other(io::Error::other(cause.unwrap_or_else(|| error.to_string())))
            })?;
            Ok(response.map(|body| Box::pin(Limited::new(body, ANSWER_BYTES))).into())
        })
    }
}
