//! APNs: HTTP/2, one request for each device, with a provider token signed by ES256.

use comet_dtalk::clock;
use hyper::Uri;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{VendorError, address, base, given};
use crate::http::{Answer, Http, HttpError, Trust, Version, secret};
use crate::jwt::Signer;
use crate::push::Push;
use crate::secret::Secret;
use crate::vendor::{Outcome, PushVendor, Sending};

/// Age of a provider token at which another is made, in seconds: APNs takes none older than an
/// hour.
const RENEW: u64 = 40 * 60;
/// Age below which none is made: APNs wants them to be used for 20 minutes.
const KEEP: u64 = 20 * 60;

/// APNs, for one app.
#[derive(Debug)]
pub struct Apns {
    http: Http,
    base: String,
    provider: Provider,
    /// Bundle id of the app.
    topic: HeaderValue,
}

/// Account at APNs, and its present token.
#[derive(Debug)]
struct Provider {
    key: Signer,
    key_id: String,
    team_id: String,
    token: Mutex<Option<Issued>>,
}

/// Token, and the time at which it was signed in Unix seconds.
#[derive(Clone)]
struct Issued {
    token: Secret,
    at: u64,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued").field("at", &self.at).finish_non_exhaustive()
    }
}

#[derive(Default, Deserialize)]
struct Failure {
    #[serde(default)]
    reason: String,
}

impl Apns {
    /// Address of production.
    pub const URL: &str = "https://api.push.apple.com";

    /// The app `topic` of a team, with the key of this id, in PKCS #8 and PEM.
    ///
    /// # Errors
    ///
    /// [`VendorError::Url`], [`VendorError::Key`], [`VendorError::Missing`].
    pub fn new(
        url: &str,
        (key, key_id): (&Secret, String),
        team_id: String,
        topic: &str,
        trust: &Trust,
    ) -> Result<Self, VendorError> {
        let key = Signer::es256(key.expose()).map_err(|_| VendorError::Key)?;
        let (key_id, team_id) = (given(key_id, "key_id")?, given(team_id, "team_id")?);
        let topic = HeaderValue::from_str(topic).ok().filter(|topic| !topic.is_empty());
        let topic = topic.ok_or(VendorError::Missing("topic"))?;
        let provider = Provider { key, key_id, team_id, token: Mutex::new(None) };
        Ok(Self { http: Http::new(trust, Version::Two), base: base(url)?, provider, topic })
    }

    async fn post(&self, push: &Push) -> Outcome {
        // Tokens are hexadecimal: anything else would lead to another path.
        let token = push.token.get();
        if !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Outcome::InvalidToken;
        }
        let Ok(uri) = self.uri(token) else { return Outcome::InvalidToken };
        let now = clock::unix().as_secs();
        let Some(issued) = self.provider.token(now) else {
            return Outcome::later("no provider token");
        };
        let headers = match self.headers(push, &issued) {
            Ok(headers) => headers,
            Err(error) => return error.into(),
        };
        match self.http.post(&uri, headers, body(push).to_string().into()).await {
            Ok(answer) if answer.status == 200 => Outcome::Sent,
            Ok(answer) => self.failed(&answer, &issued),
            Err(error) => error.into(),
        }
    }

    fn uri(&self, token: &str) -> Result<Uri, VendorError> {
        address(&format!("{}/3/device/{token}", self.base))
    }

    fn headers(
        &self,
        push: &Push,
        issued: &Issued,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, HttpError> {
        let name = HeaderName::from_static;
        Ok(vec![
            (AUTHORIZATION, secret(&format!("bearer {}", issued.token.expose()))?),
            (name("apns-topic"), self.topic.clone()),
            (name("apns-push-type"), HeaderValue::from_static("alert")),
            (name("apns-priority"), HeaderValue::from_static("10")),
            (name("apns-expiration"), push.expires().into()),
            (name("apns-collapse-id"), secret(&push.conversation.collapse_id())?),
        ])
    }

    fn failed(&self, answer: &Answer, issued: &Issued) -> Outcome {
        let failure: Failure = serde_json::from_slice(&answer.body).unwrap_or_default();
        let reason = &*failure.reason;
        match (answer.status, reason) {
            (410, _) | (400, "BadDeviceToken" | "DeviceTokenNotForTopic") => Outcome::InvalidToken,
            (403, "ExpiredProviderToken") => {
                self.provider.expire(issued);
                answer.later(reason)
            }
            (429 | 500..=599, _) => answer.later(reason),
            _ => answer.refused(reason),
        }
    }
}

impl PushVendor for Apns {
    fn name(&self) -> &'static str {
        "apns"
    }

    fn send<'a>(&'a self, pushes: &'a [Push]) -> Sending<'a> {
        Box::pin(async {
            match pushes.first() {
                Some(push) => self.post(push).await,
                None => Outcome::Sent,
            }
        })
    }
}

impl Provider {
    /// The present token at `now`, Unix seconds. A clock that was set back makes another.
    fn token(&self, now: u64) -> Option<Issued> {
        let mut kept = self.token.lock();
        if let Some(issued) = &*kept
            && (issued.at..issued.at + RENEW).contains(&now)
        {
            return Some(issued.clone());
        }
        let claims = json!({ "iss": self.team_id, "iat": now });
        let token = Secret::from(self.key.token(&self.key_id, &claims)?);
        *kept = Some(Issued { token, at: now });
        kept.clone()
    }

    /// Makes another token next time, unless that has happened, or this one is young.
    fn expire(&self, issued: &Issued) {
        let mut kept = self.token.lock();
        let is_old = clock::unix().as_secs().saturating_sub(issued.at) >= KEEP;
        if is_old && kept.as_ref().is_some_and(|kept| kept.at == issued.at) {
            *kept = None;
        }
    }
}

fn body(push: &Push) -> Value {
    json!({
        "aps": {
            "alert": { "title": push.title, "body": &*push.text },
            "sound": "default",
            "thread-id": push.conversation.collapse_id(),
        },
        "address": push.conversation.address(),
        "channelType": (push.conversation.channel() as i32).to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider() -> Provider {
        let pair = rcgen::KeyPair::generate().unwrap();
        let key = Signer::es256(&pair.serialize_pem()).unwrap();
        Provider { key, key_id: "K".into(), team_id: "T".into(), token: Mutex::new(None) }
    }

    #[test]
    fn a_provider_token_is_used_for_a_while() {
        let provider = provider();
        let at = |now| provider.token(now).unwrap().at;
        let start = 1_745_370_000;
        assert_eq!([start, start + 2_399].map(at), [start; 2]);
        assert_eq!([start + 2_400, start + 2_401].map(at), [start + 2_400; 2]);
        assert_eq!(at(5), 5, "the clock was set back");
    }

    #[test]
    fn a_token_that_is_called_expired_is_not_made_anew_at_once() {
        let provider = provider();
        let now = clock::unix().as_secs();
        let young = provider.token(now).unwrap();
        provider.expire(&young);
        assert_eq!(provider.token(now + 1).unwrap().at, now);
        let old = Issued { at: now - KEEP, ..young };
        *provider.token.lock() = Some(old.clone());
        provider.expire(&old);
        assert_eq!(provider.token(now).unwrap().at, now);
    }
}
