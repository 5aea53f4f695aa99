//! HTTP client of the vendors: one POST at a time to a fixed address, with limits.
//!
//! Redirects are not followed: whatever an address answers, nothing is sent anywhere else.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

use crate::vendor::Outcome;

/// Time limit of a request.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// Time limit of a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Interval of pings on HTTP/2 connections, and time to answer them: one that is gone without a
/// word is not used for longer.
const PING: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read.
const ANSWER_BYTES: usize = 64 * 1024;

/// Certificates that are trusted: those of the system, and others.
#[derive(Clone, Debug)]
pub struct Trust(ClientConfig);

/// Reason why certificates cannot be trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The file cannot be read, or is no PEM.
    #[error("the certificates cannot be read: {0}")]
    Unreadable(#[source] rustls::pki_types::pem::Error),
    /// A certificate is not usable, or there is none.
    #[error("the file has no usable certificate")]
    Unusable,
}

impl Trust {
    /// The system's certificates, and those of a PEM file.
    ///
    /// # Errors
    ///
    /// [`TrustError`]. The system need not have any.
    pub fn load(file: Option<&Path>) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(file) = file {
            let found = CertificateDer::pem_file_iter(file).map_err(TrustError::Unreadable)?;
            let before = roots.len();
            for certificate in found {
                let certificate = certificate.map_err(TrustError::Unreadable)?;
                roots.add(certificate).map_err(|_| TrustError::Unusable)?;
            }
            if roots.len() == before {
                return Err(TrustError::Unusable);
            }
        }
        let provider = rustls::crypto::ring::default_provider();
        let config = ClientConfig::builder_with_provider(provider.into());
        let config = config.with_safe_default_protocol_versions();
        let config = config.map_err(|_| TrustError::Unusable)?;
        Ok(Self(config.with_root_certificates(roots).with_no_client_auth()))
    }
}

/// HTTP versions to be spoken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Version {
    /// HTTP/2, also without TLS.
    Two,
    /// Choice of the server; HTTP/1.1 without TLS.
    Any,
}

/// A client. Cheap to clone: connections are shared.
#[derive(Clone, Debug)]
pub(crate) struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// Answer to a request.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Time that the server wants to be left alone.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

/// Reason why there is no answer. Without the address, which may have secrets.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("no answer in time")]
    Silent,
    #[error("cannot connect")]
    Connect,
    #[error("the connection failed")]
    Failed,
    #[error("the answer is too long, or broke off")]
    Answer,
    #[error("the request cannot be made")]
    Request,
}

impl Http {
    pub(crate) fn new(trust: &Trust, version: Version) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        let https = HttpsConnectorBuilder::new().with_tls_config(trust.0.clone()).https_or_http();
        let https = match version {
            Version::Two => https.enable_http2().wrap_connector(tcp),
            Version::Any => https.enable_all_versions().wrap_connector(tcp),
        };
        let mut client = Client::builder(TokioExecutor::new());
        client.timer(TokioTimer::new()).pool_timer(TokioTimer::new());
        client.http2_only(version == Version::Two);
        client.http2_keep_alive_interval(PING).http2_keep_alive_timeout(PING);
        Self(client.build(https))
    }

    /// Posts a body.
    pub(crate) async fn post(
        &self,
        uri: &Uri,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Bytes,
    ) -> Result<Answer, HttpError> {
        let mut request = Request::builder().method(Method::POST).uri(uri);
        if let Some(all) = request.headers_mut() {
            all.extend(headers);
        }
        let request = request.body(Full::new(body)).map_err(|_| HttpError::Request)?;
        let exchange = async {
            let response = self.0.request(request).await.map_err(|error| {
                if error.is_connect() { HttpError::Connect } else { HttpError::Failed }
            })?;
            let status = response.status().as_u16();
            let retry_after = response.headers().get(RETRY_AFTER).and_then(seconds);
            let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
            let body = body.map_err(|_| HttpError::Answer)?.to_bytes();
            Ok(Answer { status, retry_after, body })
        };
        timeout(TIME_LIMIT, exchange).await.map_err(|_| HttpError::Silent)?
    }
}

impl Answer {
    /// A failure that may pass, for a reason besides the status.
    pub(crate) fn later(&self, reason: &str) -> Outcome {
        Outcome::Later { after: self.retry_after, reason: self.reason(reason) }
    }

    /// A refusal, for a reason besides the status.
    pub(crate) fn refused(&self, reason: &str) -> Outcome {
        Outcome::Refused(self.reason(reason))
    }

    fn reason(&self, reason: &str) -> String {
        let reason = &reason[..reason.floor_char_boundary(100)];
        format!("status {} {reason}", self.status).trim_end().to_owned()
    }
}

impl From<HttpError> for Outcome {
    fn from(error: HttpError) -> Self {
        Self::later(error.to_string())
    }
}

/// A wait in seconds; dates are ignored.
fn seconds(value: &HeaderValue) -> Option<Duration> {
    Some(Duration::from_secs(value.to_str().ok()?.trim().parse().ok()?))
}

/// A header value that is not shown in logs.
pub(crate) fn secret(value: &str) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::from_str(value).map_err(|_| HttpError::Request)?;
    value.set_sensitive(true);
    Ok(value)
}
