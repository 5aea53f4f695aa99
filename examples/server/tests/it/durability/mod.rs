//! Answered messages survive SIGKILL during traffic, of the server and of its database.
//!
//! Eight users write to a group of 24, in which all of them are, and to four of its members: one on
//! a phone and one at a desktop, both of which sometimes disconnect early, and two that are absent
//! until the end. Several times, at a random time, one of these is killed and started again:
//!
//! * the server: answered messages that have not reached a receiver must arrive then, on the phone
//!   automatically at login, on the desktop when it pulls. The senders repeat unanswered messages,
//!   and some answered ones, and continue;
//! * the server and its database: the same;
//! * the database alone: the server reconnects to it by itself. No client loses its connection;
//!   the senders repeat what was refused meanwhile, and the receivers get all of it where they are.
//!
//! Modules:
//!
//! * `sender`: sends, and records messages with their answers;
//! * `conversation`: one connection of a sender;
//! * `receiver`: the phone and the desktop;
//! * `feed`: the deliveries of one connection, numbered from 1 without gaps;
//! * `round`: all of them at once, until the kill;
//! * `truth`: the messages that each receiver must get.

mod conversation;
mod feed;
mod receiver;
mod round;
mod sender;
mod truth;

use std::collections::BTreeSet;
use std::thread;

use comet_dtalk::message::Common;
use comet_server_testkit::person::Person;
use comet_server_testkit::server::{Server, Setup};
use comet_sql_testing::{Kind, Server as DatabaseServer};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use receiver::{Desktop, Phone, pull};
use round::Round;
use sender::Sender;
use serde_json::json;
use truth::Truth;

use crate::database::durable_database;

const SENDERS: usize = 8;
/// Members of the group that never connect.
const SILENT: usize = 12;
/// Rate of all senders together.
const PER_SECOND: usize = 500;
/// Kills of each sort on each database.
const KILLS: usize = 3;

/// Processes killed at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kill {
    Server,
    ServerAndDatabase,
    Database,
}

/// All at once: most of the time passes until leases lapse.
#[test]
fn what_was_answered_survives_sigkill_in_the_midst_of_a_busy_group() {
    let of_servers = [Kind::MariaDb, Kind::Postgres].into_iter().flat_map(|kind| {
        [Kill::Server, Kill::ServerAndDatabase, Kill::Database].map(|kill| (Some(kind), kill))
    });
    thread::scope(|scope| {
        for (database, kill) in of_servers.chain([(None, Kill::Server)]) {
            let name = format!("{kill:?} on {database:?}");
            let thread = thread::Builder::new().name(name);
            thread.spawn_scoped(scope, move || survives(database, kill)).expect("a thread");
        }
    });
}

/// The number of kills: [`KILLS`], unless `COMET_KILLS` says another.
fn kills() -> usize {
    let told = std::env::var("COMET_KILLS").ok();
    told.map_or(KILLS, |told| told.parse().expect("COMET_KILLS is a number"))
}

