//! Clients of others: curl, and Python's standard library.

use std::process::Command;

use comet_server_testkit::person::Person;
use comet_server_testkit::server::Server;
use comet_testkit::comet::{op, packet};
use comet_testkit::frame::Wire;
use comet_testkit::program::Program;

use super::client::Sse;
use super::hello;

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
