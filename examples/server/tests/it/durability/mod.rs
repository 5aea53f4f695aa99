//! Answered messages survive SIGKILL during traffic, of the server and of its database.
//!
//! Eight users send 2,000 messages a second to four others: one on a phone and one at a desktop,
//! both of which sometimes disconnect early, and two that are absent until the end. Several times
//! the server is killed at a random time and restarted on its data. Each time, answered messages
//! that have not reached their receiver must arrive: on the phone automatically at login, on the
//! desktop when it pulls. The senders then repeat unanswered messages, and some answered ones, and
//! continue.
//!
//! * `sender`: sends, and records messages with their answers;
//! * `receiver`: the phone and the desktop;
//! * `feed`: the deliveries of one connection, numbered from 1 without gaps;
//! * `truth`: the messages that each receiver must get.

mod feed;
mod receiver;
mod sender;
mod truth;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use comet_dtalk::message::Common;
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Server, Setup};
use comet_sql_testing::{Kind, Server as DatabaseServer};
use comet_testkit::clock;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use receiver::{Desktop, Phone, pull};
use sender::Sender;
use truth::Truth;

use crate::database::database;

const SENDERS: usize = 8;
/// Rate of all senders together.
const PER_SECOND: usize = 2_000;
/// Kills in SQLite's case.
const KILLS: usize = 5;
/// Kills of the server, and as many of the server and its database: each lasts until the lease has
/// lapsed.
const KILLS_ON_SERVERS: usize = 3;

#[test]
fn what_was_answered_survives_sigkill_in_the_midst_of_traffic() {
    survives(None, &vec![false; kills(KILLS)]);
}

/// Both at once: most of the time passes until leases lapse.
#[test]
fn on_servers_what_was_answered_survives_sigkill_of_either() {
    let kills = [false, true].repeat(kills(KILLS_ON_SERVERS));
    thread::scope(|scope| {
        for kind in [Kind::MariaDb, Kind::Postgres] {
            let kills = &kills;
            scope.spawn(move || survives(Some(kind), kills));
        }
    });
}

/// The number of kills, unless `COMET_KILLS` says another.
fn kills(usually: usize) -> usize {
    let told = std::env::var("COMET_KILLS").ok();
    told.map_or(usually, |told| told.parse().expect("COMET_KILLS is a number"))
}

/// Kills the server as often as `kills` is long; the database too, and first, where it is true.
#[expect(clippy::print_stderr, reason = "the seed, should it fail")]
fn survives(database: Option<Kind>, kills: &[bool]) {
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut world = World::new(StdRng::seed_from_u64(seed), database);
    for &with_database in kills {
        world.talk_until_the_kill(with_database);
        if let Some(database) = world.database.as_ref().filter(|_| with_database) {
            database.resume();
        }
        world.server.restart();
    }
    let lost: usize = world.senders.iter().map(Sender::unanswered).sum();
    let sent: usize = world.senders.iter().map(|sender| sender.posted.len()).sum();
    eprintln!("{sent} messages, the last kill left {lost} without an answer");

    world.settle();
    world.everything_is_where_it_belongs();
}

struct World {
    rng: StdRng,
    /// That of the data, if they are not in files.
    database: Option<DatabaseServer>,
    server: Server,
    senders: Vec<Sender>,
    phone: Phone,
    desktop: Desktop,
    /// Absent until the end.
    absent_phone: Phone,
    absent_desktop: Person,
    truth: Truth,
}

/// Kills the server in any case, as the other threads stop only then.
struct Killer<'a>(&'a mut Server, Option<&'a DatabaseServer>);

impl Drop for Killer<'_> {
    fn drop(&mut self) {
        if let Some(database) = self.1 {
            database.kill();
        }
        self.0.kill();
    }
}

impl World {
    fn new(mut rng: StdRng, kind: Option<Kind>) -> Self {
        let phone = Phone::new("phone");
        let desktop = Desktop::new("desktop");
        let absent_phone = Phone::new("absent phone");
        let absent_desktop = Person::new("absent desktop");
        let targets = [&phone.person, &desktop.person, &absent_phone.person, &absent_desktop]
            .map(|person| person.uid.clone());
        let sender = |index| Sender::new(index, targets.to_vec(), StdRng::from_rng(&mut rng));
        let senders = (0..SENDERS).map(sender).collect();
        let (database, url) = kind.map(database).unzip();
        let setup = Setup::default().variable("COMET_DATABASE", &url.unwrap_or_default());
        let (server, truth) = (setup.start(), Truth::default());
        Self { rng, database, server, senders, phone, desktop, absent_phone, absent_desktop, truth }
    }

