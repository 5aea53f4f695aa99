//! Memory that runs short: what is given up, who is told, and that it never exceeds the budget.

use std::time::Duration;

use comet::{Config, Delivery, Target};
use comet_testkit::client::Transport;
use comet_testkit::clock;
use comet_testkit::comet::{Comet, Hello, reason};

use crate::support::gateway::{Server, config};
use crate::support::log::Event;

const BUDGET: usize = 2 * 1024 * 1024;

fn tight() -> Config {
    config(1)
        .resume(|it| it.ttl = Duration::from_secs(60))
        .memory(|it| it.budget = BUDGET)
        .delivery(|it| it.queue_bytes = 1 << 30)
}

fn within_budget(server: &Server) {
    let memory = server.stats().memory;
    assert!(memory <= BUDGET as u64, "{memory} bytes");
}

#[test]
fn the_one_for_whom_most_is_kept_loses_it_and_is_told_and_others_lose_nothing() {
    let server = Server::start(tight());
    let greedy = Comet::open(&server, Transport::Tcp, &Hello::new("greedy", ""));
    let modest = Comet::open(&server, Transport::Tcp, &Hello::new("modest", ""));
    let back = [greedy.back("greedy", 0, 0), modest.back("modest", 0, 0)];
    greedy.reset();
    modest.reset();
    server.log.collect(2, |event| matches!(event, Event::Parked(..)).then_some(()));
    let push = |user, delivery| server.gateway.push(Target::user("dtalk", user), delivery).unwrap();
    push("modest", Delivery::acked("keep me").position(1));
    let mut pushed = 0;
    let mut before = 0;
    while server.stats().memory >= before {
        before = server.stats().memory;
        pushed += 1;
        push("greedy", Delivery::acked(vec![7; 10_000]).position(pushed));
        // Memory is looked at when a turn ends.
        let turns = server.stats().turns;
        clock::eventually("the turn that took it is over", || {
            let _ = server.gateway.kick(Target::user("dtalk", "nobody"), "a turn");
            server.stats().turns > turns + 1
        });
        within_budget(&server);
        assert!(pushed < 1_000, "nothing was given up");
    }
    let [greedy, modest] = back;
    let mut modest = Comet::open(&server, Transport::Tcp, &modest);
    assert_eq!(modest.delivery(), (1, "keep me".into()));
    let mut greedy = Comet::open(&server, Transport::Tcp, &greedy);
    assert!(greedy.welcome.resumed);
    let gap = greedy.gap();
    assert_eq!((gap.to, gap.position, gap.reason), (1, 1, reason::MEMORY));
    assert!(gap.count >= pushed - 2, "all but the last pushes: {} of {pushed}", gap.count);
}

#[test]
fn whoever_comes_while_memory_is_short_is_let_in_and_what_waits_for_others_gives_way() {
    let server = Server::start(tight());
    let alice = Comet::open(&server, Transport::Tcp, &Hello::new("alice", ""));
    alice.reset();
    server.log.collect(1, |event| matches!(event, Event::Parked(..)).then_some(()));
    let mut pushed = 0;
    let push = |user: &str| {
        let delivery = Delivery::acked(vec![7; 10_000]);
        server.gateway.push(Target::user("dtalk", user), delivery).unwrap();
    };
    while server.stats().memory < BUDGET as u64 / 16 * 12 {
        pushed += 1;
        push("alice");
        clock::eventually("it is taken", || server.stats().deliveries == pushed);
    }
    for number in 0..100 {
        let user = format!("bob-{number}");
        let mut bob = Comet::open(&server, Transport::WebSocket, &Hello::new(&user, ""));
        (0..4).for_each(|_| push("alice"));
        push(&user);
        assert_eq!(bob.delivery().1.len(), 10_000);
        within_budget(&server);
    }
    assert_eq!(server.stats().turned_away, 0);
    assert!(server.stats().sheds > 0);
}

#[test]
fn a_crowd_that_reads_nothing_stays_within_the_budget() {
    let server = Server::start(tight());
    let crowd: Vec<Comet> = (0..40)
        .map(|number| {
            Comet::open(&server, Transport::Tcp, &Hello::new(&format!("user-{number}"), "hall"))
        })
        .collect();
    for number in 1..=2_000u64 {
        let delivery = match number % 3 {
            0 => Delivery::best_effort(vec![1; 3_000]),
            1 => Delivery::latest(number.to_string(), vec![2; 3_000]),
            _ => Delivery::acked(vec![3; 3_000]).position(number),
        };
        clock::until("the mailbox has room", || {
            server.gateway.publish("hall", delivery.clone()).ok()
        });
        within_budget(&server);
    }
    drop(crowd);
    server.gateway.kick(Target::user("dtalk", "nobody"), "to be after everything").unwrap();
    clock::eventually("memory is given back", || {
        for number in 0..40 {
            let user = format!("user-{number}");
            let _ = server.gateway.kick(Target::user("dtalk", &user), "over");
        }
        server.stats().memory == 0
    });
}
