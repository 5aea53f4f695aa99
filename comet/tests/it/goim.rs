//! goim clients: a shorter head, JSON for a token, no acks, pushes wrapped on WebSocket.

use std::collections::BTreeSet;

use comet::{Delivery, Dialect, Identity, Target};
use comet_testkit::client::{Client, Transport};
use comet_testkit::frame::{Wire, frame};
use comet_testkit::websocket::{BINARY, FIN, masked};

use crate::support::gateway::{Server, Setup, config};
use crate::support::place::{Place, everywhere};

const AUTH: &[u8] =
    br#"{"mid":123,"key":"","room_id":"live://1000","platform":"web","accepts":[1000,1001]}"#;

/// The same auth frame as goim's clients write it.
const AUTH_FRAME: &[u8] = b"\0\0\0\x63\0\x10\0\x01\0\0\0\x07\0\0\0\x01\
    {\"mid\":123,\"key\":\"\",\"room_id\":\"live://1000\",\
    \"platform\":\"web\",\"accepts\":[1000,1001]}";

/// Send, ChangeRoom, Sub and Unsub with their replies.
const GOLDEN_REQUESTS: [(&[u8], &[u8]); 4] = [
    (
        b"\0\0\0\x1b\0\x10\0\x01\0\0\0\x04\0\0\0\x07live://2000",
        b"\0\0\0\x1b\0\x10\0\x01\0\0\0\x04\0\0\0\x07live://2000",
    ),
    (
        b"\0\0\0\x1b\0\x10\0\x01\0\0\0\x0c\0\0\0\x08live://2000",
        b"\0\0\0\x1b\0\x10\0\x01\0\0\0\x0d\0\0\0\x08live://2000",
    ),
    (
        b"\0\0\0\x19\0\x10\0\x01\0\0\0\x0e\0\0\0\x091000,1001",
        b"\0\0\0\x19\0\x10\0\x01\0\0\0\x0f\0\0\0\x091000,1001",
    ),
    (
        b"\0\0\0\x14\0\x10\0\x01\0\0\0\x10\0\0\0\x0a1000",
        b"\0\0\0\x14\0\x10\0\x01\0\0\0\x11\0\0\0\x0a1000",
    ),
];

/// Pushes, whose op is 1000.
const PUSH_HI: &[u8] = b"\0\0\0\x12\0\x10\0\x01\0\0\x03\xe8\0\0\0\0hi";
const PUSH_HELLO: &[u8] = b"\0\0\0\x15\0\x10\0\x01\0\0\x03\xe8\0\0\0\0hello";

fn server(place: Place) -> Server {
    Setup::new(config(place.shards))
        .on_connect(|log, request, reply| {
            assert_eq!((request.dialect, &request.ext[..]), (Dialect::Goim, AUTH));
            assert_eq!((request.app.as_str(), request.token.as_str()), ("", ""));
            log.record(crate::support::log::Event::Connect { token: String::new(), attempt: 0 });
            reply.accept(Identity::new("goim", "123").room("live://1000"));
        })
        .start()
}

fn client(place: Place, server: &Server) -> Client {
    let mut client = server.connect(place.transport);
    client.wire = Wire::Goim;
    client.socket.write(message(place, AUTH_FRAME));
    let golden = b"\0\0\0\x10\0\x10\0\x01\0\0\0\x08\0\0\0\x01";
    expect(&mut client, golden);
    client
}

/// A packet as a client writes it.
fn message(place: Place, packet: &[u8]) -> Vec<u8> {
    match place.transport {
        Transport::Tcp => packet.to_vec(),
        Transport::WebSocket => masked(FIN | BINARY, packet),
    }
}

/// A push as a client gets it: on WebSocket in the body of a Raw packet.
fn pushed(place: Place, packet: &[u8]) -> Vec<u8> {
    let len = u8::try_from(16 + packet.len()).unwrap();
    match place.transport {
        Transport::Tcp => packet.to_vec(),
        Transport::WebSocket => {
            [&[0, 0, 0, len, 0, 16, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0], packet].concat()
        }
    }
}

/// The next bytes are these, in a message of their own on WebSocket.
fn expect(client: &mut Client, packet: &[u8]) {
    let header = match client.transport {
        Transport::Tcp => vec![],
        Transport::WebSocket => vec![0x82, u8::try_from(packet.len()).unwrap()],
    };
    assert_eq!(client.socket.take(header.len() + packet.len()), [&header, packet].concat());
}

#[test]
fn golden_auth_and_heartbeat_are_answered_by_golden_replies() {
    everywhere(|place| {
        let server = server(place);
        let mut client = client(place, &server);
        client.send(&frame(2, 1, b""));
        // It is alone in its room.
        expect(&mut client, b"\0\0\0\x14\0\x10\0\x01\0\0\0\x03\0\0\0\x01\0\0\0\x01");
    });
}

#[test]
fn messages_are_answered_by_their_own_op_and_other_requests_by_the_next() {
    everywhere(|place| {
        let server = server(place);
        let mut client = client(place, &server);
        for (request, reply) in GOLDEN_REQUESTS {
            client.socket.write(message(place, request));
            expect(&mut client, reply);
        }
        assert_eq!(server.stats().messages, 4);
    });
}

