//! Peers that send more than they should, or without end.

use std::time::Duration;

use comet::{Closed, Target};
use comet_protocol::ws::WsError;
use comet_testkit::client::{Client, Ending, Transport};
use comet_testkit::clock;
use comet_testkit::frame::{Wire, ack, frame, say};
use comet_testkit::websocket::{self, BINARY, CONTINUATION, FIN, PING, PONG, TEXT, masked};

use crate::support::gateway::{Server, Setup, config};
use crate::support::log::Event;
use crate::support::place::everywhere;

/// Answers that may wait for somebody who never reads: the limit set below, and a read's worth.
const MOST: u64 = 1 << 20;

/// Sends without ever reading: the gateway stops reading in turn, and gives the peer up. `flood`
/// says what is sent over and over, and how long the answers to it are.
fn never_reads(flood: impl Fn(&Client) -> (Vec<u8>, usize) + Sync) {
    everywhere(|place| {
        let time = Duration::from_secs(1);
        let limits = config(place.shards)
            .memory(|it| it.write_bytes = 200_000)
            .io(|it| it.write_timeout = time);
        let server = Server::start(limits);
        let mut good = server.client(place.transport, "good", "");
        let mut flooder = server.client(place.transport, "flooder", "");
        let (bytes, answers) = flood(&flooder);
        flooder.socket.write_until_blocked(&bytes, Duration::from_secs(15));
        assert_eq!(server.log.closed("flooder"), Closed::Slow);
        let stats = server.stats();
        let asked_for = stats.bytes_in * answers as u64 / bytes.len() as u64;
        let waiting = asked_for.saturating_sub(stats.bytes_out);
        assert!(waiting < MOST, "{waiting} of {asked_for} bytes were kept");
        good.beat(2);
    });
}

/// Bytes that WebSocket puts before so many.
fn framing(client: &Client, len: usize) -> usize {
    match client.transport {
        Transport::Tcp => 0,
        Transport::WebSocket => websocket::header(0, 0, len).len(),
    }
}

#[test]
fn a_flood_of_pings_from_who_never_reads_is_not_read_without_end() {
    never_reads(|client| match client.transport {
        Transport::Tcp => (client.bytes(&vec![frame(3, 1, b""); 2_000]), 2_000 * 24),
        Transport::WebSocket => (masked(FIN | PING, &[7; 125]).repeat(500), 500 * 127),
    });
}

#[test]
fn a_flood_of_messages_from_who_never_reads_is_not_read_without_end() {
    never_reads(|client| {
        let answer = 4_020 + framing(client, 4_020);
        (client.bytes(&vec![say(1, [7; 4_000]); 20]), 20 * answer)
    });
}

#[test]
fn frames_that_ask_for_nothing_are_cheap_however_many_come() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut client = server.client(place.transport, "alice", "");
        let nothing = [ack(1), frame(99, 1, b"what"), ack(0), frame(9, 1, b"not yours")];
        let mut bytes = client.bytes(&nothing).repeat(2_500);
        if place.transport == Transport::WebSocket {
            bytes.extend(masked(FIN | PONG, b"nobody asked").repeat(5_000));
        }
        client.socket.write(&bytes);
        client.beat(2);
        let stats = server.stats();
        assert_eq!((stats.stray_acks, stats.frames_ignored), (5_000, 5_000));
    });
}

/// Endless pieces of one message: the client is told this code, and the end has this reason.
fn endless(first: &[u8], piece: &[u8], code: u16, expected: WsError) {
    let server = Server::start(config(1).limits(|it| it.max_fragments = 100));
    let mut client = server.client(Transport::WebSocket, "alice", "");
    let _ = client.socket.try_write([first, &piece.repeat(20_000)].concat());
    assert_eq!(server.log.closed("alice"), Closed::BadWebSocket(expected));
    // What the gateway did not read may reset the connection before the code is seen.
    let ending = client.ending();
    assert!([Ending::Close(Some(code)), Ending::Reset].contains(&ending), "{ending:?}");
    assert!(server.stats().bytes_in < 300_000, "{}", server.stats().bytes_in);
}

#[test]
fn fragments_without_end_are_counted_also_when_they_are_empty() {
    let too_many = WsError::TooManyFragments { limit: 100 };
    endless(&masked(BINARY, b""), &masked(CONTINUATION, b""), 1008, too_many);
    endless(&masked(TEXT, b"a"), &masked(CONTINUATION, b"b"), 1008, too_many);
    let pinged = [masked(FIN | PING, b""), masked(CONTINUATION, b"")].concat();
    endless(&masked(BINARY, b""), &pinged, 1008, too_many);
}

#[test]
fn fragments_that_grow_beyond_the_longest_message_are_refused_from_their_heads() {
    let too_long = WsError::MessageTooLong { limit: 16_404 };
    endless(&masked(BINARY, b""), &masked(CONTINUATION, &[7; 1_000]), 1009, too_long);
}

#[test]
fn a_message_in_as_many_fragments_as_are_allowed_is_taken() {
    let server = Server::start(config(1).limits(|it| it.max_fragments = 100));
    let mut client = server.client(Transport::WebSocket, "alice", "");
    let packet = Wire::Dtalk.bytes(&say(2, [7; 79]));
    let mut bytes = masked(BINARY, &packet[..1]);
    for piece in packet[1..].chunks(1) {
        bytes.extend(masked(CONTINUATION, piece));
    }
    // The last of the hundred ends the message.
    let last = bytes.len() - 7;
    bytes[last] |= FIN;
    client.socket.write(&bytes);
    assert_eq!(packet.len(), 99);
    assert_eq!(client.receive().body, [7; 79]);
}

#[test]
fn the_same_user_may_come_and_go_as_fast_as_it_likes() {
    everywhere(|place| {
        let server = Server::start(config(place.shards));
        let mut good = server.client(place.transport, "alice", "lobby");
        for round in 0..150 {
            let client = server.client(place.transport, "alice", "lobby,other");
            if round % 2 == 0 {
                client.socket.reset();
            }
        }
        clock::eventually("one is left", || server.stats().connections == 1);
        server
            .gateway
            .push(Target::user("dtalk", "alice"), comet::Delivery::acked("hello"))
            .unwrap();
        good.takes(1, b"hello");
        server.gateway.publish("other", comet::Delivery::acked("to nobody")).unwrap();
        good.beat(2);
        assert_eq!(server.stats().rooms, 1);
    });
}

#[test]
fn a_session_that_sends_faster_than_it_may_is_closed_and_a_slower_one_is_not() {
    everywhere(|place| {
        let limits = config(place.shards).limits(|it| it.message_rate = 10);
        let server = Setup::new(limits).start();
        let mut good = server.client(place.transport, "good", "");
        let mut eager = server.client(place.transport, "eager", "");
        (1..=20).for_each(|seq| assert_eq!(good.ask(seq, b""), b""));
        eager.send_all(&vec![say(1, b"x"); 200]);
        let expected = [place.transport.goodbye(1008), Ending::Reset];
        let ending = eager.ending();
        assert!(expected.contains(&ending), "{ending:?}");
        assert_eq!(server.log.closed("eager"), Closed::RateExceeded);
        let taken = server.log.so_far(|event| match event {
            Event::Message(peer, _) if peer.user() == "eager" => Some(()),
            _ => None,
        });
        assert!((20..30).contains(&taken.len()), "{} messages", taken.len());
        good.beat(2);
    });
}
