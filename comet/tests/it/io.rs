//! Whichever way shards write to sockets, peers see the same.

use comet::{Config, Delivery, Io};
use comet_testkit::client::{Client, Transport};
use comet_testkit::clock;
use comet_testkit::frame::delivery;

use crate::support::gateway::{Server, config};

const WAYS: [Io; 2] = [Io::Epoll, Io::Uring];

/// A way that this system does not let a process go is not tried, and that is said.
pub(crate) fn ways(try_it: impl Fn(Config)) {
    for io in WAYS {
        let config = config(1).io(|it| it.interface = io);
        if io == Io::Uring && !has_rings(&config) {
            #[expect(clippy::print_stderr, reason = "what was not tried should be known")]
            {
                eprintln!("no io_uring on this system: skipped");
            }
            continue;
        }
        try_it(config);
    }
}

fn has_rings(config: &Config) -> bool {
    let start = comet::Gateway::builder(Silent).config(config.clone()).start();
    match start {
        Ok(gateway) => {
            gateway.drain(std::time::Duration::ZERO);
            true
        }
        Err(error) => {
            assert!(matches!(error, comet::StartError::Uring(_)), "{error}");
            false
        }
    }
}

struct Silent;

impl comet::Router for Silent {
    fn connect(&self, _: &comet::Gateway, _: comet::Connect, _: comet::ConnectReply) {}
    fn receive(&self, _: &comet::Gateway, _: &comet::Peer, _: comet::Message, _: comet::Receipt) {}
}

#[test]
fn a_room_of_more_members_than_one_burst_gets_everything_once_and_in_order() {
    ways(|config| {
        let server = Server::start(config);
        let mut members: Vec<Client> = (0..300)
            .map(|n| {
                let transport = [Transport::Tcp, Transport::WebSocket][n % 2];
                server.client(transport, &format!("m{n}"), "lobby")
            })
            .collect();
        for n in 0..20 {
            server.gateway.publish("lobby", Delivery::acked(format!("acked {n}"))).unwrap();
            server.gateway.publish("lobby", Delivery::best_effort(format!("once {n}"))).unwrap();
        }
        for client in &mut members {
            for n in 0..20 {
                client.takes(n + 1, format!("acked {n}").as_bytes());
                assert_eq!(client.receive(), delivery(0, format!("once {n}")));
            }
        }
        assert_eq!(server.stats().deliveries, 300 * 40);
    });
}

#[test]
fn members_that_do_not_read_or_are_gone_keep_nothing_from_the_others() {
    // Bodies that are copied into queues, and some that are referred to; of both more than sockets
    // take, so that the slow one's come in pieces.
    for (len, rounds) in [(3_000, 3_000), (256 * 1024, 40)] {
        ways(|config| {
            let server = Server::start(config.memory(|it| it.write_bytes = 64 << 20));
            let mut members: Vec<Client> =
                (0..20).map(|n| server.client(Transport::Tcp, &format!("m{n}"), "lobby")).collect();
            let mut slow = members.remove(7);
            members.remove(5).socket.reset();
            let body = vec![b'x'; len];
            let reads = |client: &mut Client| {
                let frame = client.receive();
                assert_eq!((frame.seq, frame.body.len()), (0, len));
            };
            for _ in 0..rounds {
                server.gateway.publish("lobby", Delivery::best_effort(body.clone())).unwrap();
                members.iter_mut().for_each(reads);
            }
            (0..rounds).for_each(|_| reads(&mut slow));
            clock::eventually("the reset one has left", || server.stats().connections == 19);
        });
    }
}
