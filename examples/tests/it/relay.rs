//! Properties of the relay that load generators and conformance suites depend on.

use std::process::Command;
use std::time::Duration;

use comet_testkit::client::{Client, Ending, Next, Transport};
use comet_testkit::clock;
use comet_testkit::frame::{Frame, Wire, ack, auth, delivery, frame, reply, say};
use comet_testkit::ports::ANYWHERE;
use comet_testkit::program::Listening;
use comet_testkit::socket::Socket;

use crate::example::Example;

/// Runs the scenario on one shard and on two, over TCP and over WebSocket.
fn everywhere(flags: &[&str], scenario: impl Fn(&Example, Transport)) {
    for shards in ["1", "2"] {
        let relay = Example::relay(&[&["--shards", shards][..], flags].concat());
        scenario(&relay, Transport::Tcp);
        scenario(&relay, Transport::WebSocket);
    }
}

/// All 256 bytes.
fn all_bytes() -> Vec<u8> {
    (0..=255).collect()
}

#[test]
fn it_says_where_it_listens_once_it_is_ready() {
    let program =
        |flags: &[&str]| Example::start(Command::new(env!("CARGO_BIN_EXE_relay")).args(flags));
    let both = program(&["--ws", ANYWHERE, "--tcp", ANYWHERE]);
    let (tcp, ws) = (both.address(Transport::Tcp), both.address(Transport::WebSocket));
    assert_eq!(both.line, format!("listening tcp={tcp} ws={ws}"));
    assert!(tcp.port() != 0 && ws.port() != 0);
    both.client(Transport::Tcp, "alice", "");
    both.client(Transport::WebSocket, "alice", "");

    let any = program(&["--any", ANYWHERE]);
    let address = Listening(any.line).at("any");
    Client::connect(&address, Transport::Tcp).sign_in("alice", "");
    Client::connect(&address, Transport::WebSocket).sign_in("alice", "");

    let one = program(&["--tcp", ANYWHERE]);
    assert_eq!(one.line, format!("listening tcp={}", one.address(Transport::Tcp)));
    let other = program(&["--ws", ANYWHERE]);
    assert_eq!(other.line, format!("listening ws={}", other.address(Transport::WebSocket)));
}

#[test]
fn behind_a_balancer_it_takes_the_header_that_it_requires() {
    let flags = ["--any", ANYWHERE, "--proxy-protocol", "--trusted-proxy", "127.0.0.0/8"];
    let relay = Example::start(Command::new(env!("CARGO_BIN_EXE_relay")).args(flags));
    let address = Listening(relay.line).at("any");
    let mut socket = Socket::connect(address);
    socket.write("PROXY TCP4 198.51.100.7 10.0.0.1 4711 443\r\n");
    Client::over(Transport::Tcp, socket).sign_in("alice", "");
    let mut without = Socket::connect(address);
    without.write("hello");
    assert_eq!(without.rest().0, b"");
}

#[test]
fn an_address_in_use_ends_it_with_an_error_that_names_it() {
    let relay = Example::relay(&[]);
    let taken = relay.address(Transport::Tcp).to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_relay")).args(["--tcp", &taken]).output();
    let output = output.unwrap();
    assert!(!output.status.success());
    assert_eq!(output.stdout, b"");
    assert!(String::from_utf8_lossy(&output.stderr).contains(&taken));
}

#[test]
fn a_message_goes_byte_for_byte_to_every_member_of_each_room_of_the_sender() {
    everywhere(&[], |relay, transport| {
        let mut sender = relay.client(transport, "sender", "red,blue");
        let mut red = relay.client(transport, "red", "red");
        let mut both = relay.client(transport, "both", "blue,red,green");
        let mut green = relay.client(transport, "green", "green");
        for round in 1..=20 {
            sender.send(&say(round + 100, all_bytes()));
            red.takes(round, &all_bytes());
            both.takes(2 * round - 1, &all_bytes());
            both.takes(2 * round, &all_bytes());
            let mut frames = sender.receive_all(3);
            frames.sort_by_key(|frame| (frame.op, frame.seq));
            let [first, second] = [2 * round - 1, 2 * round];
            let expected = [
                reply(round + 100, b""),
                delivery(first, all_bytes()),
                delivery(second, all_bytes()),
            ];
            assert_eq!(frames, expected);
            sender.send_all(&[ack(first), ack(second)]);
        }
        green.beat(1);
    });
}

