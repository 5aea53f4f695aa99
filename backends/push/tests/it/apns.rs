//! APNs, over HTTP/2.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use comet_dtalk::message::Device;
use comet_push::vendors::Apns;
use comet_push::{Conversation, Outcome, Push, PushVendor};
use hyper::Version;
use rcgen::{KeyPair, PublicKeyData};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::stub::{Speaks, Stub, is_ahead, push, trust};

const TOKEN: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";

fn apns(url: &str, key: &KeyPair, trust: &comet_push::Trust) -> Apns {
    let key = key.serialize_pem().into();
    Apns::new(url, (&key, "ABC123DEFG".into()), "DEF123GHIJ".into(), "com.example.chat", trust)
        .unwrap()
}

/// Header and claims of a token with a good signature.
fn verified(token: &str, key: &KeyPair) -> (Value, Value) {
    let parts: Vec<&str> = token.split('.').collect();
    let decoded = |at: usize| BASE64_URL_SAFE_NO_PAD.decode(parts[at]).unwrap();
    let signed = token.rsplit_once('.').unwrap().0;
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.der_bytes());
    public.verify(signed.as_bytes(), &decoded(2)).expect("a good signature");
    let json = |at| serde_json::from_slice(&decoded(at)).unwrap();
    assert_eq!(parts.len(), 3);
    (json(0), json(1))
}

#[tokio::test]
async fn a_push_is_a_request_of_http_2_with_a_provider_token() {
    let (stub, trust) = Stub::start_tls().await;
    let key = KeyPair::generate().unwrap();
    let apns = apns(&stub.url, &key, &trust);
    let push = push(Device::Ios, TOKEN);
    assert_eq!(apns.send(std::slice::from_ref(&push)).await, Outcome::Sent);
    let seen = stub.last();
    assert_eq!(
        (seen.version, seen.path.as_str()),
        (Version::HTTP_2, &*format!("/3/device/{TOKEN}"))
    );
    let names = ["apns-topic", "apns-push-type", "apns-priority", "apns-collapse-id"];
    let headers = names.map(|name| seen.header(name));
    assert_eq!(headers, ["com.example.chat", "alert", "10", "1:77"]);
    assert_eq!(seen.header("apns-expiration"), push.expires().to_string());
    let expected = json!({
        "aps": {
            "alert": { "title": "大厅", "body": "You have a new message" },
            "sound": "default",
            "thread-id": "1:77",
        },
        "address": "77",
        "channelType": "1",
    });
    assert_eq!(seen.json(), expected);
    let token = seen.header("authorization").strip_prefix("bearer ").unwrap();
    let (header, claims) = verified(token, &key);
    assert_eq!((&header["alg"], &header["kid"]), (&json!("ES256"), &json!("ABC123DEFG")));
    assert_eq!(claims["iss"], "DEF123GHIJ");
    assert!(is_ahead(claims["iat"].as_u64().unwrap(), 0));

    // It is used again, on the same connection.
    let user = Conversation::User("u".repeat(100));
    apns.send(&[Push { conversation: user, ..push }]).await;
    let again = stub.last();
    assert_eq!(again.header("authorization"), seen.header("authorization"));
    assert_eq!(again.header("apns-collapse-id").len(), 64);
}

#[tokio::test]
async fn answers_say_what_becomes_of_a_push() {
    let stub = Stub::start(Speaks::Http2).await;
    let apns = apns(&stub.url, &KeyPair::generate().unwrap(), &trust());
    let send = async |status, reason: &str| {
        stub.reply(status, &json!({ "reason": reason }).to_string());
        apns.send(&[push(Device::Ios, TOKEN)]).await
    };
    assert_eq!(send(410, "Unregistered").await, Outcome::InvalidToken);
    assert_eq!(send(400, "BadDeviceToken").await, Outcome::InvalidToken);
    let refused = |reason: &str| Outcome::Refused(reason.into());
    assert_eq!(send(400, "BadTopic").await, refused("status 400 BadTopic"));
    assert_eq!(send(403, "InvalidProviderToken").await, refused("status 403 InvalidProviderToken"));
    let later = |reason: &str| Outcome::Later { after: None, reason: reason.into() };
    assert_eq!(send(403, "ExpiredProviderToken").await, later("status 403 ExpiredProviderToken"));
    assert_eq!(send(429, "TooManyRequests").await, later("status 429 TooManyRequests"));
    assert_eq!(send(503, "Shutdown").await, later("status 503 Shutdown"));
    assert_eq!(stub.seen().len(), 7);

    // What cannot be a token leads nowhere.
    let outcome = apns.send(&[push(Device::Ios, "../../x?")]).await;
    assert_eq!((outcome, stub.seen().len()), (Outcome::InvalidToken, 7));
}
