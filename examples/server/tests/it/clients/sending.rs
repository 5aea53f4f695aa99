//! Upstream messages, and their answers.

use comet_dtalk::clock::unix_ms;
use comet_dtalk::message::{Common, CommonAck, EventType, MsgType, Proto};
use comet_server_testkit::client::{Client, Ending, Transport};
use comet_server_testkit::message::{Delivered, ack_in, body_of, to_group, to_user};
use comet_server_testkit::person::{Person, browser, phone};
use comet_server_testkit::server::Server;
use comet_testkit::frame::{Frame, SEND, SEND_REPLY, frame};
use comet_testkit::protobuf::{field, hex, varint};
use prost::Message as _;

/// The two users whose keys the specification gives.
fn alice_and_bob() -> [Person; 2] {
    [1, 2].map(|number| Person::new(&format!("dtalk acceptance test key {number}")))
}

#[test]
fn the_specified_message_is_answered_and_delivered_in_the_specified_bytes() {
    let server = Server::start();
    let [alice, bob] = alice_and_bob();
    let mut receiver = server.client(Transport::WebSocket, &bob, None);
    let mut sender = server.client(Transport::Tcp, &alice, None);
    let message = hex("0000006a0014000100000007000000020000000012541a036d2d31
        2221314746366477615a77534646744e744c544c476d3831764a66576b423946456f35
        2a223134636436475a324c557a62485868345666426a697a76355245707734507a50775230013a040a026869");
    sender.send(&Frame::decode(&message));

    let reply = sender.receive();
    let CommonAck { log_id, datetime } = ack_in(&reply.body);
    let log_id = varint(log_id.unsigned_abs());
    let datetime = varint(datetime);
    // One client parses these bytes without the envelope: no field may be added or moved.
    let ack = [&[0x10], &log_id[..], &[0x40], &datetime].concat();
    let ack = [&[0x08, 0x01], &field(2, &ack)[..]].concat();
    assert_eq!(reply, Frame { ack: 2, ..frame(SEND_REPLY, 2, ack) });

    let filled_in = [
        &[0x10][..],
        &log_id,
        &field(3, b"m-1"),
        &field(4, b"1GF6dwaZwSFFtNtLTLGm81vJfWkB9FEo5"),
        &field(5, b"14cd6GZ2LUzbHXh4VfBjizv5REpw4PzPwR"),
        &hex("3001 3a040a026869 40"),
        &datetime,
    ];
    let delivery = frame(9, 1, field(2, &filled_in.concat()));
    assert_eq!(sender.receive(), delivery, "to the sending connection as well");
    assert_eq!(receiver.receive(), delivery);
}

#[test]
fn the_event_type_may_be_written_out() {
    let server = Server::start();
    let [alice, bob] = alice_and_bob();
    let mut sender = server.client(Transport::WebSocket, &alice, Some(&browser("b-1")));
    let body = [vec![0x08, 0x00], body_of(&to_user(&bob.uid, "m-1", "hi")).to_vec()].concat();
    sender.send(&frame(SEND, 3, body));
    let answer = sender.answer(3);
    assert_eq!(sender.takes(1).message().log_id, answer.log_id);
}

#[test]
fn every_connection_of_both_gets_a_message_once_under_its_own_number() {
    let server = Server::start();
    let [alice, bob] = alice_and_bob();
    let of_alice = Transport::ALL.map(|transport| server.client(transport, &alice, None));
    let of_bob = Transport::ALL.map(|transport| server.client(transport, &bob, None));
    let mut clients: Vec<_> = of_alice.into_iter().chain(of_bob).collect();

    for number in 1..=3 {
        let common = to_user(&bob.uid, &format!("m-{number}"), "hi");
        let seq = clients[0].next_seq();
        // Version 0, as in the load tool; seq is far from those of deliveries.
        clients[0].send(&Frame { ver: 0, ..frame(SEND, seq, body_of(&common)) });
        let reply = clients[0].receive();
        assert_eq!((reply.ver, reply.op, reply.ack), (1, SEND_REPLY, seq));
        let log_id = ack_in(&reply.body).log_id;
        for client in &mut clients {
            // `takes` also checks that ver is 1 and ack 0.
            assert_eq!(client.takes(number).message().log_id, log_id);
        }
    }
    clients.iter_mut().for_each(Client::beat);
}

#[test]
fn id_sender_and_time_are_the_servers() {
    let server = Server::start();
    let [alice, bob] = alice_and_bob();
    let mut sender = server.client(Transport::Tcp, &alice, None);
    let mut receiver = server.client(Transport::Tcp, &bob, None);
    let before = unix_ms();
    let forged = Common {
        log_id: 5,
        from: bob.uid.clone(),
        datetime: 1,
        ..to_user(&bob.uid, "m-1", (0..=255).collect::<Vec<u8>>())
    };
    let CommonAck { log_id, datetime } = sender.ask(&forged);
    assert!((before..=unix_ms()).contains(&datetime));
    assert!(log_id > 5 && log_id < 1 << 53);
    let delivered = receiver.takes(1).message();
    assert_eq!(delivered, Common { log_id, datetime, from: alice.uid, ..forged });
}

#[test]
fn a_message_to_oneself_comes_once() {
    let server = Server::start();
    let [alice, _] = alice_and_bob();
    let mut client = server.client(Transport::Tcp, &alice, None);
    let log_id = client.ask(&to_user(&alice.uid, "m-1", "note")).log_id;
    assert_eq!(client.takes(1).message().log_id, log_id);
    client.beat();
}

#[test]
fn the_answer_does_not_wait_for_the_receiver() {
    let server = Server::start();
    let [alice, bob] = alice_and_bob();
    let mut silent = server.client(Transport::Tcp, &bob, Some(&phone("p-1")));
    let mut sender = server.client(Transport::Tcp, &alice, None);
    // More than the window of a receiver that acknowledges nothing.
    for number in 1..=300 {
        sender.ask(&to_user(&bob.uid, &format!("m-{number}"), "hi"));
        sender.takes(number);
    }
    assert_eq!(silent.sees(1).message().msg_id, "m-1");
}

#[test]
fn a_repeat_gets_the_first_answer_and_is_not_delivered_again() {
    let server = Server::start();
    let [alice, bob] = alice_and_bob();
    let mut receiver = server.client(Transport::Tcp, &bob, None);
    let mut sender = server.client(Transport::Tcp, &alice, None);
    let common = to_user(&bob.uid, "m-1", "hi");
    let first = sender.ask(&common);
    assert_eq!(sender.takes(1).message().log_id, first.log_id);
    assert_eq!(sender.ask(&common), first);

    let mut elsewhere = server.client(Transport::HttpPort, &alice, Some(&phone("p-1")));
    assert_eq!(elsewhere.takes(1).message().log_id, first.log_id, "new to that phone");
    // The client's id makes it a repeat, regardless of its content.
    assert_eq!(elsewhere.ask(&to_user(&bob.uid, "m-1", "something else")), first);
    elsewhere.beat();

    assert_eq!(receiver.takes(1).message().msg, "hi");
    receiver.beat();
    let second = receiver.ask(&to_user(&alice.uid, "m-1", "an id of bob's own"));
    assert!(second.log_id > first.log_id);
}

#[test]
fn a_repeat_behind_the_first_in_one_packet_is_one_message() {
    let server = Server::start();
    let [alice, bob] = alice_and_bob();
    let mut sender = server.client(Transport::Tcp, &alice, None);
    let body = body_of(&to_user(&bob.uid, "m-1", "hi"));
    sender.try_send_all(&[1, 2, 3].map(|seq| frame(SEND, seq, body.clone()))).expect("send");
    let mut answers = Vec::new();
    let mut delivered = 0;
    while answers.len() < 3 || delivered < 1 {
        let next = sender.receive();
        match next.op {
            SEND_REPLY => answers.push((next.ack, ack_in(&next.body))),
            _ => delivered += 1,
        }
    }
    let [(1, first), (2, second), (3, third)] = answers[..] else { panic!("{answers:?}") };
    assert_eq!([second, third], [first; 2]);
    sender.beat();
}

#[test]
fn what_clients_may_not_send_gets_no_answer_and_does_no_harm() {
    let server = Server::start();
    let [alice, bob] = alice_and_bob();
    let mut receiver = server.client(Transport::Tcp, &bob, None);
    let good = || to_user(&bob.uid, "m-1", "hi");
    let kinds = [MsgType::System, MsgType::Notice, MsgType::RtcCall, MsgType::Collect];
    let mut bad: Vec<Common> =
        kinds.map(|kind| Common { msg_type: kind as i32, ..good() }).into_iter().collect();
    bad.push(Common { msg_type: 14, ..good() });
    bad.push(Common { channel_type: 2, ..good() });
    bad.push(Common { msg_id: String::new(), ..good() });
    bad.push(Common { target: String::new(), ..good() });
    bad.push(to_group(12_345, "m-1", "to a group that is not there"));
    let mut bodies: Vec<_> = bad.iter().map(body_of).collect();
    let signal = Proto { event_type: EventType::Signal as i32, body: "\x08\x01".into() };
    bodies.push(signal.encode_to_vec().into());
    bodies.extend(["", "\x12", "no protobuf"].map(bytes::Bytes::from));
    for transport in Transport::ALL {
        let mut sender = server.client(transport, &alice, None);
        for body in &bodies {
            sender.send(&frame(SEND, 9, body.clone()));
        }
        sender.beat();
        let msg_id = format!("{transport:?}");
        let log_id = sender.ask(&Common { msg_id: msg_id.clone(), ..good() }).log_id;
        let delivered = Delivered::by(&receiver.receive()).message();
        assert_eq!((delivered.log_id, delivered.msg_id), (log_id, msg_id));
    }
}

#[test]
fn a_body_has_up_to_16384_bytes_everywhere() {
    let server = Server::start();
    let [alice, bob] = alice_and_bob();
    for transport in Transport::ALL {
        let mut sender = server.client(transport, &alice, None);
        let body_of_len = |len: usize| {
            let body = body_of(&to_user(&bob.uid, &format!("{transport:?}"), vec![7; len - 100]));
            // Envelope and field names take less than 100 bytes; the rest is padding.
            let unknown = field(15, &vec![0; len - body.len() - 2]);
            let padded = [&body[..], &unknown].concat();
            assert_eq!(padded.len(), len);
            padded
        };
        sender.send(&frame(SEND, 1, body_of_len(16_384)));
        let answer = sender.answer(1);
        assert_eq!(sender.takes(1).message().log_id, answer.log_id);
        sender.send_bytes(&frame(SEND, 2, body_of_len(16_385)).encode());
        let expected = match transport {
            Transport::Tcp => Ending::Fin,
            Transport::WebSocket | Transport::HttpPort => Ending::Close(Some(1009)),
        };
        assert_eq!(sender.ends(), expected);
    }
}
