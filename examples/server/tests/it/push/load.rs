//! Price of pushes: reply times while 10,000 offline phones are pushed for each group message.
//!
//! ```text
//! cargo test --release -p comet-server --test it push::load -- --ignored --nocapture
//! ```

use std::time::{Duration, Instant};

use comet_server_testkit::client::{Client, Transport};
use comet_server_testkit::message::{to_group, to_user};
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Addresses, Server, Setup};
use comet_sql::{Location, Pool, Settings, insert};
use serde_json::json;

use super::send;

const MEMBERS: usize = 10_000;
/// Members invited in one request.
const INVITED: usize = 1_000;
/// Time of one run.
const RUN: Duration = Duration::from_secs(20);
/// Interval of messages to the group.
const GROUP: Duration = Duration::from_secs(1);
/// Pause of a sender between its messages.
const PAUSE: Duration = Duration::from_millis(10);
const RUNS: usize = 3;

#[test]
#[ignore = "measures for minutes"]
fn replies_are_as_fast_while_ten_thousand_phones_are_pushed() {
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        without.push(measure(false));
        with.push(measure(true));
    }
    let median = |runs: &mut Vec<Duration>| {
        runs.sort();
        runs[RUNS / 2]
    };
    let (without, with) = (median(&mut without), median(&mut with));
    println!(
        "p99 {without:?} without, {with:?} with: {:.2}",
        with.as_secs_f64() / without.as_secs_f64()
    );
    assert!(with <= without.mul_f64(1.2), "{without:?} without, {with:?} with");
}

/// The p99 of replies in one run.
#[expect(clippy::print_stdout, reason = "for whoever measures")]
fn measure(pushes: bool) -> Duration {
    let setup = Setup::default().set(&format!("group.members={}", MEMBERS + 1));
    let setup = setup.set("push.after_seconds=2");
    let setup = if pushes { setup.set("push.android='log'") } else { setup };
    let mut server = setup.start();
    let users: Vec<String> = (0..MEMBERS).map(|n| format!("offline-{n:05}")).collect();
    assert!(server.stop().success());
    register(&server, &users);
    server.restart();
    let alice = Person::new("alice");
    let group = group(&server, &alice, &users);
    let replies = load(&server.addresses, &alice, group);
    let count = |name: &str| if pushes { server.metric(name) } else { 0 };
    let (sent, requests) = (count("comet_push_sent_total"), count("comet_push_requests_total"));
    if pushes {
        let expected = (RUN - Duration::from_secs(5)).as_secs() * MEMBERS as u64;
        assert!(sent >= expected, "{sent} of {expected} pushes");
        assert!(requests * 100 <= sent, "{sent} pushes in {requests} requests");
    }
    let p99 = replies[replies.len() * 99 / 100];
    println!("{} replies, p99 {p99:?}; {sent} pushes in {requests} requests", replies.len());
    p99
}

/// Phones with tokens, put into the database while the server is stopped.
fn register(server: &Server, users: &[String]) {
    let columns = &[
        "uid",
        "device_type",
        "uuid",
        "device_name",
        "username",
        "device_token",
        "add_time",
        "login",
    ];
    let rows = users.iter().zip(1_i64..).map(|(user, login)| {
        let (uid, token) = (user.as_str().into(), format!("token of {user}").into());
        [uid, 0.into(), "u".into(), "".into(), "".into(), token, 1.into(), login.into()]
    });
    let pool =
        Pool::new(Location::file(server.data_dir().join("accounts.db")), Settings::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut tx = pool.begin().await.expect("a transaction");
        insert("dtalk_device", columns).rows(rows).execute(&mut tx).await.expect("inserted");
        tx.commit().await.expect("committed");
        pool.close().await;
    });
}

fn group(server: &Server, alice: &Person, users: &[String]) -> i64 {
    let asked = json!({"name": "All", "avatar": "", "introduce": "", "memberIds": []});
    let answer = server.post("/group/app/create-group", Some(alice), &asked.to_string());
    let group = answer.envelope().1["id"].as_i64().expect("an id");
    for users in users.chunks(INVITED) {
        let asked = json!({ "id": group, "newMemberIds": users }).to_string();
        let answer = server.post("/group/app/invite-group-members", Some(alice), &asked);
        assert_eq!(answer.envelope().0, 0);
    }
    group
}

/// Times of replies to two users that write to each other, sorted, while the group is written to.
fn load(addresses: &Addresses, alice: &Person, group: i64) -> Vec<Duration> {
    let end = Instant::now() + RUN;
    let mut replies = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while Instant::now() < end {
                let next = Instant::now() + GROUP;
                send(addresses, alice, &to_group(group, &format!("g-{number}"), "hi"));
                number += 1;
                pause(next.saturating_duration_since(Instant::now()));
            }
        });
        let senders = ["bob", "carol"].map(|name| {
            scope.spawn(move || {
                let person = Person::new(name);
                let mut client = Client::signed_in(Transport::Tcp, addresses, &person, None);
                let (to, mut replies) = (Person::new("dave"), Vec::new());
                while Instant::now() < end {
                    let began = Instant::now();
                    client.ask_among(&to_user(&to.uid, &format!("m-{}", replies.len()), "hi"));
                    replies.push(began.elapsed());
                    pause(PAUSE);
                }
                replies
            })
        });
        senders.map(|sender| sender.join().expect("a sender")).concat()
    });
    replies.sort();
    replies
}

/// The rate of a load is a matter of time.
fn pause(time: Duration) {
    std::thread::park_timeout(time);
}
