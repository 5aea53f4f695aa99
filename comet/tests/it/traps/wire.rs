//! Rules of the wire that were not kept.

use comet::Closed;
use comet_testkit::client::{Ending, Next, Transport};
use comet_testkit::clock;
use comet_testkit::frame::{frame, reply, say};
use comet_testkit::websocket::{self, CLOSE, FIN, PING, masked};

use crate::support::gateway::{Server, config};
use crate::support::place::everywhere;

/// The length of a packet was taken as it came: one below the head's own, a negative one even,
/// passed as a packet without a body.
#[test]
fn a_packet_is_not_shorter_than_its_head() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        for (number, len) in [0u32, 16, 19, 0x8000_0014].into_iter().enumerate() {
            let user = format!("user-{number}");
            let mut client = server.client(place.transport, &user, "");
            let mut bytes = client.wire.bytes(&frame(3, 2, b""));
            bytes[..4].copy_from_slice(&len.to_be_bytes());
            if place.transport == Transport::WebSocket {
                bytes = masked(0x82, &bytes);
            }
            client.socket.write(&bytes);
            assert!(matches!(client.next(clock::deadline()), Next::Ended(_)), "{len}");
            assert!(matches!(server.log.closed(&user), Closed::BadFrame(_)), "{len}");
        }
    });
}

/// 16,384 bytes were promised, but bodies were taken from a buffer of 8,192: a longer one closed
/// the connection.
#[test]
fn a_body_may_be_as_long_as_is_promised() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut client = server.client(place.transport, "alice", "");
        for (seq, len) in (1..).zip([8_172, 8_192, 8_193, 12_000, 16_384]) {
            assert!(client.ask(seq, &vec![7; len]) == vec![7; len], "{len} bytes");
        }
    });
}

/// A path with a slash at its end, which every client uses, was closed without an HTTP answer
/// unless a proxy had rewritten it.
#[test]
fn every_path_gets_an_answer() {
    let server = Server::start(config(1));
    for (path, expected) in [("/sub", 101), ("/sub/", 101), ("/sub/x", 404), ("/", 404)] {
        let address = server.address(Transport::WebSocket);
        let mut socket = comet_testkit::socket::Socket::connect(address);
        socket.write(websocket::request(path, ""));
        assert_eq!(websocket::status(&websocket::response(&mut socket)), expected, "{path}");
    }
}

/// A pong waited for the next packet; a close frame was answered by silence; frames without a
/// mask were taken; of several packets in one message all but the first were lost.
#[test]
fn the_websocket_protocol_is_kept() {
    let server = Server::start(config(2));
    let mut client = server.client(Transport::WebSocket, "alice", "");
    client.socket.write(masked(FIN | PING, b"there?"));
    assert_eq!(client.receive_ws().payload, b"there?");
    client.send_together(&[say(2, b"a"), say(3, b"b"), say(4, b"c")]);
    let all = [reply(2, b"a"), reply(3, b"b"), reply(4, b"c")];
    assert_eq!(client.receive_all(3), all);
    client.socket.write(masked(FIN | CLOSE, &1000u16.to_be_bytes()));
    assert_eq!(client.ending(), Ending::Close(Some(1000)));

    let mut client = server.client(Transport::WebSocket, "bob", "");
    let packet = client.wire.bytes(&say(2, b"without a mask"));
    let bytes = [websocket::header(0x82, 0, packet.len()), packet].concat();
    client.socket.write(&bytes);
    assert_eq!(client.ending(), Ending::Close(Some(1002)));
}
