//! Clients of others: curl, and Python's standard library.

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use comet_server_testkit::client::Transport;
use comet_server_testkit::message::{body_of, to_user};
use comet_server_testkit::person::Person;
use comet_server_testkit::server::Server;
use comet_testkit::comet::{Hello, Welcome, op, packet};
use comet_testkit::frame::{Frame, Wire};
use comet_testkit::program::Program;

use super::client::{OPEN, Sse};
use super::{back, hello, text_of};

/// Opens a stream, pings, prints the op of the pong, and shows that a repeat is not applied.
const PYTHON: &str = r#"
import base64, http.client, json, struct, sys
host, auth, ping = sys.argv[1], bytes.fromhex(sys.argv[2]), bytes.fromhex(sys.argv[3])

def post(path, body):
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.request("POST", path, body)
    response = connection.getresponse()
    return response.status, response.read()

status, body = post("/comet/sse", auth)
answer = json.loads(body)
path = "/comet/sse/" + answer["stream"]
reply = base64.b64decode(answer["reply"])
print("reply", status, struct.unpack(">I", reply[8:12])[0], flush=True)
events = http.client.HTTPConnection(host, timeout=20)
events.request("GET", path)
response = events.getresponse()
print("events", response.status, response.getheader("Content-Type"), flush=True)
print("post", post(path + "?n=1", ping)[0], post(path + "?n=1", ping)[0], flush=True)
print("post", post(path + "?n=2", ping[:-1] + b"2")[0], flush=True)
seen = []
while len(seen) < 2:
    line = response.readline()
    if not line.startswith(b"data: "):
        continue
    packets = base64.b64decode(line[6:])
    while packets:
        size = struct.unpack(">I", packets[:4])[0]
        packet, packets = packets[:size], packets[size:]
        if struct.unpack(">I", packet[8:12])[0] == 45:
            seen.append(packet[20:].decode())
print("pongs", *seen, flush=True)
"#;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn python_opens_a_stream_and_hears_what_it_asked_for_once() {
    let server = Server::start();
    let auth = Wire::Comet.bytes(&hello(&Person::new("bob")).frame(1));
    let ping = Wire::Comet.bytes(&packet(op::PING, 0, 0, b"number 1"));
    let host = server.addresses.http.to_string();
    let mut python = Command::new("/usr/bin/python3");
    let python = Program::start(python.args(["-c", PYTHON, &host, &hex(&auth), &hex(&ping)]));
    python.says("reply 200 32");
    python.says("events 200 text/event-stream");
    python.says("post 204 204");
    python.says("post 204");
    python.says("pongs number 1 number 2");
}

#[test]
fn curl_prints_events_as_they_come() {
    let server = Server::start();
    let mut stream = Sse::begin(server.addresses.http, &hello(&Person::new("bob")));
    let url = format!("http://{}{}", server.addresses.http, stream.path());
    let curl = Program::start(Command::new("curl").args(["-sN", &url]));
    curl.says(":");
    stream.post(&[packet(op::PING, 0, 0, b"a moment")]);
    // A pong of 28 bytes.
    let line = curl.line(|line| line.strip_prefix("data: ").map(str::to_owned));
    assert_eq!(line.as_deref(), Some("AAAAHAAUAAIAAAAtAAAAAAAAAABhIG1vbWVudA=="));
}

/// Requests by curl.
struct Curl(String);

impl Curl {
    fn post(&self, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("body");
        std::fs::write(&file, body).expect("written");
        let mut curl = Command::new("curl");
        curl.args(["-s", "--max-time", "20", "--write-out", "%{stderr}%{http_code}"]);
        curl.arg("--data-binary").arg(format!("@{}", file.display()));
        let output = curl.arg(format!("{}{path}", self.0)).output().expect("curl");
        let status = str::from_utf8(&output.stderr).ok().and_then(|text| text.parse().ok());
        (status.expect("a status"), output.stdout)
    }

    fn open(&self, hello: &Hello) -> (Welcome, Stream) {
        let (status, body) = self.post(OPEN, &Wire::Comet.bytes(&hello.frame(1)));
        assert_eq!(status, 200);
        let value: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        let reply = STANDARD.decode(value["reply"].as_str().expect("a reply")).expect("base64");
        let path = format!("{OPEN}/{}", value["stream"].as_str().expect("an id"));
        let url = format!("{}{path}", self.0);
        let events = Program::start(Command::new("curl").args(["-sN", &url]));
        let packets = Vec::new();
        (Welcome::of(&Wire::Comet.parse(&reply)), Stream { path, events, packets })
    }
}

/// Events that a curl prints.
struct Stream {
    path: String,
    events: Program,
    packets: Vec<u8>,
}

impl Stream {
    fn receive(&mut self) -> Frame {
        loop {
            if let Some(packet) = Wire::Comet.take(&mut self.packets) {
                return packet;
            }
            let data = |line: &str| STANDARD.decode(line.strip_prefix("data: ")?).ok();
            self.packets = self.events.line(data).expect("an event");
        }
    }

    fn takes(&mut self, seq: u32, text: &str) {
        let got = self.receive();
        assert_eq!((got.op, got.seq, &*text_of(&got.body)), (op::DELIVER, seq, text));
    }
}

#[test]
fn curl_chats_is_cut_and_comes_back() {
    let server = Server::start();
    let (alice, bob) = (Person::new("alice"), Person::new("bob"));
    let mut alices = server.client(Transport::WebSocket, &alice, None);
    let curl = Curl(format!("http://{}", server.addresses.http));
    let (welcome, mut stream) = curl.open(&hello(&bob));
    alices.ask_among(&to_user(&bob.uid, "one", "one"));
    stream.takes(1, "one");
    let message = packet(op::SEND, 1, 0, body_of(&to_user(&alice.uid, "two", "two")));
    let said = [packet(op::ACK, 0, 1, b""), message].map(|packet| Wire::Comet.bytes(&packet));
    assert_eq!(curl.post(&format!("{}?n=1", stream.path), &said.concat()).0, 204);
    // Its answer, and its delivery to bob's own devices, in whatever order.
    let mut came = [stream.receive().op, stream.receive().op];
    came.sort_unstable();
    assert_eq!(came, [op::DELIVER, op::SEND_REPLY]);

    stream.events.kill();
    server.awaits_metric("comet_gateway_parked", 1);
    alices.ask_among(&to_user(&bob.uid, "three", "three"));
    let (again, mut stream) = curl.open(&back(&bob, &welcome, 2, 2));
    assert_eq!((again.resumed, again.accepted), (true, 1));
    stream.takes(3, "three");
}
