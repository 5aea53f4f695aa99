//! Webhook: pushes as events at an address of the operator's, signed by Standard Webhooks 1.0.0.
//!
//! One request has up to 100 pushes. Each has an id of its own, which is the same if it comes again
//! after a restart; the id of a request is the same when that is repeated.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use comet_dtalk::clock;
use comet_dtalk::message::Device;
use hyper::Uri;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use ring::hmac;
use ring::signature::Ed25519KeyPair;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{VendorError, address};
use crate::date::rfc3339;
use crate::http::{Http, HttpError, Trust, Version, secret};
use crate::push::Push;
use crate::secret::Secret;
use crate::vendor::{Outcome, PushVendor, Sending};

/// Pushes in one request.
const AT_ONCE: usize = 100;
/// Bytes of a symmetric secret.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// An address that takes pushes.
#[derive(Debug)]
pub struct Webhook {
    http: Http,
    uri: Uri,
    signers: Vec<Signer>,
}

/// A secret that signs.
enum Signer {
    /// `v1`
    Symmetric(hmac::Key),
    /// `v1a`
    Asymmetric(Box<Ed25519KeyPair>),
}

impl Webhook {
    /// Posts to `url`. The secret is `whsec_` or `whsk_` and base64; with several, separated by
    /// blanks, each request is signed by all, so that they can be changed one by one.
    ///
    /// # Errors
    ///
    /// [`VendorError::Url`], [`VendorError::Secret`].
    pub fn new(url: &str, secret: &Secret, trust: &Trust) -> Result<Self, VendorError> {
        let signers = signers(secret.expose()).ok_or(VendorError::Secret)?;
        Ok(Self { http: Http::new(trust, Version::Any), uri: address(url)?, signers })
    }

    async fn post(&self, pushes: &[Push]) -> Outcome {
        let now = clock::unix().as_secs();
        let (id, body) = (request_id(pushes), body(pushes).to_string());
        let headers = match headers(&id, now, &sign(&self.signers, &id, now, &body)) {
            Ok(headers) => headers,
            Err(error) => return error.into(),
        };
        match self.http.post(&self.uri, headers, body.into()).await {
            Ok(answer) if (200..300).contains(&answer.status) => Outcome::Sent,
            // Gone for good.
            Ok(answer) if answer.status == 410 => answer.refused("gone"),
            Ok(answer) => answer.later(""),
            Err(error) => error.into(),
        }
    }
}

impl PushVendor for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }

    fn send<'a>(&'a self, pushes: &'a [Push]) -> Sending<'a> {
        Box::pin(self.post(pushes))
    }
}

/// The secrets; `None` if one is not as it should be, or there is none.
fn signers(secrets: &str) -> Option<Vec<Signer>> {
    let signers: Option<Vec<Signer>> = secrets.split_ascii_whitespace().map(signer).collect();
    signers.filter(|signers| !signers.is_empty())
}

fn signer(secret: &str) -> Option<Signer> {
    if let Some(seed) = secret.strip_prefix("whsk_") {
        let bytes = BASE64_STANDARD.decode(seed).ok()?;
        // With or without the public key behind it.
        let seed = bytes.get(..32).filter(|_| matches!(bytes.len(), 32 | 64))?;
        let key = match bytes.get(32..).filter(|public| !public.is_empty()) {
            Some(public) => Ed25519KeyPair::from_seed_and_public_key(seed, public),
            None => Ed25519KeyPair::from_seed_unchecked(seed),
        };
        return Some(Signer::Asymmetric(Box::new(key.ok()?)));
    }
    let bytes = BASE64_STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
    let key = || hmac::Key::new(hmac::HMAC_SHA256, &bytes);
    SECRET_BYTES.contains(&bytes.len()).then(|| Signer::Symmetric(key()))
}