#[test]
fn a_push_is_a_plain_packet_on_tcp_and_wrapped_in_a_raw_one_on_websocket() {
    everywhere(|place| {
        let server = server(place);
        let mut client = client(place, &server);
        let packet = pushed(place, PUSH_HI);
        let session = server.log.peer("123").session();
        let gateway = &server.gateway;
        gateway.push(session, Delivery::best_effort("hi")).unwrap();
        expect(&mut client, &packet);
        gateway.push(session, Delivery::acked("hi")).unwrap();
        expect(&mut client, &packet);
        gateway.publish("live://1000", Delivery::best_effort("hi")).unwrap();
        expect(&mut client, &packet);
        gateway.publish("live://1000", Delivery::acked("hi")).unwrap();
        expect(&mut client, &packet);
        gateway.push(Target::user("goim", "123"), Delivery::acked("hi")).unwrap();
        expect(&mut client, &packet);
    });
}

#[test]
fn an_acked_delivery_to_a_peer_without_acks_is_sent_once_and_kept_nowhere() {
    everywhere(|place| {
        let setup = config(place.shards).delivery(|it| {
            it.rto = std::time::Duration::from_millis(20);
            it.window = 1;
            it.queue = 1;
        });
        let server = Setup::new(setup)
            .on_connect(|_, _, reply| reply.accept(Identity::new("goim", "123")))
            .start();
        let mut client = client(place, &server);
        let session = server.log.peer("123").session();
        for _ in 0..100 {
            server.gateway.push(session, Delivery::acked("hi")).unwrap();
        }
        let whole = if place.transport == Transport::Tcp { 18 } else { 36 };
        client.socket.take(100 * whole);
        client.socket.write(client.bytes(&[frame(2, 1, b"")]));
        expect(&mut client, b"\0\0\0\x14\0\x10\0\x01\0\0\0\x03\0\0\0\x01\0\0\0\0");
        assert_eq!((server.stats().deliveries, server.stats().resends), (100, 0));
        assert_eq!(server.stats().sessions, 1);
    });
}

#[test]
fn ops_that_goim_does_not_know_are_ignored() {
    everywhere(|place| {
        let server = server(place);
        let mut client = client(place, &server);
        for op in [0, 1, 3, 5, 6, 8, 9, 10, 11, 13, 15, 17, 18, 1_000, u32::MAX] {
            client.send(&frame(op, 5, b"what"));
        }
        client.send(&frame(2, 6, b""));
        assert_eq!(client.receive(), frame(3, 6, [0, 0, 0, 1]));
        assert_eq!((server.stats().frames_ignored, server.stats().messages), (15, 0));
    });
}

#[test]
fn dtalk_and_goim_clients_share_a_room_and_each_gets_its_own_format() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards))
            .on_connect(|_, request, reply| {
                let user = if request.dialect == Dialect::Goim { "goim" } else { "dtalk" };
                reply.accept(Identity::new("app", user).room("lobby"));
            })
            .start();
        let mut goim = client(place, &server);
        let mut dtalk = server.client(place.transport, "alice", "");
        for number in 1..=3 {
            server.gateway.publish("lobby", Delivery::acked("hello")).unwrap();
            assert_eq!(dtalk.receive(), frame(9, number, b"hello"));
            expect(&mut goim, &pushed(place, PUSH_HELLO));
        }
    });
}

#[test]
fn a_heartbeat_is_answered_by_the_count_of_the_room_over_all_shards() {
    everywhere(|place| {
        let server = Setup::new(config(place.shards))
            .on_connect(|_, request, reply| {
                let user = String::from_utf8(request.ext.to_vec()).unwrap();
                let identity = Identity::new("goim", &*user);
                reply.accept(if user == "none" { identity } else { identity.room("live://1") });
            })
            .start();
        let join = |user: &str| {
            let mut client = server.connect(place.transport);
            client.wire = Wire::Goim;
            client.send(&frame(7, 1, user));
            assert_eq!(client.receive(), frame(8, 1, b""));
            client
        };
        let beat = |client: &mut Client| {
            client.send(&frame(2, 5, b""));
            let reply = client.receive();
            assert_eq!((reply.op, reply.seq), (3, 5));
            u32::from_be_bytes(reply.body.try_into().unwrap())
        };
        let mut members: Vec<Client> = (0..9).map(|at| join(&format!("user-{at}"))).collect();
        assert!(members.iter_mut().all(|member| beat(member) == 9));
        // Many at once are all answered, in whichever order.
        let many: Vec<_> = (100..200).map(|seq| frame(2, seq, b"")).collect();
        members[0].send_all(&many);
        let replies = members[0].receive_all(100);
        let seqs: BTreeSet<u32> = replies.iter().map(|reply| reply.seq).collect();
        assert!(seqs.into_iter().eq(100..200) && replies.iter().all(|reply| reply.op == 3));
        assert_eq!(beat(&mut join("none")), 0);
        members.truncate(4);
        comet_testkit::clock::eventually("five have left", || beat(&mut members[0]) == 4);
    });
}
