//! Frames of an open session: each is read, however it arrives, and answered exactly.

use std::time::Duration;

use comet::{Closed, Delivery};
use comet_protocol::DecodeError;
use comet_protocol::ws::WsError;
use comet_testkit::client::{Client, Ending, Transport};
use comet_testkit::frame::{Wire, auth, delivery, frame, reply, say};
use comet_testkit::socket::Socket;
use comet_testkit::websocket;

use crate::support::gateway::{Server, Setup, config};
use crate::support::place::everywhere;
use crate::support::router::echo;

/// The bytes that go before a packet in a message of its own.
fn ws_header(transport: Transport, len: u8) -> Vec<u8> {
    match transport {
        Transport::Tcp => Vec::new(),
        Transport::WebSocket => vec![0x82, len],
    }
}

#[test]
fn the_golden_heartbeat_is_answered_by_the_golden_reply() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut client = server.client(place.transport, "alice", "");
        let heartbeat: &[u8] = match place.transport {
            Transport::Tcp => b"\0\0\0\x14\0\x14\0\x01\0\0\0\x03\0\0\0\x02\0\0\0\0",
            Transport::WebSocket => {
                b"\x82\x94\x12\x34\x56\x78\x12\x34\x56\x6c\x12\x20\x56\x79\
                \x12\x34\x56\x7b\x12\x34\x56\x7a\x12\x34\x56\x78"
            }
        };
        client.socket.write(heartbeat);
        let mut golden = ws_header(place.transport, 0x18);
        golden.extend(b"\0\0\0\x18\0\x14\0\x01\0\0\0\x04\0\0\0\x02\0\0\0\0\0\0\0\0");
        assert_eq!(client.socket.take(golden.len()), golden);
    });
}

#[test]
fn a_message_reaches_the_router_as_it_was_sent_and_its_reply_is_golden() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards)).on_message(crate::support::router::hold);
        let server = server.start();
        let mut client = server.client(place.transport, "alice@phone", "");
        let body: Vec<u8> = (0..=255).collect();
        client.send(&say(3, &body));
        let held = server.log.held();
        assert_eq!((held.peer.user(), held.peer.device()), ("alice", "phone"));
        assert_eq!((held.message.seq, held.message.op), (3, 7));
        assert_eq!(&held.message.body[..], body);

        held.receipt.ack(&b"\x08\x01\x12\x0a\x10\xe8\x07\x40\xfb\xd0\x95\xff\xbc\x31"[..]);
        let mut golden = ws_header(place.transport, 0x22);
        golden.extend(b"\0\0\0\x22\0\x14\0\x01\0\0\0\x08\0\0\0\x03\0\0\0\x03");
        golden.extend(b"\x08\x01\x12\x0a\x10\xe8\x07\x40\xfb\xd0\x95\xff\xbc\x31");
        assert_eq!(client.socket.take(golden.len()), golden);
    });
}

#[test]
fn a_whole_conversation_may_arrive_byte_by_byte() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut socket = Socket::connect(server.address(place.transport));
        let dribble = |socket: &mut Socket, bytes: &[u8]| {
            bytes.iter().for_each(|byte| socket.write([*byte]));
        };
        if place.transport == Transport::WebSocket {
            dribble(&mut socket, websocket::request("/sub", "").as_bytes());
            websocket::check_upgraded(&websocket::response(&mut socket));
        }
        let mut client = Client::over(place.transport, socket);
        let frames = [auth(1, "alice", ""), frame(3, 2, b""), say(3, b"slowly"), say(4, b"")];
        let bytes = client.bytes(&frames);
        dribble(&mut client.socket, &bytes);
        let expected = [frame(2, 1, b""), frame(4, 2, [0; 4]), reply(3, b"slowly"), reply(4, b"")];
        assert_eq!(client.receive_all(4), expected);
    });
}

#[test]
fn frames_may_be_cut_anywhere() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).limits(|it| it.inbox = 1_000));
        let mut client = server.client(place.transport, "alice", "");
        let frames: Vec<_> =
            (1..=200u32).map(|seq| say(seq, vec![seq as u8; (seq * 37 % 700) as usize])).collect();
        let bytes = client.bytes(&frames);
        for (index, piece) in bytes.chunks(997).enumerate() {
            let (one, two) = piece.split_at(index * 131 % piece.len());
            client.socket.write(one);
            client.socket.write(two);
        }
        let replies: Vec<_> = frames.iter().map(|frame| reply(frame.seq, &frame.body)).collect();
        assert_eq!(client.receive_all(200), replies);
    });
}

