//! Vendors.
//!
//! Their secrets are in no log and no `Debug`. They keep connections, speak to the one address that
//! they are given, and follow no redirect.

mod apns;
mod fcm;
mod log;
mod umeng;
mod webhook;

use hyper::Uri;

pub use apns::Apns;
pub use fcm::Fcm;
pub use log::Log;
pub use umeng::Umeng;
pub use webhook::Webhook;

/// Reason why a vendor cannot be used as it is configured.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VendorError {
    /// The address is no URL of http or https.
    #[error("the address is no URL of http or https")]
    Url,
    /// The key is not of the kind that the vendor wants, in PKCS #8 and PEM.
    #[error("the key is not of the kind that the vendor wants, in PKCS #8 and PEM")]
    Key,
    /// The secret has none of the forms that are defined.
    #[error("the secret must be one or several of whsec_ or whsk_ and base64")]
    Secret,
    /// The file of the service account is not what the vendor gives out.
    #[error("the file of the service account has no project, key or address")]
    Account,
    /// Something that the vendor needs is empty.
    #[error("{0} is missing")]
    Missing(&'static str),
}

/// An address of http or https, without a slash at the end.
fn base(url: &str) -> Result<String, VendorError> {
    let url = url.trim_end_matches('/');
    address(url)?;
    Ok(url.to_owned())
}

/// An address of http or https.
fn address(url: &str) -> Result<Uri, VendorError> {
    let uri: Uri = url.parse().map_err(|_| VendorError::Url)?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    if is_http && uri.host().is_some_and(|host| !host.is_empty()) {
        Ok(uri)
    } else {
        Err(VendorError::Url)
    }
}

/// The text, unless it is empty.
fn given(text: String, name: &'static str) -> Result<String, VendorError> {
    if text.is_empty() { Err(VendorError::Missing(name)) } else { Ok(text) }
}
