//! A client of server-sent events, written from the HTML standard (9.2.6) and RFC 9112 (7.1).

use std::net::SocketAddr;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use comet_server_testkit::http::{Answer, request};
use comet_testkit::clock;
use comet_testkit::comet::{Hello, Welcome};
use comet_testkit::frame::{Frame, Wire};
use comet_testkit::socket::{Arrived, Socket};
use comet_testkit::websocket::{response, status};
use serde_json::Value;

pub(super) const OPEN: &str = "/comet/sse";

/// Asks for a stream with the bytes of an auth packet.
pub(super) fn ask(at: SocketAddr, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    request(at, "POST", OPEN, headers, body)
}

/// The packet and the id in the answer, if it grants a stream.
pub(super) fn granted(answer: &Answer) -> (Frame, Option<String>) {
    let value: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let reply = STANDARD.decode(value["reply"].as_str().expect("a reply")).expect("base64");
    (Wire::Comet.parse(&reply), value["stream"].as_str().map(str::to_owned))
}

/// One stream with a session.
pub(super) struct Sse {
    at: SocketAddr,
    pub(super) id: String,
    pub(super) welcome: Welcome,
    /// Number of the last POST.
    pub(super) number: u64,
    events: Option<Events>,
}

impl Sse {
    /// Opens a stream that is not read yet.
    pub(super) fn begin(at: SocketAddr, hello: &Hello) -> Self {
        let answer = ask(at, &[], &Wire::Comet.bytes(&hello.frame(1)));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let (reply, id) = granted(&answer);
        let (welcome, id) = (Welcome::of(&reply), id.expect("an id"));
        assert_eq!(id.len(), 22, "128 bits in base64url");
        Self { at, id, welcome, number: 0, events: None }
    }

    /// Opens a stream and begins to read it.
    pub(super) fn open(at: SocketAddr, hello: &Hello) -> Self {
        let mut stream = Self::begin(at, hello);
        stream.events = Some(Events::of(at, &stream.id));
        stream
    }

    pub(super) fn path(&self) -> String {
        format!("{OPEN}/{}", self.id)
    }

    /// Sends packets under a number.
    pub(super) fn post_as(&self, number: u64, packets: &[Frame]) -> Answer {
        let bytes: Vec<u8> = packets.iter().flat_map(|it| Wire::Comet.bytes(it)).collect();
        request(self.at, "POST", &format!("{}?n={number}", self.path()), &[], &bytes)
    }

    /// Sends packets.
    pub(super) fn post(&mut self, packets: &[Frame]) {
        self.number += 1;
        assert_eq!(self.post_as(self.number, packets).status, 204);
    }

    pub(super) fn events(&mut self) -> &mut Events {
        let (at, id) = (self.at, &self.id);
        self.events.get_or_insert_with(|| Events::of(at, id))
    }

    /// The next packet.
    pub(super) fn receive(&mut self) -> Frame {
        self.events().next(clock::deadline()).expect("a packet")
    }

    /// Drops the stream's connection.
    pub(super) fn cut(mut self) -> Welcome {
        if let Some(events) = self.events.take() {
            events.socket.reset();
        }
        self.welcome
    }
}

/// The connection that brings the events.
pub(super) struct Events {
    pub(super) socket: Socket,
    /// Bytes without the framing of chunks.
    text: Vec<u8>,
    data: String,
    packets: Vec<u8>,
    pub(super) comments: usize,
    has_ended: bool,
}

impl Events {
    pub(super) fn of(at: SocketAddr, id: &str) -> Self {
        let mut socket = Socket::connect(at);
        Self::ask(&mut socket, at, id);
        let head = response(&mut socket);
        assert_eq!(status(&head), 200, "{head}");
        for line in [
            "content-type: text/event-stream\r\n",
            "cache-control: no-store\r\n",
            "x-accel-buffering: no\r\n",
            "transfer-encoding: chunked\r\n",
        ] {
            assert!(head.contains(line), "{head}");
        }
        let (text, data, packets) = Default::default();
        Self { socket, text, data, packets, comments: 0, has_ended: false }
    }

    pub(super) fn ask(socket: &mut Socket, at: SocketAddr, id: &str) {
        socket.write(format!("GET {OPEN}/{id} HTTP/1.1\r\nHost: {at}\r\n\r\n"));
    }

    /// The next packet; `None` at the end of the events, or at the deadline.
    pub(super) fn next(&mut self, deadline: Instant) -> Option<Frame> {
        loop {
            if let Some(packet) = Wire::Comet.take(&mut self.packets) {
                return Some(packet);
            }
            self.take_chunks();
            if self.take_lines() {
                continue;
            }
            if self.has_ended || self.socket.read_until(deadline) != Arrived::Bytes {
                return None;
            }
        }
    }

    /// Whether the events have come to their end, which the server sends.
    pub(super) fn end(&mut self) -> bool {
        while self.next(clock::deadline()).is_some() {}
        self.has_ended
    }

    fn take_chunks(&mut self) {
        let unread = &mut self.socket.unread;
        while let Some(end) = unread.windows(2).position(|bytes| bytes == b"\r\n") {
            let size = str::from_utf8(&unread[..end]).expect("a size");
            let size = usize::from_str_radix(size, 16).expect("hexadecimal");
            if unread.len() < end + 2 + size + 2 {
                return;
            }
            self.has_ended |= size == 0;
            self.text.extend(unread.drain(..end + 2 + size + 2).skip(end + 2).take(size));
        }
    }

    /// Takes whole lines; whether an event has ended.
    fn take_lines(&mut self) -> bool {
        while let Some(end) = self.text.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.text.drain(..=end).take(end).collect();
            let line = String::from_utf8(line).expect("UTF-8");
            match line.split_once(':') {
                Some(("data", value)) => self.data.push_str(value.trim_start_matches(' ')),
                Some(("", _)) => self.comments += 1,
                Some((field, _)) => panic!("a field {field}"),
                None if self.data.is_empty() => {}
                None => {
                    assert!(self.packets.is_empty(), "an event has whole packets");
                    let data = std::mem::take(&mut self.data);
                    self.packets = STANDARD.decode(data).expect("base64");
                    return true;
                }
            }
        }
        false
    }
}