#[test]
fn the_longest_body_is_taken_and_given_and_one_byte_more_ends_the_connection() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards)).on_message(echo).start();
        let mut client = server.client(place.transport, "alice", "");
        let longest = vec![7; 16_384];
        client.send(&say(2, &longest));
        let mut both = client.receive_all(2);
        both.sort_by_key(|frame| frame.op);
        assert_eq!(both, [reply(2, b""), delivery(1, &longest)]);

        client.send(&say(3, vec![7; 16_385]));
        let (ending, closed) = match place.transport {
            Transport::Tcp => {
                let error = DecodeError::TooLong { len: 16_405, limit: 16_404 };
                (Ending::Fin, Closed::BadFrame(error))
            }
            Transport::WebSocket => {
                let error = WsError::MessageTooLong { limit: 16_404 };
                (Ending::Close(Some(1009)), Closed::BadWebSocket(error))
            }
        };
        assert_eq!(client.ending(), ending);
        assert_eq!(server.log.closed("alice"), closed);
    });
}

#[test]
fn bodies_longer_than_every_buffer_come_back_whole() {
    everywhere(|place| {
        let config = config(place.shards)
            .limits(|it| it.max_body = 3 << 20)
            .delivery(|it| it.window_bytes = 8 << 20);
        let server = Setup::new(config).on_message(echo).start();
        let mut client = server.client(place.transport, "alice", "");
        for (number, len) in (1..).zip([3 << 20, 70_000, 65_516, 65_536, 1 << 20]) {
            let body: Vec<u8> = (0..len).map(|at| (at / 251 * number as usize) as u8).collect();
            client.send(&say(100 + number, &body));
            let mut both = client.receive_all(2);
            both.sort_by_key(|frame| frame.op);
            assert_eq!(both[0], reply(100 + number, b""));
            assert!(both[1] == delivery(number, &body), "{len} bytes");
        }
    });
}

#[test]
fn a_disconnect_frame_ends_the_session() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut client = server.client(place.transport, "alice", "");
        client.send(&frame(5, 5, b""));
        assert_eq!(client.ending(), place.transport.goodbye(1000));
        assert_eq!(server.log.closed("alice"), Closed::Left);
    });
}

#[test]
fn the_other_dialects_head_ends_the_session() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let dtalk = ("alice", Wire::Dtalk, auth(1, "alice", ""), 2, 16);
        let goim = ("bob", Wire::Goim, frame(7, 1, b""), 8, 20);
        for (user, wire, request, answer, other) in [dtalk, goim] {
            let mut client = server.connect(place.transport);
            client.wire = wire;
            client.send(&request);
            assert_eq!(client.receive(), frame(answer, 1, b""));
            client.wire = if wire == Wire::Dtalk { Wire::Goim } else { Wire::Dtalk };
            client.send(&frame(2, 2, [0; 4]));
            let user = if wire == Wire::Dtalk { user } else { "" };
            let closed = Closed::BadFrame(DecodeError::HeadLen(other));
            assert_eq!(server.log.closed(user), closed);
        }
    });
}

#[test]
fn a_frame_that_asks_for_nothing_is_answered_by_nothing() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut client = server.client(place.transport, "alice", "");
        client.send_all(&[frame(10, 1, b""), frame(99, 2, b"what"), frame(0, 3, b"")]);
        client.beat(4);
        client.hears_nothing_for(Duration::from_millis(50));
        assert_eq!((server.stats().frames_ignored, server.stats().stray_acks), (2, 1));
    });
}

#[test]
fn more_heartbeats_at_once_than_may_wait_to_be_answered_are_all_answered() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).memory(|it| it.write_bytes = 1_000));
        let mut client = server.client(place.transport, "alice", "");
        let heartbeats: Vec<_> = (1..=2_000).map(|seq| frame(3, seq, b"")).collect();
        client.send_all(&heartbeats);
        for seq in 1..=2_000 {
            assert_eq!(client.receive(), frame(4, seq, [0; 4]));
        }
    });
}

#[test]
fn what_is_pushed_before_a_frame_is_read_does_not_hold_it_up() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).memory(|it| it.write_bytes = 1_000));
        let mut client = server.client(place.transport, "alice", "");
        let session = server.log.peer("alice").session();
        for round in 1..=50 {
            server.gateway.push(session, Delivery::best_effort(vec![1; 5_000])).unwrap();
            client.send(&frame(3, round, b""));
            let mut both = client.receive_all(2);
            both.sort_by_key(|frame| frame.op);
            assert_eq!(both, [frame(4, round, [0; 4]), delivery(0, [1; 5_000])]);
        }
    });
}
