//! FCM HTTP v1, over HTTP/2.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use comet_dtalk::message::Device;
use comet_push::vendors::Fcm;
use comet_push::{Outcome, PushVendor};
use hyper::Version;
use ring::rsa;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::stub::{Seen, Speaks, Stub, is_ahead, push, trust};

/// Made for these tests, and of no account.
const KEY: &str = include_str!("../data/service-account-key.pem");

fn fcm(stub: &Stub) -> Fcm {
    let account = json!({
        "type": "service_account",
        "project_id": "demo-1",
        "private_key_id": "key-1",
        "private_key": KEY,
        "client_email": "push@demo-1.iam.example",
        "token_uri": format!("{}/token", stub.url),
    });
    Fcm::new(&stub.url, &account.to_string().into(), &trust()).unwrap()
}

fn grants(stub: &Stub, token: &str, seconds: u64) {
    let granted = json!({ "access_token": token, "expires_in": seconds, "token_type": "Bearer" });
    stub.reply(200, &granted.to_string());
}

/// The claims of a request for an access token, whose signature is good.
fn claims(seen: &Seen, stub: &Stub) -> Value {
    assert_eq!((seen.version, &*seen.path), (Version::HTTP_2, "/token"));
    assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    let token = seen.body.strip_prefix(grant).expect("the grant");
    let parts: Vec<&str> = token.split('.').collect();
    let decoded = |at: usize| BASE64_URL_SAFE_NO_PAD.decode(parts[at]).unwrap();
    let key = PrivatePkcs8KeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let key = rsa::KeyPair::from_pkcs8(key.secret_pkcs8_der()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public().as_ref());
    let signed = token.rsplit_once('.').unwrap().0;
    public.verify(signed.as_bytes(), &decoded(2)).expect("a good signature");
    let header: Value = serde_json::from_slice(&decoded(0)).unwrap();
    assert_eq!(header, json!({ "alg": "RS256", "kid": "key-1", "typ": "JWT" }));
    let claims: Value = serde_json::from_slice(&decoded(1)).unwrap();
    assert_eq!(claims["aud"], format!("{}/token", stub.url));
    claims
}

#[tokio::test]
async fn a_push_is_a_message_with_an_access_token() {
    let stub = Stub::start(Speaks::Http2).await;
    let fcm = fcm(&stub);
    grants(&stub, "access-1", 3_599);
    assert_eq!(fcm.send(&[push(Device::Android, "t:1")]).await, Outcome::Sent);
    let [asked, sent] = &stub.seen()[..] else { panic!("two requests") };
    let claims = claims(asked, &stub);
    assert_eq!(claims["iss"], "push@demo-1.iam.example");
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/firebase.messaging");
    assert!(is_ahead(claims["exp"].as_u64().unwrap(), 3_600));

    assert_eq!((sent.version, &*sent.path), (Version::HTTP_2, "/v1/projects/demo-1/messages:send"));
    assert_eq!(sent.header("authorization"), "Bearer access-1");
    let message = sent.json()["message"].clone();
    let ttl = message["android"]["ttl"].as_str().unwrap().strip_suffix('s').unwrap().to_owned();
    assert!((95..=100).contains(&ttl.parse().unwrap()), "{ttl}");
    let expected = json!({
        "token": "t:1",
        "notification": { "title": "大厅", "body": "You have a new message" },
        "data": { "address": "77", "channelType": "1" },
        "android": {
            "priority": "HIGH",
            "ttl": format!("{ttl}s"),
            "notification": { "tag": "1:77", "sound": "default" },
        },
    });
    assert_eq!(message, expected);

    // The access token serves for as long as it is good.
    fcm.send(&[push(Device::Ios, "t:2")]).await;
    assert_eq!(stub.seen().len(), 3);
    let apns = stub.last().json()["message"]["apns"].clone();
    assert_eq!(apns["headers"]["apns-collapse-id"], "1:77");
}

#[tokio::test]
async fn an_access_token_is_renewed_before_its_end_and_when_it_is_refused() {
    let stub = Stub::start(Speaks::Http2).await;
    let fcm = fcm(&stub);
    let send = async || fcm.send(&[push(Device::Android, "t")]).await;
    grants(&stub, "short", 60);
    assert_eq!(send().await, Outcome::Sent);
    grants(&stub, "long", 3_600);
    assert_eq!(send().await, Outcome::Sent);
    assert_eq!(stub.last().header("authorization"), "Bearer long");
    stub.reply(401, r#"{"error":{"code":401,"status":"UNAUTHENTICATED"}}"#);
    let reason = "status 401 UNAUTHENTICATED".to_owned();
    assert_eq!(send().await, Outcome::Later { after: None, reason });
    stub.reply(400, r#"{"error":"invalid_grant"}"#);
    let reason = "status 400 instead of an access token".to_owned();
    assert_eq!(send().await, Outcome::Later { after: None, reason });
    grants(&stub, "new", 3_600);
    assert_eq!(send().await, Outcome::Sent);
    assert_eq!(stub.last().header("authorization"), "Bearer new");
}

#[tokio::test]
async fn answers_say_what_becomes_of_a_push() {
    let stub = Stub::start(Speaks::Http2).await;
    let fcm = fcm(&stub);
    grants(&stub, "access", 3_600);
    assert_eq!(fcm.send(&[push(Device::Android, "t")]).await, Outcome::Sent);
    let send = async |status: u16, name: &str, code: &str| {
        let kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError";
        let details = [json!({ "@type": kind, "errorCode": code })];
        let error = json!({ "code": status, "message": "m", "status": name, "details": details });
        stub.reply(status, &json!({ "error": error }).to_string());
        fcm.send(&[push(Device::Android, "t")]).await
    };
    assert_eq!(send(404, "NOT_FOUND", "UNREGISTERED").await, Outcome::InvalidToken);
    let refused = |reason: &str| Outcome::Refused(reason.into());
    // A wrong project is not the fault of the token.
    assert_eq!(send(404, "NOT_FOUND", "").await, refused("status 404 NOT_FOUND"));
    let invalid = send(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT").await;
    assert_eq!(invalid, refused("status 400 INVALID_ARGUMENT"));
    let later = |reason: &str| Outcome::Later { after: None, reason: reason.into() };
    let quota = send(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED").await;
    assert_eq!(quota, later("status 429 QUOTA_EXCEEDED"));
    assert_eq!(send(503, "UNAVAILABLE", "UNAVAILABLE").await, later("status 503 UNAVAILABLE"));
}
