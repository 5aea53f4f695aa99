//! Many clients at once: everything arrives, few commits.

use std::collections::{HashMap, HashSet};

use comet_sql_testing::{Database, on_each_database};
use comet_store::Config;
use comet_testkit::frame::{DELIVER, SEND, SEND_REPLY, frame};
use tokio::task::spawn_blocking;

use crate::support::{Server, message_in, open, proto_of, text};

on_each_database!(pressure_finds_no_failure, a_full_gateway_loses_nothing,);

/// What the pressure tool of the old clients does: plain text to random others, the same frame
/// again until it is answered, acks; a message is a success when its answer and its delivery on
/// another connection carry the same id.
async fn pressure_finds_no_failure(database: Database) {
    const USERS: usize = 20;
    const MESSAGES: usize = 100;
    let server = Server::start(database).await;
    let mut clients = Vec::new();
    for user in 0..USERS {
        clients.push(server.login(&format!("user-{user}")));
    }
    server.sessions(USERS as u64).await;

    let runs = clients.into_iter().enumerate().map(|(user, mut client)| {
        spawn_blocking(move || {
            let mut waiting = HashSet::new();
            for n in 0..MESSAGES {
                let target = format!("user-{}", (user + 1 + n % (USERS - 1)) % USERS);
                let body = proto_of(&text(&format!("{user}-{n}"), &target));
                let seq = u32::try_from(n).unwrap() + 1;
                let frame = frame(SEND, seq, body);
                client.write(&frame);
                if n % 10 == 0 {
                    client.write(&frame);
                }
                waiting.insert(seq);
            }
            let me = format!("user-{user}");
            let (mut answers, mut received) = (HashMap::new(), HashMap::new());
            while answers.len() < MESSAGES || received.len() < MESSAGES {
                let frame = client.read();
                match frame.op {
                    SEND_REPLY => {
                        answers.insert(format!("{user}-{}", frame.ack - 1), frame.body);
                    }
                    DELIVER => {
                        client.ack(&frame);
                        let common = message_in(&frame.body);
                        if common.from != me {
                            let twice = received.insert(common.msg_id.clone(), common.log_id);
                            assert_eq!(twice, None, "{}", common.msg_id);
                        }
                    }
                    op => panic!("op {op}"),
                }
            }
            (answers, received)
        })
    });
    let runs: Vec<_> = runs.collect();
    let (mut answered, mut received) = (HashMap::new(), HashMap::new());
    for run in runs {
        let (answers, got) = run.await.unwrap();
        answered.extend(answers);
        received.extend(got);
    }

    assert_eq!(answered.len(), USERS * MESSAGES);
    let failures = answered.iter().filter(|(msg_id, body)| {
        let ack = <comet_dtalk::message::CommonAck as prost::Message>::decode(&body[4..]);
        received.get(*msg_id).copied() != ack.ok().map(|ack| ack.log_id)
    });
    assert_eq!(failures.count(), 0);
    let stats = server.store.stats();
    assert_eq!((stats.stored, stats.repeated), (2_000, 200));
    assert!(stats.commits * 4 < stats.stored, "{} commits", stats.commits);
    server.stop().await;
}

/// A mailbox of a few commands overflows at once; what does not fit is read from the database.
async fn a_full_gateway_loses_nothing(database: Database) {
    const MESSAGES: usize = 3_000;
    let store = open(&database, Config::default()).await;
    let config = comet::Config::default().memory(|it| it.mailbox = 8).shards(1);
    let server = Server::start_around(store, config, database);
    let bob = server.login("bob");
    let bobs_phone = server.login("bob+phone");
    let mut alice = server.login("alice");
    server.sessions(3).await;

    let reading = [bob, bobs_phone].map(|mut client| {
        spawn_blocking(move || {
            for n in 0..MESSAGES {
                assert_eq!(client.message().msg_id, format!("m-{n}"));
            }
        })
    });
    for n in 0..MESSAGES {
        alice.send(&text(&format!("m-{n}"), "bob"));
        if n % 32 == 31 {
            for _ in 0..32 {
                alice.any_answer();
            }
        }
    }
    for reader in reading {
        reader.await.unwrap();
    }
    assert!(server.store.stats().fell_behind > 0);
    assert!(server.store.stats().replayed > 0);
    server.stop().await;
}