#[test]
fn without_a_room_a_message_goes_to_its_sender_alone() {
    everywhere(&[], |relay, transport| {
        let mut alone = relay.client(transport, "alone", "");
        let mut same_user = relay.client(transport, "alone", "");
        alone.send(&Frame { ack: 9, ..say(7, b"hello") });
        let mut frames = alone.receive_all(2);
        frames.sort_by_key(|frame| frame.op);
        assert_eq!(frames, [reply(7, b""), delivery(1, b"hello")]);
        same_user.beat(2);
    });
}

#[test]
fn a_message_with_an_address_goes_there_alone_and_without_its_first_line() {
    everywhere(&["--addressed"], |relay, transport| {
        let mut sender = relay.client(transport, "sender", "red,blue");
        let mut red = relay.client(transport, "red", "red");
        let mut blue = relay.client(transport, "blue", "blue");
        sender.send(&say(1, b"#blue\n#red\nto blue"));
        blue.takes(1, b"#red\nto blue");
        sender.send(&say(2, b"@red\nto red"));
        red.takes(1, b"to red");
        sender.send(&say(3, b"to both"));
        red.takes(2, b"to both");
        blue.takes(2, b"to both");
        let mut heard = sender.receive_all(6);
        heard.sort_by_key(|frame| (frame.op, frame.seq));
        let replies = [1, 2, 3].map(|seq| reply(seq, b""));
        let own = [delivery(1, b"#red\nto blue"), delivery(2, b"to both"), delivery(3, b"to both")];
        assert_eq!(heard, [&replies[..], &own[..]].concat());
        sender.send_all(&[1, 2, 3].map(ack));
        sender.send(&say(4, b"#green\nto others"));
        // A refused message has no reply.
        sender.beat(5);
    });
}

#[test]
fn members_hear_each_other_across_transports() {
    let relay = Example::relay(&["--shards", "2"]);
    let transports = [Transport::Tcp, Transport::WebSocket];
    let mut clients: Vec<Client> = (0..8)
        .map(|number| relay.client(transports[number % 2], &format!("user-{number}"), "lobby"))
        .collect();
    for seq in 1..=8 {
        let body = format!("said by {seq}");
        clients[seq - 1].send(&say(1, &body));
        for (number, client) in (1..).zip(&mut clients) {
            let mut frames = client.receive_all(if number == seq { 2 } else { 1 });
            frames.retain(|frame| *frame != reply(1, b""));
            assert_eq!(frames, [delivery(seq as u32, &body)]);
            client.send(&ack(seq as u32));
        }
    }
    clients.iter_mut().for_each(|client| client.beat(9));
}

#[test]
fn best_effort_deliveries_carry_no_number_and_want_no_ack() {
    everywhere(&["--delivery", "best-effort"], |relay, transport| {
        let mut sender = relay.client(transport, "sender", "lobby");
        let mut member = relay.client(transport, "member", "lobby");
        for seq in 1..=300 {
            sender.send(&say(seq, seq.to_string()));
            let mut frames = sender.receive_all(2);
            frames.sort_by_key(|frame| frame.op);
            assert_eq!(frames, [reply(seq, b""), delivery(0, seq.to_string())]);
            assert_eq!(member.receive(), delivery(0, seq.to_string()));
        }
        sender.send(&say(301, b""));
        assert_eq!(member.receive(), delivery(0, b""));
    });
}

#[test]
fn an_acked_delivery_comes_again_after_about_two_seconds_and_another_does_not() {
    let acked = Example::relay(&["--shards", "1"]);
    let once = Example::relay(&["--shards", "1", "--delivery", "best-effort"]);
    let mut clients = [&acked, &once].map(|relay| relay.client(Transport::Tcp, "alice", ""));
    let start = clock::now();
    clients.iter_mut().for_each(|client| client.send(&say(1, b"hello")));
    let [mut acked, mut once] = clients;
    let first = acked.receive_all(2);
    assert!(first.contains(&delivery(1, b"hello")));
    assert_eq!(acked.receive(), delivery(1, b"hello"));
    let time = clock::now() - start;
    assert!(time >= Duration::from_secs(2), "sent again after {time:?}");
    assert!(time < Duration::from_secs(4), "sent again after {time:?}");
    assert!(once.receive_all(2).contains(&delivery(0, b"hello")));
    once.beat(2);
}

