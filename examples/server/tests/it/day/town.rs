//! The people of the day, their devices, and what was said.

use std::collections::BTreeSet;

use comet_server_testkit::person::Person;
use comet_server_testkit::server::Server;
use comet_server_testkit::simulated::book::State;
use comet_server_testkit::simulated::{Android, Chat, Desktop, Device, Messenger, Network};
use comet_sql_testing::{Kind, Server as DatabaseServer};

use crate::database::setup_on;

/// Five people, their devices, a group of theirs, and a server.
pub(super) struct Town {
    pub(super) alice_desktop: Device<Desktop>,
    pub(super) alice_phone: Device<Android>,
    pub(super) bob_phone: Device<Android>,
    /// Bob's other phone, which is off at first.
    pub(super) bob_spare: Device<Android>,
    pub(super) carol_desktop: Device<Desktop>,
    pub(super) dave_phone: Device<Android>,
    /// Off at first.
    pub(super) erin_phone: Device<Android>,
    pub(super) people: People,
    pub(super) group: i64,
    /// Members of the group.
    pub(super) members: BTreeSet<String>,
    pub(super) said: Vec<Said>,
    /// Sent by somebody who may not.
    pub(super) refused: Option<String>,
    pub(super) server: Server,
    _database: Option<DatabaseServer>,
}

/// Addresses of the people.
pub(super) struct People {
    pub(super) alice: String,
    pub(super) bob: String,
    pub(super) carol: String,
    pub(super) dave: String,
    pub(super) erin: String,
}

/// A message that was sent.
pub(super) struct Said {
    pub(super) from: String,
    pub(super) chat: Chat,
    pub(super) text: String,
    pub(super) msg_id: String,
    /// Users who are to have it.
    pub(super) audience: BTreeSet<String>,
    pub(super) is_revoked: bool,
}

impl Town {
    pub(super) fn new(kind: Kind) -> Self {
        let (database, setup) = setup_on(kind);
        let server = setup.start();
        let [alice, bob, carol, dave, erin] =
            ["alice", "bob", "carol", "dave", "erin"].map(Person::new);
        let network = Network::Up(server.addresses.http);
        let desktop = |person| Device::new(Desktop::new(person), network);
        let phone = |person, model| Device::new(Android::new(person, model), network);
        Self {
            alice_desktop: desktop(&alice),
            alice_phone: phone(&alice, "P30"),
            bob_phone: phone(&bob, "Mi 9"),
            bob_spare: phone(&bob, "Mi 11"),
            carol_desktop: desktop(&carol),
            dave_phone: phone(&dave, "Note 10"),
            erin_phone: phone(&erin, "Nova 5"),
            people: People {
                alice: alice.uid,
                bob: bob.uid,
                carol: carol.uid,
                dave: dave.uid,
                erin: erin.uid,
            },
            group: 0,
            members: BTreeSet::new(),
            said: Vec::new(),
            refused: None,
            server,
            _database: database,
        }
    }

    /// Network without faults.
    pub(super) fn up(&self) -> Network {
        Network::Up(self.server.addresses.http)
    }

    /// Records what was said by somebody.
    pub(super) fn note(&mut self, from: &str, chat: Chat, text: &str, msg_id: String) -> usize {
        let audience = match &chat {
            Chat::User(to) => BTreeSet::from([from.to_owned(), to.clone()]),
            Chat::Group(_) => self.members.clone(),
        };
        let (from, text) = (from.to_owned(), text.to_owned());
        self.said.push(Said { from, chat, text, msg_id, audience, is_revoked: false });
        self.said.len() - 1
    }

    /// Waits until a message has come to everybody who is there, but for these people.
    pub(super) fn has_come(&self, said: usize, absent: &[&str]) {
        let Said { msg_id, audience, text, .. } = &self.said[said];
        let is_there = |uid: &str| audience.contains(uid) && !absent.contains(&uid);
        let of = &self.people;
        if is_there(&of.alice) {
            arrives(&self.alice_desktop, "Alice's desktop", msg_id, text);
            arrives(&self.alice_phone, "Alice's phone", msg_id, text);
        }
        if is_there(&of.bob) {
            arrives(&self.bob_phone, "Bob's phone", msg_id, text);
        }
        if is_there(&of.carol) {
            arrives(&self.carol_desktop, "Carol's desktop", msg_id, text);
        }
        if is_there(&of.dave) {
            arrives(&self.dave_phone, "Dave's phone", msg_id, text);
        }
    }

    /// Everybody has what he should have, once and in order.
    pub(super) fn is_as_it_should_be(&self) {
        let of = &self.people;
        self.has_all("Alice's desktop", &of.alice, &self.alice_desktop);
        self.has_all("Alice's phone", &of.alice, &self.alice_phone);
        self.has_all("Carol's desktop", &of.carol, &self.carol_desktop);
        self.has_all("Dave's phone", &of.dave, &self.dave_phone);
        self.has_all("Bob's phone", &of.bob, &self.bob_phone);
        is_sound("Bob's spare phone", &self.bob_spare);
        is_sound("Erin's phone", &self.erin_phone);
    }

    fn has_all<A: Messenger>(&self, name: &str, uid: &str, device: &Device<A>) {
        is_sound(name, device);
        let concerns = |said: &&Said| said.audience.contains(uid) && !said.is_revoked;
        for said in self.said.iter().filter(concerns) {
            arrives(device, name, &said.msg_id, &said.text);
        }
        device.see(|app| {
            let mut surplus = app.book().texts();
            surplus
                .retain(|text| !self.said.iter().filter(concerns).any(|said| said.text == *text));
            assert_eq!(surplus, [""; 0], "{name} has nothing else");
            self.is_in_order(name, app);
        });
    }

    /// Messages of one author in one conversation are in the order in which they were sent.
    fn is_in_order<A: Messenger>(&self, name: &str, app: &A) {
        let place = |msg_id: &str| self.said.iter().position(|said| said.msg_id == msg_id);
        let places: Vec<_> =
            app.book().in_order().filter_map(|entry| place(&entry.message.msg_id)).collect();
        for (at, later) in places.iter().enumerate() {
            let overtakes = |earlier: &&usize| {
                let (one, other) = (&self.said[**earlier], &self.said[*later]);
                one.from == other.from && one.chat == other.chat && *earlier > later
            };
            let overtaken = places[..at].iter().find(overtakes);
            assert!(overtaken.is_none(), "{name}: {overtaken:?} came before {later}");
        }
    }
}

/// Waits for a message, which is known with its text.
pub(super) fn arrives<A: Messenger>(device: &Device<A>, name: &str, msg_id: &str, text: &str) {
    device.eventually(&format!("{text:?} is on {name}"), |app| {
        let entry = app.book().get(msg_id);
        entry.is_some_and(|entry| entry.state == State::Known && entry.text == text)
    });
}

fn is_sound<A: Messenger>(name: &str, device: &Device<A>) {
    device.see(|app| {
        assert_eq!(app.faults(), [""; 0], "{name}");
        assert_eq!(app.book().doubles(), [""; 0], "{name} has the same message twice");
    });
}
