//! FCM, the HTTP v1 interface: HTTP/2, one request for each device, with an access token that is
//! had for a token signed by RS256.

use comet_dtalk::clock;
use comet_dtalk::message::Device;
use hyper::Uri;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{VendorError, address, base};
use crate::http::{Answer, Http, Trust, Version, secret};
use crate::jwt::Signer;
use crate::push::Push;
use crate::secret::Secret;
use crate::vendor::{Outcome, PushVendor, Sending};

/// Right to send messages.
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// Validity of what is signed, in seconds; the longest that is taken.
const VALID: u64 = 3_600;
/// Time before the end of an access token at which another is had, in seconds.
const EARLY: u64 = 60;
/// Characters of a form that need no escape, besides letters and digits.
const PLAIN: &[u8] = b"-._~";

/// FCM, for one project.
#[derive(Debug)]
pub struct Fcm {
    http: Http,
    uri: Uri,
    account: Account,
    access: Mutex<Option<Access>>,
}

/// Service account.
#[derive(Debug)]
struct Account {
    email: String,
    key: Signer,
    key_id: String,
    /// Address of the service that issues access tokens.
    tokens: Uri,
}

/// Access token, good until so many Unix seconds.
#[derive(Clone, Debug)]
struct Access {
    token: Secret,
    until: u64,
}

/// File of a service account, as Google gives it out.
#[derive(Deserialize)]
struct File {
    project_id: String,
    private_key_id: String,
    private_key: String,
    client_email: String,
    token_uri: String,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
}

#[derive(Default, Deserialize)]
struct Failed {
    #[serde(default)]
    error: Failure,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    status: String,
    details: Vec<Detail>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail {
    error_code: String,
}

impl Fcm {
    /// Address of Google.
    pub const URL: &str = "https://fcm.googleapis.com";

    /// The project of a service account, whose file in JSON this is.
    ///
    /// # Errors
    ///
    /// [`VendorError::Url`], [`VendorError::Account`], [`VendorError::Key`].
    pub fn new(url: &str, account: &Secret, trust: &Trust) -> Result<Self, VendorError> {
        let file: File =
            serde_json::from_str(account.expose()).map_err(|_| VendorError::Account)?;
        let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"-.:".contains(&c);
        if file.project_id.is_empty() || !file.project_id.bytes().all(is_plain) {
            return Err(VendorError::Account);
        }
        let uri = format!("{}/v1/projects/{}/messages:send", base(url)?, file.project_id);
        let account = Account {
            email: file.client_email,
            key: Signer::rs256(&file.private_key).map_err(|_| VendorError::Key)?,
            key_id: file.private_key_id,
            tokens: address(&file.token_uri)?,
        };
        let (http, access) = (Http::new(trust, Version::Two), Mutex::new(None));
        Ok(Self { http, uri: address(&uri)?, account, access })
    }

    async fn post(&self, push: &Push) -> Outcome {
        let now = clock::unix();
        let access = match self.access(now.as_secs()).await {
            Ok(access) => access,
            Err(outcome) => return outcome,
        };
        let Ok(bearer) = secret(&format!("Bearer {}", access.token.expose())) else {
            return Outcome::later("unusable access token");
        };
        let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let headers = vec![(AUTHORIZATION, bearer), json];
        let body = body(push, now.as_secs()).to_string();
        let answer = match self.http.post(&self.uri, headers, body.into()).await {
            Ok(answer) if answer.status == 200 => return Outcome::Sent,
            Ok(answer) => answer,
            Err(error) => return error.into(),
        };
        if answer.status == 401 {
            let mut kept = self.access.lock().await;
            if kept.as_ref().is_some_and(|kept| kept.token == access.token) {
                *kept = None;
            }
        }
        failed(&answer)
    }

