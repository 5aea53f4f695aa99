//! Publishes and pushes, compressed.

use std::time::Duration;

use comet::Delivery;
use comet_testkit::clock;
use comet_testkit::comet::op;
use comet_testkit::frame::{AUTH_REPLY, DELIVER, Wire, ack, auth};
use comet_testkit::websocket::{BINARY, FIN, TEXT, WsFrame};
use serde_json::{Value, json};

use super::{AGREED, HEADS, OFFER, Peer, RSV1, WORDS, chat, inflated, setup};
use crate::support::gateway::config;

#[test]
fn a_publish_reaches_members_of_all_dialects_and_windows_and_those_without() {
    [1, 2].into_iter().for_each(|shards| {
        let server = setup(config(shards)).start();
        let (mut peers, mut plain) = (Vec::new(), Vec::new());
        for number in 0..4 {
            for (name, wire) in [("dtalk", Wire::Dtalk), ("comet", Wire::Comet)] {
                peers.push(Peer::sign_in(&server, &format!("{name}-{number}"), "lobby", wire));
            }
            let bits = 9 + number;
            let offer = format!("permessage-deflate; server_max_window_bits={bits}");
            let (mut small, answer) = Peer::offering(&server, HEADS, "/sub", &offer);
            assert_eq!(answer, Some(format!("{AGREED}; server_max_window_bits={bits}")));
            small.begin_session(&format!("small-{number}"), "lobby");
            peers.push(small);
            let (mut without, answer) = Peer::offering(&server, 1, "/sub", OFFER);
            assert_eq!(answer, None, "the listener has no such setting");
            without.say_plain(&auth(1, &format!("plain-{number}"), "lobby"));
            assert_eq!(without.packet().1.op, AUTH_REPLY);
            plain.push(without);
        }
        let bodies = [chat(200), chat(3_000), "short".to_owned(), chat(15_000)];
        for (number, body) in (1..).zip(&bodies) {
            server.gateway.publish("lobby", Delivery::acked(body.clone())).expect("room");
            for peer in peers.iter_mut().chain(&mut plain) {
                let is_plain = peer.is_plain || body.len() < 100;
                let deliver = if peer.wire == Wire::Comet { op::DELIVER } else { DELIVER };
                let (is_compressed, packet) = peer.packet();
                assert_eq!(is_compressed, !is_plain, "{}", body.len());
                assert_eq!((packet.op, packet.seq), (deliver, number));
                assert_eq!(packet.body, body.as_bytes());
            }
        }
    });
}

#[test]
fn objects_of_the_text_dialect_are_compressed_around_their_numbers() {
    let server = setup(config(2)).start();
    let mut peers: Vec<Peer> = (0..4).map(|_| Peer::connect(&server, WORDS, "/sub")).collect();
    let hear = |peer: &mut Peer| {
        let (is_compressed, _, message) = peer.message();
        assert_eq!(message.first, FIN | TEXT);
        let object: Value = serde_json::from_slice(&message.payload).expect("JSON");
        (is_compressed, object)
    };
    for (number, peer) in peers.iter_mut().enumerate() {
        let user = format!("user-{number}");
        let connect = json!({ "t": "connect", "token": user, "ext": "lobby" });
        peer.say(TEXT, connect.to_string().as_bytes());
        assert_eq!(hear(peer).1["t"], "connected");
    }
    for number in 1..=20 {
        let text = chat(100 * number);
        server.gateway.publish("lobby", Delivery::acked(text.clone())).expect("room");
        let expected = json!({ "t": "deliver", "seq": number, "room": "lobby", "text": text });
        for peer in &mut peers {
            assert_eq!(hear(peer), (true, expected.clone()));
        }
    }
}

/// They are compressed once: what differs is the number alone.
#[test]
fn members_get_the_same_bytes_but_for_their_numbers() {
    let server = setup(config(1)).start();
    let mut early = Peer::sign_in(&server, "early", "lobby", Wire::Dtalk);
    server.gateway.publish("lobby", Delivery::acked("first")).expect("room");
    assert_eq!(early.packet().1.seq, 1);
    let mut late = Peer::sign_in(&server, "late", "lobby", Wire::Dtalk);
    server.gateway.publish("lobby", Delivery::acked(chat(1_000))).expect("room");
    let (early, late) = (early.frame(), late.frame());
    assert_eq!((early.first, late.first), (FIN | RSV1 | BINARY, FIN | RSV1 | BINARY));
    let differing = early.payload.iter().zip(&late.payload).filter(|(a, b)| a != b).count();
    assert_eq!((differing, early.payload.len()), (1, late.payload.len()));
    let seq = |frame: &WsFrame| Wire::Dtalk.parse(&inflated(&frame.payload)).seq;
    assert_eq!((seq(&early), seq(&late)), (2, 1));
}

/// More publishes than one turn takes at once, to several rooms of each member.
#[test]
fn order_and_numbers_hold_in_a_burst() {
    let server = setup(config(2)).start();
    let mut peers: Vec<Peer> = (0..6)
        .map(|number| Peer::sign_in(&server, &format!("user-{number}"), "red,blue", Wire::Dtalk))
        .collect();
    for number in 0..300 {
        let room = if number % 3 == 0 { "red" } else { "blue" };
        let body = format!("{number}:{}", chat(200 + 17 * number));
        server.gateway.publish(room, Delivery::acked(body)).expect("a mailbox with room");
    }
    for peer in &mut peers {
        for number in 0..300u32 {
            let (is_compressed, packet) = peer.packet();
            assert!(is_compressed);
            assert_eq!(packet.seq, number + 1);
            assert!(packet.body.starts_with(format!("{number}:").as_bytes()));
            // Acks may be compressed, which does not make them shorter.
            match number % 2 {
                0 => peer.say(BINARY, &ack(number + 1).encode()),
                _ => peer.say_plain(&ack(number + 1)),
            }
        }
    }
    clock::eventually("all is acknowledged", || server.stats().acks == 6 * 300);
}

#[test]
fn a_delivery_is_sent_again_compressed() {
    let server = setup(config(1).delivery(|it| it.rto = Duration::from_millis(50))).start();
    let mut peer = Peer::sign_in(&server, "alice", "lobby", Wire::Dtalk);
    let body = chat(700);
    server.gateway.publish("lobby", Delivery::acked(body.clone())).expect("room");
    for _ in 0..3 {
        let (is_compressed, packet) = peer.packet();
        assert_eq!((is_compressed, packet.seq), (true, 1));
        assert_eq!(packet.body, body.as_bytes());
    }
    peer.say_plain(&ack(1));
    clock::eventually("the ack is counted", || server.stats().acks == 1);
}
