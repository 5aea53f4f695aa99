//! permessage-deflate: what peers agreed to it send and get, by another implementation of DEFLATE.

mod publishes;

use comet::{Closed, Delivery, Dialect, Listen, WsError};
use comet_testkit::clock;
use comet_testkit::comet::{Hello, op};
use comet_testkit::frame::{AUTH_REPLY, Frame, Wire, auth, say};
use comet_testkit::socket::{Arrived, Socket};
use comet_testkit::websocket::{
    self, BINARY, CONTINUATION, FIN, PING, PONG, TEXT, WsFrame, masked, request, response, status,
};
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec;

use crate::support::gateway::{Server, Setup, anywhere, config};
use crate::support::router::echo;

/// Where the listeners are among the addresses: of raw peers, of those with heads, and of text.
const RAW: usize = 2;
const HEADS: usize = 3;
const WORDS: usize = 4;
/// Set in the first byte of a compressed message.
const RSV1: u8 = 0x40;

const OFFER: &str = "permessage-deflate; client_max_window_bits";
const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

fn setup(config: comet::Config) -> Setup {
    Setup::new(config)
        .listen(Listen::websocket(anywhere()).dialect(Dialect::Raw).deflate())
        .listen(Listen::websocket(anywhere()).deflate())
        .listen(Listen::websocket(anywhere()).dialect(Dialect::Text).deflate())
        .on_message(echo)
}