/// The signatures of a request, separated by blanks.
fn sign(signers: &[Signer], id: &str, timestamp: u64, body: &str) -> String {
    let content = format!("{id}.{timestamp}.{body}");
    let signature = |signer: &Signer| match signer {
        Signer::Symmetric(key) => {
            format!("v1,{}", BASE64_STANDARD.encode(hmac::sign(key, content.as_bytes())))
        }
        Signer::Asymmetric(key) => {
            format!("v1a,{}", BASE64_STANDARD.encode(key.sign(content.as_bytes())))
        }
    };
    signers.iter().map(signature).collect::<Vec<_>>().join(" ")
}

fn headers(
    id: &str,
    timestamp: u64,
    signatures: &str,
) -> Result<Vec<(HeaderName, HeaderValue)>, HttpError> {
    let name = HeaderName::from_static;
    Ok(vec![
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (name("webhook-id"), secret(id)?),
        (name("webhook-timestamp"), timestamp.into()),
        (name("webhook-signature"), secret(signatures)?),
    ])
}

/// Id of a push: of a message, for a device.
fn push_id(push: &Push) -> String {
    format!("push_{}_{}_{}", push.message, push.user, push.login)
}

/// Id of a request.
fn request_id(pushes: &[Push]) -> String {
    let mut hash = Sha256::new();
    for push in pushes {
        hash.update(push_id(push));
        hash.update([0]);
    }
    format!("msg_{}", base16ct::lower::encode_string(&hash.finalize()[..16]))
}

fn body(pushes: &[Push]) -> Value {
    let push = |push: &Push| {
        json!({
            "id": push_id(push),
            "user": push.user,
            "device": if push.device == Device::Ios { "ios" } else { "android" },
            "token": push.token.get(),
            "title": push.title,
            "text": &*push.text,
            "channelType": push.conversation.channel() as i32,
            "address": push.conversation.address(),
            "collapseId": push.conversation.collapse_id(),
            "from": push.from,
            "logId": push.message.to_string(),
            "count": push.count,
            "expires": push.expires(),
        })
    };
    json!({
        "type": "push.due",
        "timestamp": rfc3339(clock::unix().as_secs()),
        "data": { "pushes": pushes.iter().map(push).collect::<Vec<_>>() },
    })
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Symmetric(_) => "v1",
            Self::Asymmetric(_) => "v1a",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
    const PRIVATE: &str = "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DoQe/\
                           884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA==";
    const BODY: &str =
        r#"{"type":"order.updated","timestamp":"2025-04-23T01:02:03Z","data":{"id":"1001"}}"#;
    const SIGNATURE: &str = "v1,Wk6oUO+pGQ5noM4YqajypC5LvWRhKmECXezeH+BJA6Q=";

    #[test]
    fn signatures_are_those_of_the_specification() {
        let official = signers("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let (id, body) = (
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            r#"{"email":"test@example.com","username":"test_user"}"#,
        );
        assert_eq!(
            sign(&official, id, 1_649_367_553, body),
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
        );
        assert_eq!(sign(&signers(OWN).unwrap(), "msg_0001", 1_745_370_123, BODY), SIGNATURE);
    }

    #[test]
    fn several_secrets_sign_each() {
        let both = signers(&format!(" {OWN}  {PRIVATE}\n")).unwrap();
        let asymmetric = "v1a,L+Q+kZ1pKbGuFrk/tl/zYaGwZileoAchqq+xqXibFmkW1wF2qrFMV9Kgk4fVQDnQoo\
                          LHMJzqAol63PilAz1jBw==";
        let signed = sign(&both, "msg_0001", 1_745_370_123, BODY);
        assert_eq!(signed, format!("{SIGNATURE} {asymmetric}"));
        let seed = "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        assert_eq!(sign(&signers(seed).unwrap(), "msg_0001", 1_745_370_123, BODY), asymmetric);
    }

    #[test]
    fn other_secrets_are_refused() {
        let short = "whsec_AQID";
        let mismatched = PRIVATE.replace("884Q", "984Q");
        for bad in
            ["", " ", "AQID", short, "whsec_!", "whsk_AQID", &mismatched, &format!("{OWN} x")]
        {
            assert!(signers(bad).is_none(), "{bad}");
        }
    }
}
