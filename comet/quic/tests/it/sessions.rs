//! Sessions on streams: the same as on TCP.

use std::time::Duration;

use comet::{Closed, Delivery, Target};
use comet_testkit::client::{Client, Ending, Transport};
use comet_testkit::comet::{Comet, Hello};
use comet_testkit::frame::{AUTH_REPLY, SEND_REPLY, Wire, ack, auth, delivery, frame, say};

use crate::support::client::{Peer, runtime};
use crate::support::gateway::{Server, config};

#[test]
fn a_stream_is_a_session_until_it_is_kicked() {
    let (server, log) = Server::default();
    let peer = Peer::connect(server.quic.address());
    let mut client = peer.sign_in("alice", "lobby");
    assert_eq!(log.remote("alice"), peer.endpoint.local_addr().unwrap());
    assert_eq!(client.ask(2, b"hello"), b"hello");
    server.gateway.publish("lobby", Delivery::acked("to all")).unwrap();
    client.takes(1, b"to all");
    server.gateway.kick(Target::user("dtalk", "alice"), "enough").unwrap();
    assert_eq!(client.ending(), Ending::Fin);
    assert_eq!(peer.closed(), (0, "the session has ended".to_owned()));
    assert!(matches!(log.closed("alice"), Closed::Kicked(_)));
    server.is_deserted();
    let stats = server.stats();
    assert_eq!((stats.begun, stats.established, stats.adopted), (1, 1, 1), "{stats:?}");
}

#[test]
fn a_client_that_says_goodbye_ends_its_session_itself() {
    let (server, log) = Server::default();
    type End = fn(&Peer, &mut Client);
    let ends: [(&str, End); 2] = [
        ("by its stream", |_, client| client.socket.half_close()),
        ("by its connection", |peer, _| peer.connection.close(0u32.into(), b"bye")),
    ];
    for (user, end) in ends {
        let peer = Peer::connect(server.quic.address());
        let mut client = peer.sign_in(user, "");
        end(&peer, &mut client);
        assert_eq!(log.closed(user), Closed::ByPeer, "{user}");
    }
    server.is_deserted();
}

/// Far more than all windows and pipes hold: both directions stop and go on.
#[test]
fn large_messages_pass_in_both_directions() {
    for threads in [1, 2] {
        let limits = config(2).limits(|it| it.max_body = 4 << 20).memory(|it| {
            it.write_bytes = 64 << 20;
        });
        let quic = comet_quic::Config { threads, ..comet_quic::Config::default() };
        let (server, _) = Server::start(limits, quic);
        let peer = Peer::connect(server.quic.address());
        let mut client = peer.sign_in("alice", "");
        let body: Vec<u8> = (0..3 << 20).map(|at: u32| (at % 251) as u8).collect();
        client.send(&say(2, &body));
        let answer = client.receive();
        assert_eq!((answer.op, answer.seq, answer.body == body), (SEND_REPLY, 2, true));
        for number in 1..=9 {
            server.push("alice", Delivery::acked(vec![number; 100_000]));
        }
        for number in 1..=9 {
            client.takes(number, &[number as u8; 100_000]);
        }
    }
}

#[test]
fn many_sessions_share_a_port_and_hear_their_room_in_order() {
    let (server, _) = Server::default();
    let peers: Vec<Peer> = (0..20).map(|_| Peer::connect(server.quic.address())).collect();
    let mut clients: Vec<Client> = peers
        .iter()
        .enumerate()
        .map(|(number, peer)| peer.sign_in(&format!("user-{number}"), "lobby"))
        .collect();
    let bodies: Vec<Vec<u8>> =
        (0..60u8).map(|number| vec![number; 1 + 90 * usize::from(number)]).collect();
    for body in &bodies {
        server.gateway.publish("lobby", Delivery::best_effort(body.clone())).unwrap();
    }
    for client in &mut clients {
        let heard = client.receive_all(bodies.len());
        assert!(heard.iter().map(|frame| &frame.body).eq(&bodies));
    }
}

#[test]
fn the_first_packet_may_come_in_pieces_and_with_others() {
    let (server, _) = Server::default();
    let peer = Peer::connect(server.quic.address());
    let mut client = Client::over(Transport::Tcp, peer.socket());
    let bytes = client.bytes(&[auth(1, "alice", ""), say(2, b"echo one"), say(3, b"two")]);
    for byte in bytes {
        client.socket.write([byte]);
    }
    assert_eq!(client.receive(), frame(AUTH_REPLY, 1, b""));
    let mut rest = client.receive_all(3);
    rest.sort_by_key(|frame| (frame.op, frame.seq));
    assert_eq!(rest[0].body, b"echo one");
    assert_eq!(rest[1].body, b"two");
    assert_eq!(rest[2], delivery(1, b"echo one"));
    client.send(&ack(1));
    client.hears_nothing_for(Duration::from_millis(100));
}

/// What is told to be the same session: TCP, QUIC, and back, with deliveries between and meanwhile.
#[test]
fn a_session_roams_from_tcp_to_quic_and_back_without_gap_or_duplicate() {
    let resuming = config(2).resume(|it| {
        it.ttl = Duration::from_secs(60);
        it.plain_after_tls = true;
    });
    let (server, _) = Server::start(resuming, comet_quic::Config::default());
    let address = server.gateway.addresses()[0];
    let mut sent = 0;
    let mut push = |count: u32| {
        for _ in 0..count {
            sent += 1;
            server.push("alice", Delivery::acked(format!("number {sent}")));
        }
    };
    let takes = |comet: &mut Comet, numbers: std::ops::RangeInclusive<u32>| {
        for number in numbers {
            comet.takes(number, format!("number {number}"));
        }
    };
    let mut tcp = Comet::open(&address, Transport::Tcp, &Hello::new("alice", ""));
    push(3);
    takes(&mut tcp, 1..=3);
    let back = tcp.back("alice", 3, 0);
    tcp.reset();
    push(4);

    let peer = Peer::connect(server.quic.address());
    let mut quic = Comet::over(Transport::Tcp, peer.socket());
    quic.ask(&back).expect("the session goes on over QUIC");
    takes(&mut quic, 4..=7);
    push(2);
    takes(&mut quic, 8..=9);
    // The network is gone without a word, and the client comes back before the server knows.
    let back = quic.back("alice", 8, 0);
    push(2);

    let mut tcp = Comet::connect(&address, Transport::Tcp);
    tcp.ask(&back).expect("the session goes on over TCP");
    takes(&mut tcp, 9..=11);
    tcp.hears_nothing_for(Duration::from_millis(200));
    assert!(peer.closed().0 == 0, "the older connection is closed");
}

#[test]
fn a_client_that_does_not_read_is_ended_as_slow_within_its_bounds() {
    let limits = config(1).io(|it| it.write_timeout = Duration::from_millis(300));
    let (server, log) = Server::start(limits, comet_quic::Config::default());
    let peer = Peer::connect(server.quic.address());
    let (mut send, mut receive) = peer.open();
    let bytes = Wire::Dtalk.bytes(&auth(1, "alice", ""));
    runtime().block_on(send.write_all(&bytes)).unwrap();
    log.remote("alice");
    for _ in 0..40 {
        server.push("alice", Delivery::acked(vec![1; 100_000]));
    }
    assert_eq!(log.closed("alice"), Closed::Slow);
    // quinn reads ahead as far as the window that it gives by default.
    let rest = runtime().block_on(async { receive.read_to_end(8 << 20).await });
    assert!(rest.map_or(0, |bytes| bytes.len()) < 2 << 20, "what the windows hold");
    server.is_deserted();
}