/// A chat message of about this length.
fn chat(len: usize) -> String {
    let words = ["lorem", "ipsum", "dolor", "sit", "amet", "consectetur", "adipiscing", "elit"];
    let mut text = String::from(r#"{"type":"text","from":"alice","to":"lobby","text":""#);
    let mut at = len;
    while text.len() < len {
        at = (at * 31 + 7) % 1_009;
        text.push_str(words[at % words.len()]);
        text.push(' ');
    }
    text + r#""}"#
}

/// A connection that has agreed to permessage-deflate.
struct Peer {
    socket: Socket,
    wire: Wire,
    /// Nothing was agreed.
    is_plain: bool,
}

impl Peer {
    fn connect(server: &Server, at: usize, target: &str) -> Self {
        let (peer, answer) = Self::offering(server, at, target, OFFER);
        assert_eq!(answer.as_deref(), Some(AGREED));
        peer
    }

    /// What the server answers to an offer, too.
    fn offering(server: &Server, at: usize, target: &str, offer: &str) -> (Self, Option<String>) {
        let mut socket = Socket::connect(server.gateway.addresses()[at]);
        socket.write(request(target, &format!("Sec-WebSocket-Extensions: {offer}\r\n")));
        let response = response(&mut socket);
        assert_eq!(status(&response), 101, "{response}");
        let value = |line: &str| line.strip_prefix("Sec-WebSocket-Extensions: ").map(str::to_owned);
        let answer = response.lines().find_map(value);
        (Self { socket, wire: Wire::Dtalk, is_plain: answer.is_none() }, answer)
    }

    /// A session of a user in these rooms.
    fn sign_in(server: &Server, user: &str, rooms: &str, wire: Wire) -> Self {
        let mut peer = Self { wire, ..Self::connect(server, HEADS, "/sub") };
        peer.begin_session(user, rooms);
        peer
    }

    fn begin_session(&mut self, user: &str, rooms: &str) {
        let (frame, reply) = match self.wire {
            Wire::Comet => (Hello::new(user, rooms).frame(1), op::WELCOME),
            _ => (auth(1, user, rooms), AUTH_REPLY),
        };
        self.say(BINARY, &self.wire.bytes(&frame));
        assert_eq!(self.packet().1.op, reply);
    }

    /// Sends a packet as it is.
    fn say_plain(&mut self, packet: &Frame) {
        self.socket.write(masked(FIN | BINARY, &self.wire.bytes(packet)));
    }

    /// Sends a message compressed.
    fn say(&mut self, opcode: u8, payload: &[u8]) {
        self.socket.write(masked(FIN | RSV1 | opcode, &deflated(payload)));
    }

    /// The next frame, as it is.
    fn frame(&mut self) -> WsFrame {
        let deadline = clock::deadline();
        loop {
            if let Some(frame) = websocket::take(&mut self.socket.unread) {
                return frame;
            }
            assert_eq!(self.socket.read_until(deadline), Arrived::Bytes, "a whole frame");
        }
    }

    /// The next message, whether it came compressed, and how long it was then.
    fn message(&mut self) -> (bool, usize, WsFrame) {
        let WsFrame { first, payload } = self.frame();
        let len = payload.len();
        let is_compressed = first & RSV1 != 0;
        let payload = if is_compressed { inflated(&payload) } else { payload };
        (is_compressed, len, WsFrame { first: first & !RSV1, payload })
    }

    /// The next packet, and whether it came compressed.
    fn packet(&mut self) -> (bool, Frame) {
        let (is_compressed, _, WsFrame { first, payload }) = self.message();
        assert_eq!(first, FIN | BINARY);
        (is_compressed, self.wire.parse(&payload))
    }

    /// The code with which the server closes.
    fn closed(&mut self) -> Option<u16> {
        self.frame().close_code()
    }
}

/// A payload: one last block, and what makes up for it.
fn deflated(message: &[u8]) -> Vec<u8> {
    let mut payload = compress_to_vec(message, 6);
    payload.push(0);
    payload
}

fn inflated(payload: &[u8]) -> Vec<u8> {
    let ending = [0x00, 0x00, 0xff, 0xff, 0x03, 0x00];
    decompress_to_vec(&[payload, &ending].concat()).expect("a payload that can be inflated")
}

fn frame(opcode: u8, payload: &[u8]) -> WsFrame {
    WsFrame { first: FIN | opcode, payload: payload.to_vec() }
}

#[test]
fn messages_are_inflated_and_long_ones_come_back_compressed() {
    [1, 2].into_iter().for_each(|shards| {
        let server = setup(config(shards)).on_connect(accept_path).start();
        for user in 0..8 {
            let mut peer = Peer::connect(&server, RAW, &format!("/user-{user}"));
            let long = chat(2_000);
            for opcode in [TEXT, BINARY] {
                peer.say(opcode, long.as_bytes());
                let (is_compressed, len, message) = peer.message();
                assert_eq!((is_compressed, message), (true, frame(opcode, long.as_bytes())));
                assert!(len < 1_000, "{len}");
                peer.say(opcode, b"short");
                assert_eq!(peer.frame(), frame(opcode, b"short"), "not worth it");
            }
            peer.say(TEXT, b"");
            assert_eq!(peer.frame(), frame(TEXT, b""));
        }
    });
}

/// As Safari sends them.
#[test]
fn fragments_pings_and_plain_messages_may_be_mixed() {
    let server = setup(config(1)).on_connect(accept_path).start();
    let mut peer = Peer::connect(&server, RAW, "/safari");
    let (long, plain) = (chat(500), chat(300));
    let payload = deflated(long.as_bytes());
    let (front, back) = payload.split_at(payload.len() / 2);
    let bytes = [
        masked(RSV1 | TEXT, &front[..7]),
        masked(CONTINUATION, &front[7..]),
        masked(FIN | PING, b"still there?"),
        masked(FIN | CONTINUATION, back),
        masked(FIN | TEXT, plain.as_bytes()),
        masked(BINARY, b"in "),
        masked(FIN | CONTINUATION, b"pieces"),
    ];
    // In one piece, then byte by byte.
    peer.socket.write(bytes.concat());
    for _ in 0..2 {
        assert_eq!(peer.frame(), frame(PONG, b"still there?"));
        assert_eq!(peer.message().2, frame(TEXT, long.as_bytes()));
        assert_eq!(peer.message().2, frame(TEXT, plain.as_bytes()));
        assert_eq!(peer.message().2, frame(BINARY, b"in pieces"));
        bytes.concat().iter().for_each(|byte| peer.socket.write([*byte]));
    }
}

#[test]
fn a_reply_is_compressed_too() {
    let server = Setup::new(config(1)).listen(Listen::websocket(anywhere()).deflate()).start();
    let (mut peer, answer) = Peer::offering(&server, 2, "/sub", OFFER);
    assert_eq!(answer.as_deref(), Some(AGREED));
    peer.begin_session("alice", "");
    let body = chat(900);
    peer.say(BINARY, &say(7, &body).encode());
    let (is_compressed, reply) = peer.packet();
    assert_eq!((is_compressed, reply.ack, reply.body), (true, 7, body.into_bytes()));
}

#[test]
fn bad_input_ends_the_connection_with_its_reason() {
    // Beside its body, a message may have the head of a packet.
    let limit = 16_384;
    let server = setup(config(1).limits(|it| it.max_body = limit)).on_connect(accept_path).start();
    let long = limit + 20;
    let cases: [(&str, Vec<u8>, u16, WsError); 6] = [
        // Refused by its length alone, and a short one by what it becomes.
        (
            "long",
            masked(FIN | RSV1 | BINARY, &[0; 20_000]),
            1009,
            WsError::MessageTooLong { limit: long },
        ),
        (
            "bomb",
            masked(FIN | RSV1 | BINARY, &deflated(&vec![0; 4_000_000])),
            1009,
            WsError::MessageTooLong { limit: long },
        ),
        ("garbage", masked(FIN | RSV1 | TEXT, b"\xff\xff garbage"), 1007, WsError::InvalidDeflate),
        ("not text", masked(FIN | RSV1 | TEXT, &deflated(b"\xff")), 1007, WsError::InvalidUtf8),
        ("ping", masked(FIN | RSV1 | PING, b""), 1002, WsError::ReservedBits(4)),
        (
            "continuation",
            [masked(TEXT, b""), masked(FIN | RSV1 | CONTINUATION, b"")].concat(),
            1002,
            WsError::ReservedBits(4),
        ),
    ];
    for (at, (name, bytes, code, error)) in cases.into_iter().enumerate() {
        let mut peer = Peer::connect(&server, RAW, &format!("/{at}"));
        // What is refused by its head is not read to its end.
        let _ = peer.socket.try_write(bytes);
        assert_eq!(peer.closed(), Some(code), "{name}");
        let closed = server.log.closed(&at.to_string());
        assert!(matches!(closed, Closed::BadWebSocket(why) if why == error), "{name}: {closed}");
    }
    let mut plain = Socket::connect(server.gateway.addresses()[1]);
    plain.write(request("/sub", ""));
    websocket::check_upgraded(&response(&mut plain));
    plain.write(masked(FIN | RSV1 | BINARY, &deflated(b"nothing was agreed")));
    let mut plain = Peer { socket: plain, wire: Wire::Dtalk, is_plain: true };
    assert_eq!(plain.closed(), Some(1002));
}

/// Many messages of a few bytes that each become long are taken a few at a time, and none is lost.
#[test]
fn messages_that_become_long_take_several_turns() {
    let server = setup(config(1).limits(|it| it.inbox = 1_000)).on_connect(accept_path).start();
    let mut peer = Peer::connect(&server, RAW, "/alice");
    let message = vec![7; 16_000];
    let bytes = masked(FIN | RSV1 | BINARY, &deflated(&message)).repeat(200);
    assert!(bytes.len() < 16_384, "one read of a socket: {}", bytes.len());
    peer.socket.write(bytes);
    for number in 0..200 {
        assert_eq!(peer.message().2, frame(BINARY, &message), "{number}");
    }
}

#[test]
fn a_malformed_list_of_extensions_is_a_bad_request() {
    let server = setup(config(1)).on_connect(accept_path).start();
    let ask = |at: usize, offer: &str| {
        let mut socket = Socket::connect(server.gateway.addresses()[at]);
        socket.write(request("/x", &format!("Sec-WebSocket-Extensions: {offer}\r\n")));
        status(&response(&mut socket))
    };
    assert_eq!(ask(RAW, "permessage-deflate;;"), 400);
    assert_eq!(ask(RAW, "permessage-deflate; what=1"), 101, "declined, not refused");
}

/// The path is the user.
#[expect(clippy::needless_pass_by_value, reason = "the router is handed it like this")]
fn accept_path(_: &crate::support::log::Log, request: comet::Connect, reply: comet::ConnectReply) {
    let path = request.upgrade.as_ref().map_or("", |upgrade| upgrade.path());
    reply.accept(comet::Identity::new("raw", path.trim_start_matches('/')));
}

/// The HTTP server of an embedder has agreed.
#[cfg(feature = "tokio")]
#[test]
fn an_adopted_connection_is_compressed_as_its_server_agreed() {
    use comet::{Adoption, UpgradeRequest, deflate};

    use crate::support::streams::{bridged, pipe};

    let server = setup(config(2)).start();
    let fields = [
        ("host", "a"),
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", websocket::KEY),
        ("sec-websocket-extensions", OFFER),
    ];
    let request = UpgradeRequest::from_http("GET", "/", fields).expect("an upgrade");
    let agreed = deflate::negotiate(&request, deflate::Window::Bits15).expect("a list");
    let agreed = agreed.expect("an agreement");
    assert_eq!(agreed.to_string(), AGREED);
    let (ours, theirs) = pipe();
    server.gateway.adopt(ours, Adoption::deflated(agreed)).expect("a place");
    let mut peer = Peer { socket: bridged(theirs), wire: Wire::Dtalk, is_plain: false };
    peer.begin_session("alice", "lobby");
    let body = chat(400);
    server.gateway.publish("lobby", Delivery::acked(body.clone())).expect("room");
    let (is_compressed, packet) = peer.packet();
    assert_eq!((is_compressed, packet.body), (true, body.into_bytes()));
}
