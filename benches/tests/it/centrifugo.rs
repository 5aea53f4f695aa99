//! Centrifugo cannot be had from the registries, so a small server of its JSON protocol stands in
//! for it, made from the protocol's description alone.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use comet_bench::clock;
use comet_bench::dialect::Dialect;
use comet_bench::driver::{Destination, Identity, Route, Tuning};
use comet_protocol::ws::handshake::{HandshakeLimits, Parse, parse, write_accept};
use comet_protocol::ws::{Decoder, Event, Limits, Opcode, Role, write_frame};
use comet_testkit::clock::PATIENCE;
use serde_json::{Value, json};

use crate::party::{Party, assert_fan_and_echo};

/// Who reads which channel, and how many pings were answered.
#[derive(Default)]
struct Hub {
    channels: Mutex<HashMap<String, Vec<TcpStream>>>,
    pongs: AtomicU32,
}

fn start() -> (SocketAddr, Arc<Hub>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let hub = Arc::new(Hub::default());
    let shared = Arc::clone(&hub);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let hub = Arc::clone(&shared);
            thread::spawn(move || serve(stream, &hub));
        }
    });
    (address, hub)
}

fn serve(mut stream: TcpStream, hub: &Hub) {
    let mut input = Vec::new();
    let more = |input: &mut Vec<u8>, stream: &mut TcpStream| {
        let mut buffer = [0; 16_384];
        let read = stream.read(&mut buffer).unwrap_or(0);
        input.extend_from_slice(&buffer[..read]);
        read > 0
    };
    let limits = HandshakeLimits::default();
    let mut answer = Vec::new();
    while answer.is_empty() {
        if !more(&mut input, &mut stream) {
            return;
        }
        let parsed = parse(&input, 0, &limits).expect("an upgrade");
        if let Parse::Complete { request, consumed } = parsed {
            assert_eq!(request.path(), "/connection/websocket");
            write_accept(&mut answer, request.key(), None);
            input.drain(..consumed);
        }
    }
    stream.write_all(&answer).expect("written");
    let mut decoder = Decoder::new(Role::Server);
    loop {
        let mut read = 0;
        loop {
            let decoded = decoder.decode(&mut input[read..], &Limits::default());
            let decoded = decoded.expect("frames");
            read += decoded.consumed;
            match decoded.event {
                Some(Event::Message(message)) => hub.handle(&mut stream, &message.payload),
                Some(Event::Close(_)) => return,
                Some(_) => {}
                None => break,
            }
        }
        input.drain(..read);
        if !more(&mut input, &mut stream) {
            return;
        }
    }
}

fn say(stream: &mut TcpStream, text: &str) {
    let mut frame = Vec::new();
    write_frame(&mut frame, Opcode::Text, text.as_bytes());
    // A client that has gone is found when it is read.
    let _ = stream.write_all(&frame);
}

impl Hub {
    /// A message holds commands, one a line; their replies go together, and so does a ping.
    fn handle(&self, stream: &mut TcpStream, payload: &[u8]) {
        let text = std::str::from_utf8(payload).expect("text");
        let mut replies = Vec::new();
        for line in text.lines() {
            let command: Value = serde_json::from_str(line).expect("JSON");
            if command == json!({}) {
                self.pongs.fetch_add(1, Ordering::SeqCst);
                continue;
            }
            let id = &command["id"];
            let channel = |of: &str| command[of]["channel"].as_str().map(str::to_owned);
            if command["connect"].is_object() {
                let told = json!({ "client": "c-1", "version": "0.0.0", "ping": 25, "pong": true });
                replies.push(json!({ "id": id, "connect": told }).to_string());
                replies.push("{}".to_owned());
            } else if let Some(channel) = channel("subscribe") {
                replies.push(self.subscribe(stream, id, channel));
            } else if let Some(channel) = channel("publish") {
                self.publish(&channel, &command["publish"]["data"]);
                replies.push(json!({ "id": id, "publish": {} }).to_string());
            }
        }
        if !replies.is_empty() {
            let _alone = self.channels.lock().expect("no panic");
            say(stream, &replies.join("\n"));
        }
    }

    fn subscribe(&self, stream: &TcpStream, id: &Value, channel: String) -> String {
        if channel == "secret" {
            let error = json!({ "code": 103, "message": "permission denied" });
            return json!({ "id": id, "error": error }).to_string();
        }
        let reader = stream.try_clone().expect("another handle");
        self.channels.lock().expect("no panic").entry(channel).or_default().push(reader);
        json!({ "id": id, "subscribe": {} }).to_string()
    }

    fn publish(&self, channel: &str, data: &Value) {
        let push = json!({ "push": { "channel": channel, "pub": { "data": data } } }).to_string();
        let mut channels = self.channels.lock().expect("no panic");
        for reader in channels.entry(channel.to_owned()).or_default() {
            say(reader, &push);
        }
    }
}

#[test]
fn every_message_reaches_every_subscriber_once_and_in_order() {
    let (address, hub) = start();
    assert_fan_and_echo(Dialect::Centrifugo, &Route::websocket(address));
    let deadline = clock::now() + PATIENCE;
    while hub.pongs.load(Ordering::SeqCst) < 6 {
        assert!(clock::now() < deadline, "a ping for each client is answered");
        thread::park_timeout(Duration::from_millis(5));
    }
}

#[test]
fn a_channel_that_is_not_allowed_ends_the_session() {
    let (address, _hub) = start();
    let mut party = Party::new(Tuning::default());
    let route = Route::websocket(address);
    party.join(Dialect::Centrifugo, Identity::new("al", ["secret".to_owned()]), &route);
    let bo = Identity { inbox: true, ..Identity::new("bo", ["red".to_owned()]) };
    party.join(Dialect::Centrifugo, bo, &route);
    party.until("one is over and one is open", |heard| {
        heard[0].closed.len() == 1 && heard[1].opened == 1
    });
    assert_eq!(party.heard(0).closed, ["refused: 103: permission denied"]);
    party.say(1, &Destination::User("bo".to_owned()), "to myself");
    party.until("heard", |heard| heard[1].bodies == [b"to myself"]);
}