    /// The access token at `now`, Unix seconds. One request at a time has it renewed.
    async fn access(&self, now: u64) -> Result<Access, Outcome> {
        let mut kept = self.access.lock().await;
        if let Some(access) = kept.as_ref().filter(|access| now + EARLY < access.until) {
            return Ok(access.clone());
        }
        let form = self.account.form(now).ok_or_else(|| Outcome::later("nothing signed"))?;
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        let asked = self.http.post(&self.account.tokens, vec![(CONTENT_TYPE, kind)], form.into());
        let answer = asked.await.map_err(Outcome::from)?;
        if answer.status != 200 {
            return Err(answer.later("instead of an access token"));
        }
        let granted: Granted = serde_json::from_slice(&answer.body)
            .map_err(|_| answer.later("without an access token"))?;
        let until = now.saturating_add(granted.expires_in);
        let access = Access { token: granted.access_token.into(), until };
        *kept = Some(access.clone());
        Ok(access)
    }
}

impl Account {
    /// Request for an access token.
    fn form(&self, now: u64) -> Option<String> {
        let claims = json!({
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.tokens.to_string(),
            "iat": now,
            "exp": now + VALID,
        });
        let grant = escaped("urn:ietf:params:oauth:grant-type:jwt-bearer");
        let signed = self.key.token(&self.key_id, &claims)?;
        Some(format!("grant_type={grant}&assertion={}", escaped(&signed)))
    }
}

impl PushVendor for Fcm {
    fn name(&self) -> &'static str {
        "fcm"
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

/// A device shows one push of a conversation, by its tag. Collapse keys are not used on Android: of
/// more than four for one device, FCM keeps any four.
fn body(push: &Push, now: u64) -> Value {
    let tag = push.conversation.collapse_id();
    let mut message = json!({
        "token": push.token.get(),
        "notification": { "title": push.title, "body": &*push.text },
        "data": {
            "address": push.conversation.address(),
            "channelType": (push.conversation.channel() as i32).to_string(),
        },
    });
    if push.device == Device::Ios {
        message["apns"] = json!({
            "headers": {
                "apns-collapse-id": tag,
                "apns-expiration": push.expires().to_string(),
                "apns-priority": "10",
            },
            "payload": { "aps": { "sound": "default", "thread-id": tag } },
        });
    } else {
        message["android"] = json!({
            "priority": "HIGH",
            "ttl": format!("{}s", push.expires().saturating_sub(now)),
            "notification": { "tag": tag, "sound": "default" },
        });
    }
    json!({ "message": message })
}

fn failed(answer: &Answer) -> Outcome {
    let Failed { error } = serde_json::from_slice(&answer.body).unwrap_or_default();
    let code = error.details.iter().map(|detail| &*detail.error_code).find(|it| !it.is_empty());
    let code = code.unwrap_or(&error.status);
    match (answer.status, code) {
        (404, "UNREGISTERED") | (403, "SENDER_ID_MISMATCH") => Outcome::InvalidToken,
        (401 | 429 | 500..=599, _) => answer.later(code),
        _ => answer.refused(code),
    }
}

/// Value of a form.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || PLAIN.contains(&byte);
    let escape =
        |byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_form_are_escaped() {
        assert_eq!(escaped("a-B_9.~:/ü"), "a-B_9.~%3A%2F%C3%BC");
    }

    #[test]
    fn a_file_that_is_no_service_account_is_refused() {
        let trust = Trust::load(None).unwrap();
        let new = |json: Value| {
            Fcm::new(Fcm::URL, &json.to_string().into(), &trust).map(|_| ()).unwrap_err()
        };
        let account = json!({
            "project_id": "demo", "private_key_id": "k", "private_key": "x",
            "client_email": "e", "token_uri": "https://oauth2.googleapis.com/token",
        });
        assert_eq!(new(json!({})), VendorError::Account);
        assert_eq!(new(account.clone()), VendorError::Key);
        let mut elsewhere = account;
        elsewhere["project_id"] = "../x".into();
        assert_eq!(new(elsewhere), VendorError::Account);
    }
}
