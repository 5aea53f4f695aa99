//! Many users, sessions that come and go, acks, repeats, full mailboxes, crashes: in any order,
//! each session gets everything once and in order.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;

const USERS: [&str; 3] = ["alice", "bob", "carol"];

#[derive(Clone, Debug)]
enum Event {
    /// This many messages from one user to another, the first a repeat of the one before.
    Send {
        from: usize,
        to: usize,
        count: usize,
    },
    Login {
        uid: usize,
        phone: bool,
    },
    /// The n-th session ends.
    Logout(usize),
    /// The n-th session acknowledges this many of its unacknowledged deliveries.
    Ack(usize, usize),
    /// The n-th session has no room from now on.
    Fill(usize),
    /// The n-th session loses its connection, or gets another.
    Park(usize),
    Resume(usize),
    /// All sessions have room again.
    Drain,
    Pages,
    Crash,
}

fn event() -> impl Strategy<Value = Event> {
    let session = 0..6_usize;
    prop_oneof![
        6 => (0..3_usize, 0..3_usize, 1..150_usize)
            .prop_map(|(from, to, count)| Event::Send { from, to, count }),
        3 => (0..3_usize, any::<bool>()).prop_map(|(uid, phone)| Event::Login { uid, phone }),
        1 => session.clone().prop_map(Event::Logout),
        6 => (session.clone(), 1..400_usize).prop_map(|(n, count)| Event::Ack(n, count)),
        1 => session.clone().prop_map(Event::Fill),
        2 => session.clone().prop_map(Event::Park),
        2 => session.prop_map(Event::Resume),
        2 => Just(Event::Drain),
        6 => Just(Event::Pages),
        1 => Just(Event::Crash),
    ]
}

/// Session as seen by its client.
struct Reader {
    session: u32,
    uid: &'static str,
    phone: bool,
    /// Ids that it must have received in the end.
    owed: BTreeSet<i64>,
    got: Vec<Item>,
    unacked: Vec<Item>,
}

struct Play {
    world: World,
    clients: Vec<Reader>,
    next_session: u32,
    next_message: u32,
    /// Ids acknowledged by phones, by user.
    received: BTreeMap<&'static str, BTreeSet<i64>>,
}

impl Play {
    async fn new() -> Self {
        Self {
            world: World::new(sqlite().await).await,
            clients: Vec::new(),
            next_session: 0,
            next_message: 0,
            received: BTreeMap::new(),
        }
    }

    async fn handle(&mut self, event: &Event) {
        match *event {
            Event::Send { from, to, count } => self.send(USERS[from], USERS[to], count).await,
            Event::Login { uid, phone } => self.login(USERS[uid], phone).await,
            Event::Logout(n) => {
                if n < self.clients.len() {
                    let client = self.clients.remove(n);
                    self.world.turn([Job::Detach(client.session)]).await;
                }
            }
            Event::Ack(n, count) => self.ack(n, count).await,
            Event::Fill(n) => {
                self.world.out.full.extend(self.clients.get(n).map(|client| client.session));
            }
            Event::Park(n) => self.send_job(n, Job::Park).await,
            Event::Resume(n) => self.send_job(n, Job::Resume).await,
            Event::Drain => {
                self.world.out.full.clear();
                self.world.engine.feeds.retry(&mut self.world.out);
            }
            Event::Pages => self.world.read_pages().await,
            Event::Crash => self.crash().await,
        }
        self.collect();
    }

    async fn send_job(&mut self, n: usize, job: impl Fn(u32) -> Job<u32>) {
        if let Some(client) = self.clients.get(n) {
            self.world.turn([job(client.session)]).await;
        }
    }

