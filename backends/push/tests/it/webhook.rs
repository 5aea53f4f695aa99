//! Webhooks, over HTTP/1.1 and HTTP/2 with TLS.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use comet_dtalk::message::Device;
use comet_push::vendors::Webhook;
use comet_push::{Outcome, Push, PushVendor};
use hyper::Version;
use ring::hmac;
use serde_json::json;

use crate::stub::{Seen, Speaks, Stub, is_ahead, push, trust};

const SECRET: &str = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

/// As receivers verify it.
fn verify(seen: &Seen) {
    let key = BASE64_STANDARD.decode(&SECRET[6..]).unwrap();
    let (id, timestamp) = (seen.header("webhook-id"), seen.header("webhook-timestamp"));
    assert!(is_ahead(timestamp.parse().unwrap(), 0));
    let signed = format!("{id}.{timestamp}.{}", seen.body);
    let signature = seen.header("webhook-signature").strip_prefix("v1,").unwrap();
    let signature = BASE64_STANDARD.decode(signature).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    hmac::verify(&key, signed.as_bytes(), &signature).expect("a good signature");
}

#[tokio::test]
async fn one_signed_request_has_many_pushes() {
    let (stub, trust) = Stub::start_tls().await;
    let url = format!("{}/pushes?key=k", stub.url);
    let webhook = Webhook::new(&url, &SECRET.into(), &trust).unwrap();
    assert_eq!(webhook.at_once(), 100);
    let ios = Push { message: 1_002, ..push(Device::Ios, "t-2") };
    let pushes = [push(Device::Android, "t-1"), ios];
    stub.reply(204, "");
    assert_eq!(webhook.send(&pushes).await, Outcome::Sent);
    let seen = stub.last();
    verify(&seen);
    assert_eq!((seen.version, &*seen.path), (Version::HTTP_2, "/pushes?key=k"));
    assert_eq!(seen.header("content-type"), "application/json");
    let body = seen.json();
    assert_eq!(body["type"], "push.due");
    let expected = json!({
        "id": "push_1001_bob_3",
        "user": "bob",
        "device": "android",
        "token": "t-1",
        "title": "大厅",
        "text": "You have a new message",
        "channelType": 1,
        "address": "77",
        "collapseId": "1:77",
        "from": "alice",
        "logId": "1001",
        "count": 2,
        "expires": pushes[0].expires(),
    });
    assert_eq!(body["data"]["pushes"][0], expected);
    assert_eq!(body["data"]["pushes"][1]["device"], "ios");
    assert_eq!(body["data"]["pushes"].as_array().unwrap().len(), 2);

    // A repeat is known by its id.
    webhook.send(&pushes).await;
    let again = stub.last();
    assert_eq!(again.header("webhook-id"), seen.header("webhook-id"));
    webhook.send(&pushes[..1]).await;
    assert_ne!(stub.last().header("webhook-id"), seen.header("webhook-id"));
}

#[tokio::test]
async fn answers_say_what_becomes_of_a_push_and_redirects_are_not_followed() {
    let stub = Stub::start(Speaks::Http1).await;
    let webhook = Webhook::new(&stub.url, &SECRET.into(), &trust()).unwrap();
    let send = async |status, header| {
        stub.reply_with((status, header, String::new()));
        webhook.send(&[push(Device::Android, "t-1")]).await
    };
    assert_eq!(send(200, None).await, Outcome::Sent);
    verify(&stub.last());
    let later = |after, status| Outcome::Later { after, reason: format!("status {status}") };
    let other = Stub::start(Speaks::Http1).await;
    let redirect = send(307, Some(("location", other.url.clone()))).await;
    assert_eq!((redirect, other.seen().len()), (later(None, 307), 0));
    let wait = Some(("retry-after", "7".to_owned()));
    assert_eq!(send(429, wait).await, later(Some(Duration::from_secs(7)), 429));
    assert_eq!(send(400, None).await, later(None, 400));
    assert_eq!(send(410, None).await, Outcome::Refused("status 410 gone".into()));
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_gets_nothing() {
    let (stub, _) = Stub::start_tls().await;
    let webhook = Webhook::new(&stub.url, &SECRET.into(), &trust()).unwrap();
    let outcome = webhook.send(&[push(Device::Android, "t-1")]).await;
    assert_eq!(outcome, Outcome::Later { after: None, reason: "cannot connect".into() });
    assert!(stub.seen().is_empty());
}