    /// Both receivers reconnect, all users send, and at a random time the server is killed.
    fn talk_until_the_kill(&mut self, with_database: bool) {
        let enough = self.rng.random_range(PER_SECOND / 2..PER_SECOND * 5 / 2);
        // A receiver gets about a quarter of them: with enough patience it stays until the kill.
        let patience = [(); 2].map(|()| self.rng.random_range(1..enough / 2));
        let answered = AtomicUsize::new(0);
        let phone = self.phone_comes_back();
        let desktop = self.desktop_comes_back();
        let addresses = self.server.addresses;
        let database = self.database.as_ref().filter(|_| with_database);
        let killer = Killer(&mut self.server, database);
        let (echoes, to_phone, to_desktop) = thread::scope(|scope| {
            let talk = |sender| {
                let answered = &answered;
                scope.spawn(move || Sender::talk(sender, &addresses, answered))
            };
            let senders: Vec<_> = self.senders.iter_mut().map(talk).collect();
            let phone = scope.spawn(move || phone.rest(patience[0]));
            let desktop = scope.spawn(move || desktop.rest(patience[1]));
            clock::eventually("the moment of the kill", || {
                answered.load(Ordering::Relaxed) >= enough
            });
            drop(killer);
            let echoes: Vec<_> = senders.into_iter().map(|s| s.join().expect("a sender")).collect();
            (echoes, phone.join().expect("the phone"), desktop.join().expect("the desktop"))
        });
        for (sender, echoes) in self.senders.iter().zip(&echoes) {
            self.truth.stream(&self.senders, &sender.person.uid, echoes);
        }
        self.truth.stream(&self.senders, &self.phone.person.uid, &to_phone);
        self.truth.stream(&self.senders, &self.desktop.person.uid, &to_desktop);
        self.phone.keep(&to_phone);
        self.desktop.keep(&to_desktop);
    }

    /// The phone receives all answered messages that it has not acknowledged.
    fn phone_comes_back(&mut self) -> feed::Feed {
        let feed = self.phone.comes_back(&self.server);
        self.phone.keep(&feed.messages);
        let owed = self.truth.owed(&self.senders, &self.phone.person.uid);
        let missing: Vec<_> = owed.difference(&self.phone.got).collect();
        assert!(missing.is_empty(), "answered, and not replayed to the phone: {missing:?}");
        feed
    }

    /// The desktop pulls the messages after the last one that it has.
    fn desktop_comes_back(&mut self) -> feed::Feed {
        let (feed, pulled) = self.desktop.comes_back(&self.server);
        self.truth.stream(&self.senders, &self.desktop.person.uid, &pulled);
        self.desktop.keep(&pulled);
        let owed = self.truth.owed(&self.senders, &self.desktop.person.uid);
        let missing: Vec<_> = owed.difference(&self.desktop.got).collect();
        assert!(missing.is_empty(), "answered, and not found by the desktop: {missing:?}");
        feed
    }

    /// The senders repeat unanswered messages until all are answered.
    fn settle(&mut self) {
        let addresses = self.server.addresses;
        let echoes: Vec<Vec<Common>> = thread::scope(|scope| {
            let settle = |sender| scope.spawn(move || Sender::settle(sender, &addresses));
            let senders: Vec<_> = self.senders.iter_mut().map(settle).collect();
            senders.into_iter().map(|sender| sender.join().expect("a sender")).collect()
        });
        for (sender, echoes) in self.senders.iter().zip(&echoes) {
            self.truth.stream(&self.senders, &sender.person.uid, echoes);
            assert_eq!(sender.unanswered(), 0);
        }
    }

    fn everything_is_where_it_belongs(&mut self) {
        let feed = self.phone_comes_back();
        self.truth.stream(&self.senders, &self.phone.person.uid, &feed.messages);
        self.truth.is_all_of(&self.senders, &self.phone.person.uid, &self.phone.got);

        self.desktop_comes_back();
        self.truth.is_all_of(&self.senders, &self.desktop.person.uid, &self.desktop.got);

        let feed = self.absent_phone.comes_back(&self.server);
        self.is_everything(&self.absent_phone.person.uid.clone(), &feed.messages);
        let pulled = pull(&self.server, &self.absent_desktop, None);
        self.is_everything(&self.absent_desktop.uid.clone(), &pulled);
        for index in 0..SENDERS {
            let person = &self.senders[index].person;
            let pulled = pull(&self.server, person, None);
            self.is_everything(&person.uid.clone(), &pulled);
        }
    }

    /// Checks that these messages are all from or to the user, in order.
    fn is_everything(&mut self, uid: &str, messages: &[Common]) {
        self.truth.stream(&self.senders, uid, messages);
        let ids: BTreeSet<i64> = messages.iter().map(|common| common.log_id).collect();
        self.truth.is_all_of(&self.senders, uid, &ids);
    }
}