    async fn send(&mut self, from: &'static str, to: &'static str, count: usize) {
        let before = self.world.committed();
        let repeated = self.next_message;
        let jobs = (0..count).map(|n| {
            let n = repeated + u32::try_from(n).unwrap();
            send(from, &text(&format!("m-{n}"), to, "hi")).0
        });
        self.world.turn(jobs).await;
        self.next_message += u32::try_from(count).unwrap() - 1;
        for client in &mut self.clients {
            let log = self.world.log(client.uid).await;
            client.owed.extend(log.iter().map(|row| row.0).filter(|&mid| mid > before));
        }
    }

    async fn login(&mut self, uid: &'static str, phone: bool) {
        let session = self.next_session;
        self.next_session += 1;
        let mut owed = BTreeSet::new();
        if phone {
            let received = self.received.entry(uid).or_default();
            let log = self.world.log(uid).await;
            owed.extend(log.iter().map(|row| row.0).filter(|mid| !received.contains(mid)));
        }
        self.world.turn([attach(session, uid, phone)]).await;
        let client = Reader { session, uid, phone, owed, got: vec![], unacked: vec![] };
        self.clients.push(client);
    }

    async fn ack(&mut self, n: usize, count: usize) {
        let Some(client) = self.clients.get_mut(n) else { return };
        let count = count.min(client.unacked.len());
        let acks: Vec<Item> = client.unacked.drain(..count).collect();
        if client.phone {
            let uid = client.uid;
            let ids = acks.iter().map(|item| item.id);
            self.received.entry(uid).or_default().extend(ids.clone());
            // Messages acknowledged by another phone in the meantime need not be replayed.
            let acked: BTreeSet<i64> = ids.collect();
            for other in self.clients.iter_mut().filter(|other| other.uid == uid && other.phone) {
                let got: BTreeSet<i64> = other.got.iter().map(|item| item.id).collect();
                other.owed.retain(|id| got.contains(id) || !acked.contains(id));
            }
        }
        let session = self.clients[n].session;
        self.world.turn(acks.iter().map(|item| acked(session, item))).await;
    }

    async fn crash(&mut self) {
        self.clients.clear();
        let world = std::mem::replace(&mut self.world, World::new(sqlite().await).await);
        self.world = world.reopen().await;
    }

    fn collect(&mut self) {
        for client in &mut self.clients {
            let items = self.world.taken(client.session);
            client.unacked.extend(items.iter().cloned());
            client.got.extend(items);
        }
    }

    fn got(&self) -> usize {
        self.clients.iter().map(|client| client.got.len()).sum()
    }

    /// Lets all sessions finish, and checks their deliveries.
    async fn check(mut self) {
        self.handle(&Event::Drain).await;
        for n in 0..self.clients.len() {
            self.handle(&Event::Resume(n)).await;
        }
        loop {
            let before = self.got();
            for n in 0..self.clients.len() {
                self.handle(&Event::Ack(n, usize::MAX)).await;
                self.handle(&Event::Pages).await;
                self.handle(&Event::Drain).await;
            }
            if before == self.got() {
                break;
            }
        }
        for client in &self.clients {
            let is_message = |item: &&Item| item.tag < 1 << 61;
            let ids: Vec<i64> = client.got.iter().filter(is_message).map(|item| item.id).collect();
            assert!(ids.is_sorted_by(|a, b| a < b), "in order, none twice");
            let got: BTreeSet<i64> = ids.into_iter().collect();
            let missing: Vec<_> = client.owed.difference(&got).collect();
            assert!(missing.is_empty(), "{}: {missing:?} missing", client.uid);
            let all: BTreeSet<i64> = client.got.iter().map(|item| item.id).collect();
            assert_eq!(all.len(), client.got.len(), "no signal twice");
        }
    }
}

#[test]
fn every_session_gets_everything_once_and_in_order() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() };
    let events = prop::collection::vec(event(), 1..60);
    let outcome = TestRunner::new(config).run(&events, |events| {
        runtime.block_on(async {
            let mut play = Play::new().await;
            for event in &events {
                play.handle(event).await;
            }
            play.check().await;
        });
        Ok(())
    });
    assert_eq!(outcome.err().map(|failure| failure.to_string()), None);
}
