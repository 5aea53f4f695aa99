//! The demo's group: its members are the users signed in by name.

use comet_server_testkit::client::{Client, Transport, auth};
use comet_server_testkit::http;
use comet_server_testkit::message::{Delivered, to_group};
use comet_server_testkit::person::{Person, browser};
use comet_server_testkit::server::Server;
use comet_testkit::frame::{AUTH_REPLY, frame};
use serde_json::json;

const ROOM: i64 = 1;

/// A user known by name only, as on the web chat page.
struct Guest {
    address: String,
    token: String,
}

fn sign_in(server: &Server, name: &str) -> Guest {
    let data = server.post("/demo/login", None, &json!({ "name": name }).to_string()).data();
    assert_eq!(data["room"], ROOM.to_string());
    let text = |field: &str| data[field].as_str().expect("a text").to_owned();
    Guest { address: text("address"), token: text("token") }
}

fn connect(server: &Server, transport: Transport, guest: &Guest) -> Client {
    let mut client = Client::connect(transport, &server.addresses);
    let device = browser(&format!("b-{transport:?}"));
    client.send(&auth(0, &guest.token, Some(&device)));
    assert_eq!(client.receive(), frame(AUTH_REPLY, 0, ""));
    client
}

#[test]
fn everybody_in_the_room_gets_its_messages_and_nobody_else() {
    let server = Server::start();
    let [anna, ben, cleo] = ["anna", "ben", "cleo"].map(|name| sign_in(&server, name));
    let mut sender = connect(&server, Transport::HttpPort, &anna);
    let mut others =
        [(Transport::Tcp, &ben), (Transport::WebSocket, &ben), (Transport::Tcp, &anna)]
            .map(|(transport, guest)| connect(&server, transport, guest));
    // The second connections of anna and ben are announced to the first ones.
    sender.takes(0);
    others[0].takes(0);
    let mut stranger = server.client(Transport::Tcp, &Person::new("a stranger"), None);
    stranger.post(&to_group(ROOM, "m-1", "let me in"));
    stranger.beat();

    for number in 1..=2 {
        let common = to_group(ROOM, &format!("m-{number}"), "hi all");
        let answer = sender.ask(&common);
        for client in others.iter_mut().chain([&mut sender]) {
            let got = client.takes(number).message();
            assert_eq!((got.log_id, got.datetime), (answer.log_id, answer.datetime));
            assert_eq!((got.channel_type, &*got.target, &got.from), (1, "1", &anna.address));
            assert_eq!(got.msg, "hi all");
        }
        // A repeat is answered and not delivered.
        assert_eq!(sender.ask(&common), answer);
    }
    others.iter_mut().for_each(Client::beat);
    stranger.beat();

    // An absent user pulls the room's messages.
    let headers = [("FZM-SIGNATURE", cleo.token.as_str())];
    let path = "/app/record/sync-record";
    let address = server.addresses.http;
    let data = http::request(address, "POST", path, &headers, br#"{"count":20}"#).data();
    let records = data["records"].as_array().expect("records").iter();
    let ids: Vec<_> = records.map(|record| message_in(record).msg_id).collect();
    assert_eq!(ids, ["m-1", "m-2"]);
}

fn message_in(record: &serde_json::Value) -> comet_dtalk::message::Common {
    use base64::Engine as _;
    let record = record.as_str().expect("a text");
    let body = base64::engine::general_purpose::STANDARD.decode(record).expect("base64");
    Delivered::read(&body).message()
}

#[test]
fn the_page_is_told_who_is_there() {
    let server = Server::start();
    let [anna, ben] = ["anna", "ben"].map(|name| sign_in(&server, name));
    let who = || server.get("/demo/online").data();
    let person = |name: &str, guest: &Guest| json!({ "name": name, "address": guest.address });
    assert_eq!(
        who(),
        json!({ "users": [], "known": [person("anna", &anna), person("ben", &ben)] })
    );

    let client = connect(&server, Transport::Tcp, &ben);
    assert_eq!(who(), json!({ "users": [person("ben", &ben)], "known": [person("anna", &anna)] }));
    drop(client);
    comet_testkit::clock::eventually("ben has left", || who()["users"] == json!([]));
}

#[test]
fn a_name_is_the_same_person_after_a_restart() {
    let mut server = Server::start();
    let before = sign_in(&server, "anna").address;
    server.kill();
    server.restart();
    assert_eq!(sign_in(&server, "anna").address, before);
    for name in ["", " ", "a\u{7}", &"x".repeat(33)] {
        let answer = server.post("/demo/login", None, &json!({ "name": name }).to_string());
        assert_eq!(answer.code(), -1012, "{name:?}");
    }
}