#[test]
fn many_messages_sent_ahead_are_all_answered_and_delivered_in_order() {
    everywhere(&[], |relay, transport| {
        let mut client = relay.client(transport, "alice", "lobby");
        client.send_all(&(1..=500).map(|seq| say(seq, seq.to_string())).collect::<Vec<_>>());
        let frames = client.receive_all(1_000);
        let (deliveries, replies): (Vec<_>, Vec<_>) =
            frames.into_iter().partition(|frame| frame.op == 9);
        let expected: Vec<_> = (1..=500).map(|seq| reply(seq, b"")).collect();
        assert_eq!(replies, expected);
        let expected: Vec<_> = (1..=500).map(|seq| delivery(seq, seq.to_string())).collect();
        assert_eq!(deliveries, expected);
    });
}

#[test]
fn nobody_is_let_in_without_a_name_or_with_rooms_that_are_no_text() {
    everywhere(&[], |relay, transport| {
        let mut bad_rooms = auth(1, "alice", "room");
        let len = bad_rooms.body.len();
        bad_rooms.body[len - 1] = 0xff;
        for request in [auth(1, "", "lobby"), bad_rooms] {
            let mut client = relay.connect(transport);
            client.send(&request);
            assert_eq!(client.next(clock::deadline()), Next::Ended(transport.goodbye(1008)));
        }
        relay.client(transport, "alice", ",lobby,,").beat(2);
    });
}

#[test]
fn a_mebibyte_is_taken_and_a_byte_more_is_not() {
    let relay = Example::relay(&[]);
    for transport in [Transport::Tcp, Transport::WebSocket] {
        let mut client = relay.client(transport, "alice", "");
        let body: Vec<u8> = (0..1 << 20).map(|at| (at / 4_099) as u8).collect();
        client.send(&say(1, &body));
        let mut frames = client.receive_all(2);
        frames.sort_by_key(|frame| frame.op);
        assert!(frames == [reply(1, b""), delivery(1, &body)]);
        let longer = client.bytes(&[say(2, vec![7; (1 << 20) + 1])]);
        let _ = client.socket.try_write(&longer);
        let ending = client.ending();
        assert!([transport.goodbye(1009), Ending::Reset].contains(&ending), "{ending:?}");
    }
}

#[test]
fn the_longest_message_is_a_flag() {
    everywhere(&["--max-message", "1000"], |relay, transport| {
        let mut client = relay.client(transport, "alice", "");
        client.send(&say(1, [7; 1_000]));
        let mut frames = client.receive_all(2);
        frames.sort_by_key(|frame| frame.op);
        assert_eq!(frames, [reply(1, b""), delivery(1, [7; 1_000])]);
        client.send(&say(2, [7; 1_001]));
        assert_eq!(client.ending(), transport.goodbye(1009));
    });
}

#[test]
fn a_goim_client_is_in_the_room_that_its_json_names() {
    everywhere(&[], |relay, transport| {
        let mut goim = relay.connect(transport);
        goim.wire = Wire::Goim;
        let json = br#"{"mid":123,"key":"","room_id":"live://1000","accepts":[1000]}"#;
        goim.send(&frame(7, 1, json));
        assert_eq!(goim.receive(), frame(8, 1, b""));
        let mut dtalk = relay.client(transport, "alice", "live://1000");

        dtalk.send(&say(2, b"from dtalk"));
        assert_eq!(pushed(&mut goim), b"from dtalk");
        let mut frames = dtalk.receive_all(2);
        frames.sort_by_key(|frame| frame.op);
        assert_eq!(frames, [reply(2, b""), delivery(1, b"from dtalk")]);
        dtalk.send(&ack(1));

        goim.send(&frame(4, 5, b"from goim"));
        let own = goim.receive();
        // The reply has the same op and seq, and arrives before or after the delivery.
        let (answer, push) =
            if own.op == 4 { (own, pushed(&mut goim)) } else { (goim.receive(), body_of(own)) };
        assert_eq!((answer, push), (frame(4, 5, b""), b"from goim".to_vec()));
        dtalk.takes(2, b"from goim");
    });
}

