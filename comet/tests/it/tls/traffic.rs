//! Sessions over TLS: what they say arrives, whichever way it is written.

use comet::{Closed, Config, Delivery, Listen, Target};
use comet_testkit::client::{Client, Transport};
use comet_testkit::clock;
use comet_testkit::frame::{delivery, say};

use crate::io::ways;
use crate::support::gateway::{Server, Setup, anywhere, config};
use crate::support::place::everywhere;
use crate::support::tls::{secured, tls};

/// A gateway with a TCP listener for TLS at the end.
fn server(config: Config) -> Server {
    Setup::new(config).listen(Listen::tcp(anywhere()).tls(tls())).start()
}

fn client(server: &Server) -> Client {
    Client::over(Transport::Tcp, secured(server.gateway.addresses()[2]))
}

#[test]
fn large_messages_go_both_ways_and_an_end_is_clean() {
    everywhere(|place| {
        let server = Server::start(
            config(place.shards)
                .limits(|it| it.max_body = 4 << 20)
                .memory(|it| it.write_bytes = 64 << 20),
        );
        let mut client = server.client(place.transport, "alice", "");
        // More than sockets hold, and many records: writing and reading stop and go on.
        let body: Vec<u8> = (0..3 << 20).map(|at: u32| (at % 251) as u8).collect();
        client.send(&say(2, &body));
        let answered = client.receive();
        assert_eq!((answered.seq, answered.body == body), (2, true));
        for number in 1..=9 {
            let delivery = Delivery::acked(vec![number; 100_000]);
            server.gateway.push(Target::user("dtalk", "alice"), delivery).unwrap();
        }
        for number in 1..=9 {
            client.takes(number, &[number as u8; 100_000]);
        }
        server.gateway.kick(Target::user("dtalk", "alice"), "enough").unwrap();
        assert_eq!(client.ending(), place.transport.goodbye(1008));
        assert!(matches!(server.log.closed("alice"), Closed::Kicked(_)));
    });
}

#[test]
fn members_with_and_without_tls_get_a_publish_once_and_in_order() {
    ways(|config| {
        let server = server(config);
        let mut members: Vec<Client> = (0..300)
            .map(|n| {
                let mut client = match n % 3 {
                    0 => server.connect(Transport::WebSocket),
                    _ => client(&server),
                };
                client.sign_in(&format!("m{n}"), "lobby");
                client
            })
            .collect();
        // The last are longer than a record.
        let body = |n: usize| vec![n as u8; if n < 18 { n * 100 } else { 40_000 }];
        for n in 0..20 {
            server.gateway.publish("lobby", Delivery::acked(body(n))).unwrap();
            server.gateway.publish("lobby", Delivery::best_effort(body(n))).unwrap();
        }
        for client in &mut members {
            for n in 0..20 {
                client.takes(n as u32 + 1, &body(n));
                assert_eq!(client.receive(), delivery(0, body(n)));
            }
        }
        assert_eq!(server.stats().deliveries, 300 * 40);
        assert_eq!(server.stats().tls_handshakes, 200);
    });
}

#[test]
fn members_that_do_not_read_or_are_gone_keep_nothing_from_the_others() {
    for (len, rounds) in [(3_000, 3_000), (256 * 1024, 40)] {
        ways(|config| {
            let server = server(config.memory(|it| it.write_bytes = 64 << 20));
            let mut members: Vec<Client> = (0..12).map(|_| client(&server)).collect();
            for (n, member) in members.iter_mut().enumerate() {
                member.sign_in(&format!("m{n}"), "lobby");
            }
            let mut slow = members.remove(7);
            members.remove(5).socket.reset();
            let body = vec![b'x'; len];
            let reads = |client: &mut Client| {
                let frame = client.receive();
                assert_eq!((frame.seq, frame.body == body), (0, true));
            };
            for _ in 0..rounds {
                server.gateway.publish("lobby", Delivery::best_effort(body.clone())).unwrap();
                members.iter_mut().for_each(reads);
            }
            (0..rounds).for_each(|_| reads(&mut slow));
            clock::eventually("the reset one has left", || server.stats().connections == 11);
        });
    }
}
