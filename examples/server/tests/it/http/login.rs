//! The user of a token, and the rule for phones that reconnect.

use comet_dtalk::clock::unix_ms;
use comet_dtalk::message::Device;
use comet_server_testkit::client::Transport;
use comet_server_testkit::http::{Answer, request};
use comet_server_testkit::person::{Person, device, phone};
use comet_server_testkit::server::Server;
use serde_json::json;

fn login(server: &Server, person: &Person, kind: &str, uuid: &str, body: &str) -> Answer {
    let token = person.token();
    let headers = [("FZM-SIGNATURE", &*token), ("FZM-DEVICE", kind), ("FZM-UUID", uuid)];
    request(server.addresses.http, "POST", "/user/login", &headers, body.as_bytes())
}

#[test]
fn a_good_token_gets_its_address() {
    let server = Server::start();
    let alice = Person::new("dtalk acceptance test key 1");
    let expected = json!({ "address": "1GF6dwaZwSFFtNtLTLGm81vJfWkB9FEo5" });
    for body in ["", "{}", r#"{"connType":0}"#, r#"{"connType":1}"#] {
        assert_eq!(server.post("/user/login", Some(&alice), body).data(), expected);
        assert_eq!(login(&server, &alice, "Android", "any", body).data(), expected);
    }
    for body in [r#"{"connType":2}"#, r#"{"connType":"one"}"#] {
        assert_eq!(server.post("/user/login", Some(&alice), body).code(), -1012);
    }
}

#[test]
fn a_phone_that_reconnects_is_told_of_the_newer_one() {
    let server = Server::start();
    let alice = Person::new("alice");
    let before = unix_ms();
    drop(server.client(Transport::Tcp, &alice, Some(&phone("old"))));
    drop(server.client(Transport::Tcp, &alice, Some(&device(Device::Ios, "new"))));

    let again = r#"{"connType":1}"#;
    let (result, mut data) = login(&server, &alice, "Android", "old", again).envelope();
    assert_eq!(result, -1016);
    let datetime = data["message"]["datetime"].take().as_u64().expect("milliseconds");
    assert!((before..=unix_ms()).contains(&datetime));
    assert!(data["service"].is_string());
    assert_eq!(data["code"], -1016);
    let newer =
        json!({ "uuid": "new", "device": 1, "deviceName": "name of new", "datetime": null });
    assert_eq!(data["message"], newer);

    let address = json!({ "address": alice.uid });
    assert_eq!(login(&server, &alice, "Android", "old", "").data(), address, "by hand");
    assert_eq!(login(&server, &alice, "IOS", "new", again).data(), address, "the newest");
    assert_eq!(login(&server, &alice, "Web", "old", again).data(), address, "no phone");
    let another = Person::new("bob");
    let address = json!({ "address": another.uid });
    assert_eq!(login(&server, &another, "Android", "old", again).data(), address);
}
