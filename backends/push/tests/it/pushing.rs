//! From messages that wait to vendors, with a store and devices on each database.

use std::collections::BTreeSet;
use std::time::Duration;

use comet_push::vendors::{Apns, Webhook};
use comet_push::{Config, Pushes};
use comet_sql_testing::{Database, on_each_database};
use rcgen::KeyPair;

use crate::stub::{Speaks, Stub, trust};
use crate::world::{World, until};

on_each_database!(
    an_invalid_token_is_forgotten,
    a_vendor_that_fails_is_asked_again_within_the_time_limit,
    what_a_stop_has_left_is_pushed_by_the_next_run,
    a_large_group_is_pushed_in_batches,
    while_a_push_waits_newer_ones_of_its_conversation_join_it,
);

fn quick() -> Config {
    Config::default().after(Duration::from_millis(100)).text("A message")
}

fn apns(stub: &Stub) -> Apns {
    let key = KeyPair::generate().unwrap().serialize_pem().into();
    Apns::new(&stub.url, (&key, "K".into()), "T".into(), "com.example", &trust()).unwrap()
}

fn webhook(stub: &Stub) -> Webhook {
    Webhook::new(&stub.url, &"whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRo=".into(), &trust()).unwrap()
}

async fn sent(pushes: &Pushes, count: u64) {
    until(&format!("{count} are sent"), || pushes.stats().sent == count).await;
}

async fn an_invalid_token_is_forgotten(database: Database) {
    let (world, stub) = (World::new(database).await, Stub::start(Speaks::Http2).await);
    world.phone("alice", "爱丽丝", "").await;
    world.phone("bob", "", "b0b").await;
    world.phone("carol", "", "ca401").await;
    let pushes = world.pushes(quick(), apns(&stub)).await;
    stub.reply(410, r#"{"reason":"Unregistered","timestamp":1}"#);
    world.send("alice", "m-1", "bob").await;
    until("the token is invalid", || pushes.stats().invalid_tokens == 1).await;
    let seen = stub.last();
    assert_eq!(seen.path, "/3/device/b0b");
    assert_eq!(seen.json()["aps"]["alert"]["title"], "爱丽丝");
    assert_eq!(seen.json()["aps"]["alert"]["body"], "A message");
    assert_eq!(
        (&seen.json()["address"], &seen.json()["channelType"]),
        (&"alice".into(), &"0".into())
    );

    world.send("alice", "m-2", "bob").await;
    world.send("dave", "m-3", "carol").await;
    sent(&pushes, 1).await;
    assert_eq!(stub.last().path, "/3/device/ca401");
    // Without a name the address is the title.
    assert_eq!(stub.last().json()["aps"]["alert"]["title"], "dave");
    until("bob has no token", || pushes.stats().unreachable == 1).await;
    assert_eq!(stub.seen().len(), 2);
    assert_eq!(world.registry.phones_with_tokens(&["bob"]).await.unwrap(), []);
    pushes.stop().await;
}

async fn a_vendor_that_fails_is_asked_again_within_the_time_limit(database: Database) {
    let (world, stub) = (World::new(database).await, Stub::start(Speaks::Http2).await);
    world.phone("bob", "", "b0b").await;
    let limit = Duration::from_millis(3_500);
    let pushes = world.pushes(quick().time_limit(limit), apns(&stub)).await;
    stub.reply(503, r#"{"reason":"Shutdown"}"#);
    world.send("alice", "m-1", "bob").await;
    sent(&pushes, 1).await;
    assert_eq!((pushes.stats().requests, pushes.stats().retried), (2, 1));

    (0..9).for_each(|_| stub.reply(500, "{}"));
    world.send("alice", "m-2", "bob").await;
    until("it is given up", || pushes.stats().expired == 1).await;
    let stats = pushes.stats();
    assert_eq!((stats.sent, stats.refused, stats.waiting), (1, 0, 0));
    assert!((4..=6).contains(&stats.requests), "{stats:?}");
    pushes.stop().await;
}

async fn what_a_stop_has_left_is_pushed_by_the_next_run(database: Database) {
    let (world, stub) = (World::new(database).await, Stub::start(Speaks::Http2).await);
    for user in ["bob", "carol"] {
        world.phone(user, "", user).await;
    }
    world.send("alice", "m-0", "bob").await;
    let pushes = world.pushes(quick(), apns(&stub)).await;
    world.send("alice", "m-1", "carol").await;
    sent(&pushes, 1).await;
    assert_eq!(stub.last().path, "/3/device/carol", "nothing older than the first run");
    stub.reply(503, "{}");
    world.send("alice", "m-2", "bob").await;
    until("it has failed", || pushes.stats().retried == 1).await;
    pushes.stop().await;

    let again = world.pushes(quick(), apns(&stub)).await;
    sent(&again, 1).await;
    again.stop().await;
    let last = world.pushes(quick(), apns(&stub)).await;
    world.send("alice", "m-3", "carol").await;
    sent(&last, 1).await;
    let paths: Vec<String> = stub.seen().into_iter().map(|seen| seen.path).collect();
    let expected = ["carol", "bob", "bob", "carol"].map(|user| format!("/3/device/{user}"));
    assert_eq!(paths, expected);
    last.stop().await;
}

async fn a_large_group_is_pushed_in_batches(database: Database) {
    const MEMBERS: usize = 1_100;
    let (world, stub) = (World::new(database).await, Stub::start(Speaks::Http1).await);
    let users: Vec<String> = (0..MEMBERS).map(|n| format!("user-{n:04}")).collect();
    for user in &users {
        world.phone(user, "", &format!("token of {user}")).await;
    }
    world.join(77, users.clone()).await;
    let pushes = world.pushes(quick(), webhook(&stub)).await;
    world.send("user-0007", "m-1", "77").await;
    world.send("user-0008", "m-2", "77").await;
    sent(&pushes, MEMBERS as u64).await;
    let (mut found, seen) = (BTreeSet::new(), stub.seen());
    for push in
        seen.iter().flat_map(|seen| seen.json()["data"]["pushes"].as_array().unwrap().clone())
    {
        let user = push["user"].as_str().unwrap().to_owned();
        assert_eq!(push["token"], format!("token of {user}"));
        let count = if ["user-0007", "user-0008"].contains(&&*user) { 1 } else { 2 };
        assert_eq!(push["count"], count, "{user}");
        assert!(found.insert(user), "one for each");
    }
    assert_eq!(found.into_iter().collect::<Vec<_>>(), users);
    assert!(seen.len() < 30, "{} requests", seen.len());
    pushes.stop().await;
}

async fn while_a_push_waits_newer_ones_of_its_conversation_join_it(database: Database) {
    let (world, stub) = (World::new(database).await, Stub::start(Speaks::Http1).await);
    world.phone("bob", "", "b0b").await;
    world.phone("carol", "", "ca401").await;
    let pushes = world.pushes(quick().requests(1), webhook(&stub)).await;
    // The only request is one that is repeated a second later.
    stub.reply(503, "");
    world.send("alice", "m-0", "carol").await;
    until("it has failed", || pushes.stats().retried == 1).await;
    world.send("alice", "m-1", "bob").await;
    until("the first waits", || pushes.stats().waiting == 1).await;
    world.send("alice", "m-2", "bob").await;
    until("it is replaced", || pushes.stats().collapsed == 1).await;
    sent(&pushes, 2).await;
    let last = stub.last().json()["data"]["pushes"].clone();
    assert_eq!((last.as_array().unwrap().len(), &last[0]["user"]), (1, &"bob".into()));
    assert_eq!(last[0]["count"], 2);
    pushes.stop().await;
}