#[expect(clippy::print_stderr, reason = "the seed, should it fail")]
fn survives(database: Option<Kind>, kill: Kill) {
    let seed: u64 = rand::random();
    eprintln!("{kill:?} on {database:?}: seed {seed}");
    let mut world = World::new(StdRng::seed_from_u64(seed), database);
    for _ in 0..kills() {
        world.talk_until(kill);
    }
    let sent: usize = world.senders.iter().map(|sender| sender.posted.len()).sum();
    let lost: usize = world.senders.iter().map(Sender::unanswered).sum();
    eprintln!("{kill:?} on {database:?}: {sent} messages, {lost} without an answer at the end");

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

impl World {
    fn new(mut rng: StdRng, kind: Option<Kind>) -> Self {
        let phone = Phone::new("phone");
        let desktop = Desktop::new("desktop");
        let absent_phone = Phone::new("absent phone");
        let absent_desktop = Person::new("absent desktop");
        let receivers = [&phone.person, &desktop.person, &absent_phone.person, &absent_desktop];
        let receivers = receivers.map(|person| person.uid.clone());
        let (database, url) = kind.map(durable_database).unzip();
        let setup = Setup::default().variable("COMET_DATABASE", &url.unwrap_or_default());
        let server = setup.start();

        let people: Vec<_> = (0..SENDERS).map(|at| Person::new(&format!("sender {at}"))).collect();
        let silent = (0..SILENT).map(|at| Person::new(&format!("silent member {at}")).uid);
        let senders = people[1..].iter().map(|person| person.uid.clone());
        let members = senders.chain(receivers.iter().cloned()).chain(silent);
        let group = make_group(&server, &people[0], &members.collect::<Vec<_>>());
        let sender = |(index, person)| {
            let targets = receivers.to_vec();
            Sender::new(index, person, targets, group, StdRng::from_rng(&mut rng))
        };
        let senders = people.into_iter().enumerate().map(sender).collect();
        let truth = Truth::new(group);
        Self { rng, database, server, senders, phone, desktop, absent_phone, absent_desktop, truth }
    }

    /// Both receivers reconnect, all users send, and at a random time something is killed.
    fn talk_until(&mut self, kill: Kill) {
        let enough = self.rng.random_range(PER_SECOND / 2..PER_SECOND * 5 / 2);
        let stays = kill == Kill::Database;
        // A receiver gets about half of them: with enough patience it stays until the kill.
        let patience = [(); 2].map(|()| match stays {
            true => usize::MAX,
            false => self.rng.random_range(1..enough),
        });
        let phone = self.phone_comes_back();
        let desktop = self.desktop_comes_back();
        let addresses = self.server.addresses;
        let round = Round::new(enough, stays);
        let (echoes, [phone, desktop]) = thread::scope(|scope| {
            let _over = round.ends_on_drop();
            let talk = |sender| {
                let round = &round;
                scope.spawn(move || Sender::talk(sender, &addresses, round))
            };
            let senders: Vec<_> = self.senders.iter_mut().map(talk).collect();
            let round = &round;
            let feeds = [(phone, patience[0]), (desktop, patience[1])];
            let feeds =
                feeds.map(|(feed, patience)| scope.spawn(move || feed.rest(patience, round)));
            round.kills(kill, &mut self.server, self.database.as_ref());
            let echoes: Vec<_> = senders.into_iter().map(|s| s.join().expect("a sender")).collect();
            round.senders_are_done();
            (echoes, feeds.map(|feed| feed.join().expect("a receiver")))
        });
        for (sender, echoes) in self.senders.iter().zip(&echoes) {
            self.truth.stream(&self.senders, &sender.person.uid, echoes);
        }
        let [phone, desktop] = match stays {
            true => {
                let [of_phone, of_desktop] = [&self.phone.person, &self.desktop.person];
                [(of_phone, phone), (of_desktop, desktop)]
                    .map(|(person, feed)| receiver::to_the_end(&self.server, person, feed))
            }
            false => [phone, desktop],
        };
        self.truth.stream(&self.senders, &self.phone.person.uid, &phone.messages);
        self.truth.stream(&self.senders, &self.desktop.person.uid, &desktop.messages);
        self.phone.keep(&phone.messages);
        self.desktop.keep(&desktop.messages);
        if stays {
            self.nothing_is_missing("delivered to the phone", &self.phone.person, &self.phone.got);
            let of_desktop = &self.desktop;
            self.nothing_is_missing("delivered there", &of_desktop.person, &of_desktop.got);
        }
    }

    /// The phone receives all answered messages that it has not acknowledged.
    fn phone_comes_back(&mut self) -> feed::Feed {
        let feed = self.phone.comes_back(&self.server);
        self.phone.keep(&feed.messages);
        self.nothing_is_missing("replayed to the phone", &self.phone.person, &self.phone.got);
        feed
    }

    /// The desktop pulls the messages after the last one that it has.
    fn desktop_comes_back(&mut self) -> feed::Feed {
        let (feed, pulled) = self.desktop.comes_back(&self.server);
        self.truth.pulled(&self.senders, &self.desktop.person.uid, &pulled);
        self.desktop.keep(&pulled);
        self.nothing_is_missing("found by the desktop", &self.desktop.person, &self.desktop.got);
        feed
    }

    fn nothing_is_missing(&self, how: &str, person: &Person, got: &BTreeSet<i64>) {
        let owed = self.truth.owed(&self.senders, &person.uid);
        let missing: Vec<_> = owed.difference(got).collect();
        assert!(missing.is_empty(), "answered, and not {how}: {missing:?}");
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
        let uid = self.absent_phone.person.uid.clone();
        self.truth.stream(&self.senders, &uid, &feed.messages);
        self.truth.is_all_of(&self.senders, &uid, &ids(&feed.messages));
        let people = self.senders.iter().map(|sender| &sender.person);
        let pulling = people.chain([&self.absent_desktop]).cloned().collect::<Vec<_>>();
        for person in pulling {
            let pulled = pull(&self.server, &person, None);
            self.truth.pulled(&self.senders, &person.uid, &pulled);
            self.truth.is_all_of(&self.senders, &person.uid, &ids(&pulled));
        }
    }
}

fn ids(messages: &[Common]) -> BTreeSet<i64> {
    messages.iter().map(|common| common.log_id).collect()
}

fn make_group(server: &Server, owner: &Person, members: &[String]) -> i64 {
    let request = json!({ "name": "a busy group", "memberIds": members }).to_string();
    let group = server.post("/group/app/create-group", Some(owner), &request).data();
    assert_eq!(group["memberNum"], json!(members.len() + 1));
    group["id"].as_i64().expect("an id")
}
