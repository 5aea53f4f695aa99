//! A connection that is lost during a commit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use comet_group::Config;
use comet_sql::{Pool, Settings};
use comet_sql_testing::{Database, Kind, on_each_database};
use comet_store::Membership as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::World;

on_each_database!(a_commit_without_an_answer_is_made_once);

/// Between a program and its server: passes everything on, but the answer to one commit.
struct Between {
    address: SocketAddr,
    /// Whether the answer to the next commit is lost.
    loses: Arc<AtomicBool>,
}

impl Between {
    async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, loses) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let losing = Arc::clone(&loses);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server, Arc::clone(&losing)));
            }
        });
        Self { address, loses }
    }
}

async fn pass(mut client: TcpStream, server: SocketAddr, loses: Arc<AtomicBool>) {
    let mut server = TcpStream::connect(server).await.unwrap();
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    let mut is_committing = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(len @ 1..) = read else { return };
                let is_commit = up[..len].windows(6).any(|word| word == b"COMMIT");
                is_committing |= is_commit && loses.swap(false, Ordering::Relaxed);
                if server.write_all(&up[..len]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(len @ 1..) = read else { return };
                // It was committed, and nobody is told.
                if is_committing || client.write_all(&down[..len]).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn a_commit_without_an_answer_is_made_once(database: Database) {
    if database.kind() == Kind::Sqlite {
        // A file is within this process: there is no connection to be lost.
        return;
    }
    let url = database.url().to_owned();
    let (rest, name) = url.rsplit_once('/').unwrap();
    let (head, server) = rest.rsplit_once('@').unwrap();
    let between = Between::start(server.parse().unwrap()).await;
    let url = format!("{head}@{}/{name}", between.address);
    World::new(database).await;
    let pool = Pool::new(url.parse().unwrap(), Settings::default());
    let world = World::around(pool, Config::default()).await;
    let lose = || between.loses.store(true, Ordering::Relaxed);
    let is_lost = || !between.loses.load(Ordering::Relaxed);

    lose();
    let body = json!({ "name": "x", "memberIds": ["bob"] });
    let id = world.ok("alice", "create-group", body).await["id"].as_i64().unwrap();
    assert!(is_lost());
    assert_eq!(world.learned().await.len(), 3);
    assert_eq!(world.groups.groups_of("bob"), [id]);
    let list = world.ok("alice", "group-list", json!({})).await;
    assert_eq!(list["groups"].as_array().unwrap().len(), 1);

    // A second exit would be refused.
    lose();
    assert_eq!(world.ok("bob", "group-exit", json!({ "id": id })).await, json!({}));
    assert!(is_lost());
    let expected = ["signal 11 bob", "leave bob", "notice of bob: 2 bob"];
    assert_eq!(world.learned().await, expected);
    assert_eq!(world.may_send(id, ["alice", "bob"]), [0, -10015]);
}
