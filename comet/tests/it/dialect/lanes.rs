//! Which of several that wait goes first, and how they travel.

use comet::{Delivery, Lane, Target};
use comet_testkit::client::Transport;
use comet_testkit::comet::{Comet, Hello};

use crate::support::gateway::{Server, config};
use crate::support::place::everywhere;

#[test]
fn a_signal_does_not_wait_behind_bulk() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).delivery(|it| it.window = 8));
        let mut alice = Comet::open(&server, place.transport, &Hello::new("alice", ""));
        assert_eq!(alice.welcome.deliver_window, 9, "one more for signals");
        let push = |body: String, lane| {
            let delivery = Delivery::acked(body).lane(lane);
            server.gateway.push(Target::user("dtalk", "alice"), delivery).unwrap();
        };
        (0..20).for_each(|number| push(format!("bulk {number}"), Lane::Bulk));
        (0..5).for_each(|number| push(format!("message {number}"), Lane::Normal));
        push("ring".into(), Lane::Signal);
        let first = alice.deliveries(9);
        assert_eq!(first[8], (9, "ring".into()), "though the window is full of bulk");
        push("ring again".into(), Lane::Signal);
        alice.beat();
        alice.ack(1);
        assert_eq!(alice.delivery(), (10, "ring again".into()));
        alice.ack(10);
        let next: Vec<String> = alice.deliveries(6).into_iter().map(|(_, body)| body).collect();
        let order = ["message 0", "message 1", "message 2", "message 3", "bulk 8", "message 4"];
        assert_eq!(next, order);
    });
}

#[test]
fn ranges_free_what_they_name_and_only_that() {
    everywhere(|place| {
        let server = Server::start(config(place.shards).delivery(|it| it.window = 6));
        let mut alice = Comet::open(&server, place.transport, &Hello::new("alice", ""));
        for number in 1..=9u32 {
            let delivery = Delivery::acked(number.to_string()).tag(number.into());
            server.gateway.push(Target::user("dtalk", "alice"), delivery).unwrap();
        }
        assert_eq!(alice.deliveries(6).len(), 6);
        // One is missing, then two have arrived.
        alice.ack_with(1, b"\x01\x02");
        assert_eq!(alice.delivery(), (7, "7".into()), "only the first has left the window");
        alice.beat();
        alice.ack(4);
        assert_eq!(alice.deliveries(2), [(8, "8".into()), (9, "9".into())]);
        [12, 2].into_iter().for_each(|strange| alice.ack(strange));
        alice.beat();
        let stats = server.stats();
        assert_eq!((stats.acks, stats.stray_acks), (4, 2));
    });
}

#[test]
fn what_is_published_together_travels_in_one_websocket_message() {
    let server = Server::start(config(1));
    let mut alice = Comet::open(&server, Transport::WebSocket, &Hello::new("alice", "lobby"));
    for round in 0..50 {
        for number in 0..10 {
            let body = format!("{round}.{number}");
            server.gateway.publish("lobby", Delivery::acked(body)).unwrap();
        }
        assert_eq!(alice.deliveries(10).len(), 10);
        alice.ack((round + 1) * 10);
    }
    let most = alice.client.messages.iter().max();
    assert!(most > Some(&1), "no message of 50 times 10 held several deliveries");
}
