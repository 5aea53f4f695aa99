//! Sessions that go on with their numbers on another connection, and who may have them.

use std::time::Duration;

use comet::{Closed, Config, Delivery, DevicePolicy, Identity, Target, Winner};
use comet_testkit::client::Transport;
use comet_testkit::comet::{Comet, Hello, code, loss, op, packet};

use crate::support::gateway::{Server, Setup, config};
use crate::support::log::Event;
use crate::support::place::everywhere;

fn keeping(shards: usize) -> Config {
    config(shards).resume(|it| it.ttl = Duration::from_secs(60))
}

fn push(server: &Server, user: &str, bodies: &[&'static str]) {
    for body in bodies {
        server.gateway.push(Target::user("dtalk", user), Delivery::acked(*body)).unwrap();
    }
}

fn other(transport: Transport) -> Transport {
    match transport {
        Transport::Tcp => Transport::WebSocket,
        Transport::WebSocket => Transport::Tcp,
    }
}

#[test]
fn a_session_goes_on_with_its_numbers_on_the_other_transport() {
    everywhere(|place| {
        let server = Server::start(keeping(place.shards));
        let mut alice = Comet::open(&server, place.transport, &Hello::new("alice", "lobby"));
        assert_eq!((alice.welcome.epoch, alice.welcome.resumed), (1, false));
        assert_eq!(alice.welcome.ticket_ttl_ms, 60_000);
        push(&server, "alice", &["one", "two", "three"]);
        assert_eq!(alice.deliveries(3).len(), 3);
        alice.ack(1);
        alice.beat();
        let session = server.log.peer("alice").session();
        let back = alice.back("alice", 2, 0);
        alice.reset();
        server.log.collect(1, |event| matches!(event, Event::Parked(..)).then_some(()));
        push(&server, "alice", &["four"]);
        server.gateway.publish("lobby", Delivery::acked("five")).unwrap();

        let mut alice = Comet::open(&server, other(place.transport), &back);
        assert_eq!((alice.welcome.epoch, alice.welcome.resumed), (2, true));
        let missed = [(3, "three"), (4, "four"), (5, "five")];
        assert_eq!(alice.deliveries(3), missed.map(|(seq, body)| (seq, body.to_owned())));
        alice.ack(5);
        alice.beat();
        assert_eq!(server.log.peer("alice").session(), session);
        let stats = server.stats();
        assert_eq!((stats.resumed, stats.acks, stats.deliveries_lost), (1, 5, 0));
    });
}

#[test]
fn the_newest_connection_takes_the_session_over_and_the_older_one_is_told() {
    everywhere(|place| {
        let server = Server::start(keeping(place.shards));
        let mut old = Comet::open(&server, place.transport, &Hello::new("alice", ""));
        let mut new = Comet::open(&server, place.transport, &old.back("alice", 0, 0));
        assert!(new.welcome.resumed);
        assert_eq!(old.error(), (code::REPLACED, false));
        push(&server, "alice", &["hello"]);
        assert_eq!(new.delivery(), (1, "hello".into()));
    });
}

#[test]
fn a_ticket_that_was_replaced_disturbs_nobody_when_it_comes_late() {
    everywhere(|place| {
        let server = Server::start(keeping(place.shards));
        let first = Comet::open(&server, place.transport, &Hello::new("alice", ""));
        let late = first.back("alice", 0, 0);
        let mut second = Comet::open(&server, place.transport, &first.back("alice", 0, 0));
        second.ack(0);
        second.beat();
        let mut stale = Comet::connect(&server, place.transport);
        let refused = stale.ask(&late).unwrap_err();
        assert_eq!((refused.code, refused.retryable), (code::REPLACED, false));
        push(&server, "alice", &["still here"]);
        assert_eq!(second.delivery(), (1, "still here".into()));
    });
}

#[test]
fn a_request_that_was_overtaken_disturbs_nobody_though_nothing_was_said_since() {
    everywhere(|place| {
        let server = Server::start(keeping(place.shards));
        let first = Comet::open(&server, place.transport, &Hello::new("alice", ""));
        let late = first.back("alice", 0, 0);
        let mut second = Comet::open(&server, place.transport, &first.back("alice", 0, 0));
        let mut stale = Comet::connect(&server, place.transport);
        let refused = stale.ask_as(7, &late).unwrap_err();
        assert_eq!((refused.code, refused.retryable), (code::REPLACED, false));
        push(&server, "alice", &["still here"]);
        assert_eq!(second.delivery(), (1, "still here".into()));
    });
}

#[test]
fn a_welcome_that_was_lost_leaves_the_ticket_before_it_good() {
    everywhere(|place| {
        let server = Server::start(keeping(place.shards));
        let first = Comet::open(&server, place.transport, &Hello::new("alice", ""));
        let again = || first.back("alice", 0, 0);
        let unread = Comet::open(&server, place.transport, &again());
        assert_eq!(unread.welcome.epoch, 2);
        let third = Comet::open(&server, place.transport, &again());
        assert_eq!((third.welcome.epoch, third.welcome.resumed), (3, true));
    });
}

#[test]
fn a_ticket_of_somebody_else_or_a_forged_one_opens_nothing() {
    everywhere(|place| {
        let server = Server::start(keeping(place.shards));
        let mut alice = Comet::open(&server, place.transport, &Hello::new("alice@phone", ""));
        let mut forged = alice.welcome.ticket.clone();
        *forged.last_mut().unwrap() ^= 1;
        for (token, ticket) in [
            ("mallory", alice.welcome.ticket.clone()),
            ("alice@tablet", alice.welcome.ticket.clone()),
            ("carol", forged),
            ("dave", vec![7; 101]),
        ] {
            let theirs =
                Comet::open(&server, place.transport, &Hello { ticket, ..Hello::new(token, "") });
            assert!(!theirs.welcome.resumed, "{token}");
            assert_eq!(theirs.welcome.loss, loss::UNKNOWN, "{token}");
        }
        push(&server, "alice", &["mine"]);
        assert_eq!(alice.delivery(), (1, "mine".into()));
        assert_eq!(server.stats().tickets_refused, 4);
    });
}

#[test]
fn of_what_a_user_has_parked_the_oldest_ends_but_never_the_one_that_is_taken_over() {
    everywhere(|place| {
        let server = Server::start(keeping(place.shards).resume(|it| it.parked_per_user = 1));
        let open = || Comet::open(&server, place.transport, &Hello::new("alice", ""));
        let parked = |count: usize| {
            server.log.collect(count, |event| matches!(event, Event::Parked(..)).then_some(()));
        };
        let (oldest, second, third) = (open(), open(), open());
        let [first, next, last] =
            [&oldest, &second, &third].map(|session| session.back("alice", 0, 0));
        second.reset();
        parked(1);
        let taken_over = Comet::open(&server, place.transport, &first);
        assert!(taken_over.welcome.resumed, "though another is parked, and newer");
        parked(2);
        third.reset();
        parked(3);
        let ended = Comet::open(&server, place.transport, &next);
        assert_eq!((ended.welcome.resumed, ended.welcome.loss), (false, loss::EXPIRED));
        assert!(Comet::open(&server, place.transport, &last).welcome.resumed);
        drop(oldest);
    });
}

#[test]
fn a_session_that_ended_or_expired_is_said_to_have() {
    everywhere(|place| {
        let server =
            Server::start(config(place.shards).resume(|it| it.ttl = Duration::from_millis(50)));
        let mut alice = Comet::open(&server, place.transport, &Hello::new("alice", ""));
        let back = alice.back("alice", 0, 0);
        alice.send(&[packet(op::LEAVE, 0, 0, b"")]);
        assert_eq!(server.log.closed("alice"), Closed::Left);
        let ended = Comet::open(&server, place.transport, &back);
        assert_eq!((ended.welcome.resumed, ended.welcome.loss), (false, loss::ENDED));

        let bob = Comet::open(&server, place.transport, &Hello::new("bob", ""));
        let back = bob.back("bob", 0, 0);
        bob.reset();
        server.log.closed("bob");
        let expired = Comet::open(&server, place.transport, &back);
        assert_eq!((expired.welcome.resumed, expired.welcome.loss), (false, loss::EXPIRED));
    });
}

#[test]
fn a_client_that_claims_what_was_never_sent_gets_a_new_session() {
    everywhere(|place| {
        let server = Server::start(keeping(place.shards));
        let alice = Comet::open(&server, place.transport, &Hello::new("alice", ""));
        let back = alice.back("alice", 7, 0);
        alice.reset();
        let alice = Comet::open(&server, place.transport, &back);
        assert_eq!((alice.welcome.resumed, alice.welcome.loss), (false, loss::UNKNOWN));
    });
}

#[test]
fn what_was_acknowledged_and_is_asked_for_again_is_a_gap() {
    everywhere(|place| {
        let server = Server::start(keeping(place.shards));
        let mut alice = Comet::open(&server, place.transport, &Hello::new("alice", ""));
        push(&server, "alice", &["one", "two", "three"]);
        alice.deliveries(3);
        alice.ack(2);
        alice.beat();
        let back = alice.back("alice", 0, 0);
        alice.reset();
        let mut alice = Comet::open(&server, place.transport, &back);
        assert_eq!(alice.gap().extent(), (2, 2, 0));
        assert_eq!(alice.delivery(), (3, "three".into()));
    });
}

#[test]
fn without_the_capability_or_the_time_no_ticket_is_given_and_nothing_kept() {
    everywhere(|place| {
        let server = Server::start(keeping(place.shards));
        let plain = Hello { capabilities: 0, ..Hello::new("alice", "") };
        let alice = Comet::open(&server, place.transport, &plain);
        assert_eq!((alice.welcome.ticket.len(), alice.welcome.capabilities), (0, 0));
        alice.reset();
        server.log.closed("alice");

        let server = Server::start(config(place.shards));
        let bob = Comet::open(&server, place.transport, &Hello::new("bob", ""));
        assert_eq!((bob.welcome.ticket.len(), bob.welcome.ticket_ttl_ms), (0, 0));
    });
}

#[test]
fn a_user_has_as_many_devices_as_the_policy_says_and_who_loses_is_told() {
    everywhere(|place| {
        let policy = DevicePolicy::default().group(["phone"], 1, Winner::Newest).group(
            ["desktop"],
            1,
            Winner::Oldest,
        );
        let server = Setup::new(config(place.shards).devices(policy))
            .on_connect(|_, request, reply| {
                let (user, class) = request.token.split_once('/').expect("user/class-device");
                let (class, device) = class.split_once('-').expect("user/class-device");
                reply.accept(Identity::new(request.app, user).class(class).device(device));
            })
            .start();
        let mut first = Comet::open(&server, place.transport, &Hello::new("alice/phone-a", ""));
        let _second = Comet::open(&server, place.transport, &Hello::new("alice/phone-b", ""));
        assert_eq!(first.error(), (code::REPLACED, false));
        let _desktop = Comet::open(&server, place.transport, &Hello::new("alice/desktop-a", ""));
        let mut third = Comet::connect(&server, place.transport);
        let refused = third.ask(&Hello::new("alice/desktop-b", "")).unwrap_err();
        assert_eq!((refused.code, refused.retryable), (code::FORBIDDEN, false));
        let _bobs = Comet::open(&server, place.transport, &Hello::new("bob/desktop-a", ""));
        assert_eq!(server.stats().sessions, 3);
    });
}
