//! Umeng, over HTTP/1.1.

use comet_dtalk::message::Device;
use comet_push::vendors::Umeng;
use comet_push::{Outcome, PushVendor};
use hyper::Version;
use serde_json::Value;

use crate::stub::{Speaks, Stub, is_ahead, push, trust};

fn umeng(stub: &Stub) -> Umeng {
    let keys = ("demoAppKey".into(), "demoMasterSecret".into());
    Umeng::new(&stub.url, keys, "com.example.MiActivity".into(), true, &trust()).unwrap()
}

#[tokio::test]
async fn a_push_is_one_signed_request() {
    let stub = Stub::start(Speaks::Http1).await;
    stub.reply(200, r#"{"ret":"SUCCESS","data":{"msg_id":"uu1"}}"#);
    assert_eq!(umeng(&stub).send(&[push(Device::Android, "t-1")]).await, Outcome::Sent);
    let seen = stub.last();
    assert_eq!((seen.version, seen.header("content-type")), (Version::HTTP_11, "application/json"));
    let sign = seen.path.strip_prefix("/api/send?sign=").unwrap();
    assert!(sign.len() == 32 && sign.bytes().all(|c| c.is_ascii_hexdigit()), "{sign}");
    let body = seen.json();
    assert_eq!(body["device_tokens"], "t-1");
    assert_eq!(body["production_mode"], true);
    assert_eq!(body["payload"]["body"]["title"], "大厅");
    assert_eq!(body["payload"]["extra"]["address"], "77");
    let now = body["timestamp"].as_str().unwrap().parse().unwrap();
    assert!(is_ahead(now, 0), "{now}");
}

#[tokio::test]
async fn a_failure_inside_of_an_answer_that_is_fine_is_a_failure() {
    let stub = Stub::start(Speaks::Http1).await;
    let umeng = umeng(&stub);
    let send = async |status, body: &str| {
        stub.reply(status, body);
        umeng.send(&[push(Device::Ios, "t-1")]).await
    };
    let failed = r#"{"ret":"FAIL","data":{"error_code":"2027","error_msg":"t-1 is bad"}}"#;
    let refused = |reason: &str| Outcome::Refused(reason.into());
    assert_eq!(send(200, failed).await, refused("status 200 FAIL 2027"));
    assert_eq!(send(400, failed).await, refused("status 400 FAIL 2027"));
    assert_eq!(send(200, "hello").await, refused("status 200 without a result"));
    let later = |reason: &str| Outcome::Later { after: None, reason: reason.into() };
    assert_eq!(send(502, "<html>").await, later("status 502"));
    let body: Value = stub.last().json();
    assert_eq!(body["payload"]["aps"]["alert"]["title"], "大厅");
}