/// A goim client with a session.
fn goim(relay: &Example, transport: Transport, mid: u32, room: &str, accepts: &str) -> Client {
    let mut client = relay.connect(transport);
    client.wire = Wire::Goim;
    let json = format!(r#"{{"mid":{mid},"key":"","room_id":"{room}","accepts":[{accepts}]}}"#);
    client.send(&frame(7, 1, json.as_bytes()));
    assert_eq!(client.receive(), frame(8, 1, b""));
    client
}

/// A request about the client itself, and its answer: the next op, and the same body.
fn asks(client: &mut Client, op: u32, body: &str) {
    client.send(&frame(op, op, body.as_bytes()));
    assert_eq!(client.receive(), frame(op + 1, op, body.as_bytes()));
}

/// Number of clients in the client's room.
fn online(client: &mut Client) -> u32 {
    client.send(&frame(2, 9, b""));
    let reply = client.receive();
    assert_eq!((reply.op, reply.seq), (3, 9));
    u32::from_be_bytes(reply.body.try_into().unwrap())
}

#[test]
fn a_goim_client_changes_its_room_and_is_told_how_many_are_there() {
    everywhere(&[], |relay, transport| {
        let mut one = goim(relay, transport, 1, "live://1", "");
        let mut two = goim(relay, transport, 2, "live://1", "");
        let mut dtalk = relay.client(transport, "alice", "live://2");
        let both = |one: &mut Client, two: &mut Client| (online(one), online(two));
        assert_eq!(both(&mut one, &mut two), (2, 2));

        asks(&mut two, 12, "live://2");
        clock::eventually("it has moved", || both(&mut one, &mut two) == (1, 2));
        dtalk.send(&say(2, b"welcome"));
        assert_eq!(pushed(&mut two), b"welcome");
        one.send(&frame(4, 3, b"to the first room alone"));
        let mut frames = [one.receive(), one.receive()];
        frames.sort_by_key(|frame| frame.op != 4);
        let [reply, push] = frames;
        assert_eq!((reply, body_of(push)), (frame(4, 3, b""), b"to the first room alone".to_vec()));

        asks(&mut two, 12, "");
        clock::eventually("it has left", || both(&mut one, &mut two) == (1, 0));
        asks(&mut two, 12, "live://1");
        clock::eventually("it is back", || both(&mut one, &mut two) == (2, 2));
        drop(one);
        clock::eventually("it is alone", || online(&mut two) == 1);
    });
}

#[test]
fn a_goim_client_gets_pushes_of_the_ops_that_it_accepts() {
    everywhere(&["--addressed"], |relay, transport| {
        let mut sender = goim(relay, transport, 1, "", "");
        let mut push = |body: &str| {
            sender.send(&frame(4, 2, format!("@7\n{body}").as_bytes()));
            assert_eq!(sender.receive(), frame(4, 2, b""));
        };
        let mut member = goim(relay, transport, 7, "", "1000");
        push("by the auth");
        assert_eq!(pushed(&mut member), b"by the auth");
        asks(&mut member, 16, "1000,1001");
        push("nobody gets this");
        asks(&mut member, 14, "1000,x");
        push("nor this: the list is broken");
        asks(&mut member, 14, "999,1000");
        push("by sub");
        assert_eq!(pushed(&mut member), b"by sub");
    });
}

/// The body of the next push to a goim client.
fn pushed(client: &mut Client) -> Vec<u8> {
    let packet = client.receive();
    body_of(packet)
}

/// The body of a push: on WebSocket it is wrapped in a raw packet.
fn body_of(packet: Frame) -> Vec<u8> {
    let packet = if packet.op == 9 { Wire::Goim.parse(&packet.body) } else { packet };
    assert_eq!((packet.op, packet.seq), (1_000, 0));
    packet.body
}

#[test]
fn a_device_that_names_itself_gets_what_it_missed_numbered_anew() {
    let relay = Example::relay(&["--resume-ttl", "60", "--shards", "2"]);
    let mut other = relay.client(Transport::Tcp, "other", "lobby");
    let mut alice = relay.client(Transport::Tcp, "alice", "lobby,device=phone");
    for seq in 1..=3 {
        other.send(&say(seq, seq.to_string()));
        other.receive_all(2);
        assert_eq!(alice.receive(), delivery(seq, seq.to_string()));
    }
    alice.send(&ack(1));
    alice.beat(9);
    drop(alice);
    other.send(&say(4, b"4"));
    other.receive_all(2);

    let mut tablet = relay.client(Transport::Tcp, "alice", "lobby,device=tablet");
    let mut alice = relay.client(Transport::WebSocket, "alice", "lobby,device=phone");
    for (seq, body) in [(1, b"2"), (2, b"3"), (3, b"4")] {
        alice.takes(seq, body);
    }
    alice.beat(2);
    tablet.beat(2);
}

#[test]
fn limits_that_make_no_sense_end_it_with_an_error() {
    let flags = ["--tcp", ANYWHERE, "--shards", "1", "--memory-budget", "1000"];
    let output = Command::new(env!("CARGO_BIN_EXE_relay")).args(flags).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("relay: ") && said.contains("memory.budget"), "{said}");
}
