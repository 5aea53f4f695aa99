//! A connection that is lost during `COMMIT`: the database has the messages, or it has not, and the
//! store finds out which.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use comet_sql::Location;
use comet_sql_testing::{Database, Kind};
use comet_store::{Config, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::support::{Lounge, Server, text, until};

/// Nothing is cut.
const OPEN: u8 = 0;
/// The next `COMMIT` gets through, and its answer does not.
const CUT_AFTER: u8 = 1;
/// The next `COMMIT` does not get through.
const CUT_BEFORE: u8 = 2;

/// Proxy in front of a database.
#[derive(Debug)]
struct Proxy {
    address: SocketAddr,
    cut: Arc<AtomicU8>,
    has_cut: Arc<Notify>,
}

impl Proxy {
    async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cut, has_cut) = (Arc::new(AtomicU8::new(OPEN)), Arc::new(Notify::new()));
        let shared = (Arc::clone(&cut), Arc::clone(&has_cut));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (cut, has_cut) = shared.clone();
                let server = TcpStream::connect(to).await.unwrap();
                tokio::spawn(async move { pass(client, server, &cut, &has_cut).await });
            }
        });
        Self { address, cut, has_cut }
    }

    async fn cuts(&self, how: u8) {
        self.cut.store(how, Ordering::SeqCst);
    }
}

/// Passes bytes both ways until either ends, or a `COMMIT` is to be cut.
async fn pass(client: TcpStream, server: TcpStream, cut: &AtomicU8, has_cut: &Notify) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            read = from_client.read(&mut asked) => {
                let Ok(len @ 1..) = read else { return };
                let asked = &asked[..len];
                let is_commit = asked.ends_with(b"COMMIT") || asked.ends_with(b"COMMIT\0");
                let how = if is_commit { cut.swap(OPEN, Ordering::SeqCst) } else { OPEN };
                if how != CUT_BEFORE && to_server.write_all(asked).await.is_err() {
                    return;
                }
                if how == CUT_AFTER {
                    // Its answer: the commit is done.
                    let _answer = from_server.read(&mut answered).await;
                }
                if how != OPEN {
                    has_cut.notify_one();
                    return;
                }
            }
            read = from_server.read(&mut answered) => {
                let Ok(len @ 1..) = read else { return };
                if to_client.write_all(&answered[..len]).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn a_lost_commit_is_settled(kind: Kind, how: u8) {
    let database = Database::new(kind).await;
    let (before, rest) = database.url().rsplit_once(':').unwrap();
    let (port, name) = rest.split_once('/').unwrap();
    let proxy = Proxy::start(([127, 0, 0, 1], port.parse().unwrap()).into()).await;
    let url = format!("{before}:{}/{name}", proxy.address.port());
    let location: Location = url.parse().unwrap();
    let store = Store::open(location, Config::default(), Arc::new(Lounge)).await.unwrap();
    let server = Server::start_around(store, comet::Config::default(), database);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    server.sessions(2).await;

    proxy.cuts(how).await;
    alice.send(&text("m-1", "bob"));
    proxy.has_cut.notified().await;
    until(async || server.store.stats().unstored == 1).await;
    if how == CUT_AFTER {
        // Without another message: the sender may not have a connection any more.
        assert_eq!(bob.message().msg_id, "m-1");
    }
    // Refused, so its client repeats it.
    let seq = alice.send(&text("m-1", "bob"));
    let mid = alice.answer_among_deliveries(seq).log_id;
    if how == CUT_BEFORE {
        assert_eq!(bob.message().log_id, mid);
    }
    let seq = alice.send(&text("m-2", "bob"));
    assert!(alice.answer_among_deliveries(seq).log_id > mid);
    assert_eq!(bob.message().msg_id, "m-2", "and m-1 once");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_has_committed() {
    a_lost_commit_is_settled(Kind::MariaDb, CUT_AFTER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_has_not_committed() {
    a_lost_commit_is_settled(Kind::MariaDb, CUT_BEFORE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_has_committed() {
    a_lost_commit_is_settled(Kind::Postgres, CUT_AFTER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_has_not_committed() {
    a_lost_commit_is_settled(Kind::Postgres, CUT_BEFORE).await;
}
