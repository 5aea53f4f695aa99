//! Messages that no phone has acknowledged, as they are read for pushes.

use comet_sql_testing::{Database, on_each_database};
use comet_store::{Change, Config, MessageHead, Outbox, Receiver, Store, Unreceived};

use crate::support::{Server, proto_of, text, to_group, until};

on_each_database!(
    a_message_waits_for_an_ack_of_a_phone_of_its_receiver,
    a_message_to_a_group_waits_for_each_member_but_its_sender,
    the_record_is_read_in_slices_without_holes,
    only_messages_of_others_are_in_it,
);

/// Everything above an id, read two rows at a time.
async fn heads(store: &Store, mut after: i64) -> Vec<MessageHead> {
    let mut heads = Vec::new();
    loop {
        let slice = store.heads(after, 2).await.unwrap();
        assert!(slice.heads.iter().all(|head| after < head.id && head.id <= slice.through));
        heads.extend(slice.heads);
        after = slice.through;
        if !slice.more {
            assert_eq!(after, store.last_id());
            return heads;
        }
    }
}

async fn send(server: &Server, from: &str, msg_id: &str, target: &str) {
    let common = if target == "77" { to_group(msg_id) } else { text(msg_id, target) };
    let answer = server.post_form(from, "/record/push", &proto_of(&common)).await;
    assert!(answer.starts_with(r#"{"result":0,"#), "{answer}");
}

/// Group 77 with these members.
async fn with_members(database: Database, members: &[&str]) -> Server {
    let outbox = Outbox::default();
    let config = Config::default().outbox(outbox.clone());
    let server = Server::start_with(database, config).await;
    let members = members.iter().map(|&member| member.to_owned()).collect();
    let mut tx = server.database.pool().begin().await.unwrap();
    outbox.append(&mut tx, 77, &[Change::Join(members)]).await.unwrap();
    tx.commit().await.unwrap();
    outbox.wake();
    server.store.flush().await;
    server
}

/// Users, with the numbers and the senders of what they miss.
fn missing(unreceived: Vec<Unreceived>) -> Vec<(String, u32, String)> {
    let mut missing: Vec<_> =
        unreceived.into_iter().map(|it| (it.user, it.count, it.from)).collect();
    missing.sort();
    missing
}

fn misses(user: &str, count: u32, from: &str) -> (String, u32, String) {
    (user.into(), count, from.into())
}

async fn a_message_waits_for_an_ack_of_a_phone_of_its_receiver(database: Database) {
    let server = Server::start(database).await;
    let mut phone = server.login("bob+phone");
    let mut desktop = server.login("bob");
    let mut sleeping = server.login("carol+phone");
    server.sessions(3).await;
    for (msg_id, target) in [("m-1", "bob"), ("m-2", "carol"), ("m-3", "bob"), ("m-4", "dave")] {
        send(&server, "alice", msg_id, target).await;
    }
    let heads = heads(&server.store, 0).await;
    let targets = heads.iter().map(|head| head.to.clone()).collect::<Vec<_>>();
    let user = |name: &str| Receiver::User(name.to_owned());
    assert_eq!(targets, ["bob", "carol", "bob", "dave"].map(user));
    let ask = async || {
        server.store.flush().await;
        missing(server.store.unreceived_by_users(&heads).await.unwrap())
    };
    let others = [misses("carol", 1, "alice"), misses("dave", 1, "alice")];
    assert_eq!(ask().await, [&[misses("bob", 2, "alice")], &others[..]].concat());

    // Acks of a desktop do not count.
    assert_eq!(desktop.message().msg_id, "m-1");
    assert_eq!(desktop.message().msg_id, "m-3");
    assert_eq!(phone.message().msg_id, "m-1");
    let one_left = [&[misses("bob", 1, "alice")], &others[..]].concat();
    until(async || ask().await == one_left).await;
    assert_eq!(phone.message().msg_id, "m-3");
    until(async || ask().await == others).await;
    // What is delivered is not acknowledged yet.
    sleeping.delivery();
    assert_eq!(ask().await, others);
    server.stop().await;
}

async fn a_message_to_a_group_waits_for_each_member_but_its_sender(database: Database) {
    let members = ["alice", "bob", "carol", "dave", "erin"];
    let server = with_members(database, &members).await;
    let mut phone = server.login("bob+phone");
    server.sessions(1).await;
    send(&server, "alice", "m-1", "77").await;
    send(&server, "carol", "m-2", "77").await;
    let heads = heads(&server.store, 0).await;
    assert_eq!(heads.len(), 2);
    let ask = async || {
        server.store.flush().await;
        let (mut all, mut after, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = server.store.unreceived_by_members(77, &heads, &after, 2).await.unwrap();
            all.extend(page.0);
            pages += 1;
            let Some(next) = page.1 else { break };
            after = next;
        }
        assert_eq!(pages, 3, "five members, two at a time");
        missing(all)
    };
    let others = ["dave", "erin"].map(|user| misses(user, 2, "carol"));
    let authors = [misses("alice", 1, "carol"), misses("carol", 1, "alice")];
    let [alice, carol] = authors;
    let with_bob = |bob| [vec![alice.clone()], bob, vec![carol.clone()], others.to_vec()].concat();
    assert_eq!(ask().await, with_bob(vec![misses("bob", 2, "carol")]));
    assert_eq!(phone.message().msg_id, "m-1");
    until(async || ask().await == with_bob(vec![misses("bob", 1, "carol")])).await;
    assert_eq!(phone.message().msg_id, "m-2");
    until(async || ask().await == with_bob(vec![])).await;

    let elsewhere = server.store.unreceived_by_members(78, &heads, "", 9).await.unwrap();
    assert_eq!(elsewhere, (Vec::new(), None));
    server.stop().await;
}

async fn the_record_is_read_in_slices_without_holes(database: Database) {
    let server = Server::start(database).await;
    for n in 0..7 {
        let target = if [0, 5, 6].contains(&n) { "77" } else { "bob" };
        send(&server, "alice", &format!("m-{n}"), target).await;
    }
    let all = heads(&server.store, 0).await;
    assert!(all.is_sorted_by_key(|head| head.id) && all.len() == 7, "{all:?}");
    assert_eq!(server.store.heads(0, 100).await.unwrap().heads, all);
    assert_eq!(heads(&server.store, all[4].id).await, all[5..]);
    let nothing = server.store.heads(all[6].id, 100).await.unwrap();
    assert_eq!((nothing.heads, nothing.through, nothing.more), (vec![], all[6].id, false));
    server.stop().await;
}

async fn only_messages_of_others_are_in_it(database: Database) {
    let server = with_members(database, &["bob"]).await;
    let outbox_entry = server.store.last_id();
    assert!(outbox_entry > 0);
    send(&server, "alice", "m-1", "alice").await;
    send(&server, "alice", "m-2", "bob").await;
    send(&server, "alice", "m-3", "77").await;
    let before = heads(&server.store, 0).await;
    assert_eq!(before.len(), 2);
    for (head, kind) in before.iter().zip([0, 1]) {
        let body = format!(r#"{{"type":{kind},"logId":{}}}"#, head.id);
        let answer = server.post_json("alice", "/app/record/revoke", &body).await;
        assert!(answer.starts_with(r#"{"result":0,"#), "{answer}");
    }
    assert_eq!(heads(&server.store, 0).await, []);
    assert_eq!(server.store.unreceived_by_users(&before).await.unwrap(), []);
    server.stop().await;
}
