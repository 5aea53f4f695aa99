//! The hours of the day.

use std::time::Duration;

use comet_server_testkit::simulated::book::State;
use comet_server_testkit::simulated::{Android, Chat, Desktop, Device, Messenger, Network};
use comet_testkit::clock;
use comet_testkit::frame::{AUTH_REPLY, HEARTBEAT_REPLY, SEND_REPLY};
use rand::RngExt;
use serde_json::json;

use super::town::{Town, arrives};

/// More than a desktop asks for.
const MANY: usize = 25;
/// Longer than a phone keeps trying.
const MUTE_MS: u64 = 600_000;

fn opens<A: Messenger>(device: &Device<A>, name: &str) {
    device.eventually(&format!("{name} has a session"), Messenger::is_open);
}

/// Waits for the result of a call.
fn succeeds(phone: &Device<Android>, path: &str) {
    let result = clock::until(path, || phone.see(|app| app.results.get(path).copied()));
    assert_eq!(result, 0, "{path}");
}

fn succeeds_on_desktop(desktop: &Device<Desktop>, path: &str) {
    let result = clock::until(path, || desktop.see(|app| app.results.get(path).copied()));
    assert_eq!(result, 0, "{path}");
}

impl Town {
    /// Dave's phone loses the answer to its first Auth. Carol's desktop will miss the reply to a
    /// heartbeat.
    pub(super) fn all_sign_in(&self) {
        self.dave_phone.loses(AUTH_REPLY);
        self.carol_desktop.loses(HEARTBEAT_REPLY);
        for phone in [&self.alice_phone, &self.bob_phone, &self.dave_phone] {
            phone.act(Android::sign_in);
        }
        for desktop in [&self.alice_desktop, &self.carol_desktop] {
            desktop.act(Desktop::start);
            opens(desktop, "a desktop");
            let here = format!("http://{}", self.server.addresses.http);
            desktop.see(|app| assert_eq!(app.home.as_ref(), Some(&here)));
        }
        for phone in [&self.alice_phone, &self.bob_phone, &self.dave_phone] {
            opens(phone, "a phone");
        }
        assert!(self.dave_phone.has_lost(), "it has sent its Auth twice");
    }

    pub(super) fn two_people_talk(&mut self) {
        let (alice, bob) = (self.people.alice.clone(), self.people.bob.clone());
        let first = say(&self.alice_desktop, &Chat::User(bob.clone()), "Good morning");
        let first = self.note(&alice, Chat::User(bob.clone()), "Good morning", first);
        self.has_come(first, &[]);
        let msg_id = self.said[first].msg_id.clone();
        self.alice_phone.eventually("Alice's phone shows that Bob has it", |app| {
            app.book().get(&msg_id).is_some_and(|entry| entry.received)
        });
        let answer = say(&self.bob_phone, &Chat::User(alice.clone()), "早上好 🙂");
        let answer = self.note(&bob, Chat::User(alice), "早上好 🙂", answer);
        self.has_come(answer, &[]);
    }

    /// By Alice on her phone; all get its key from the server, and Carol invites Erin.
    pub(super) fn a_group_is_made(&mut self) {
        let of = &self.people;
        let others = [&*of.bob, &of.carol, &of.dave];
        self.alice_phone.act(|app, now| app.create_group("a walk", &others, now));
        succeeds(&self.alice_phone, "/group/app/create-group");
        self.group = self.alice_phone.see(|app| *app.groups.keys().next().expect("a group"));
        let others = others.map(str::to_owned);
        self.members = others.into_iter().chain([of.alice.clone()]).collect();
        let id = self.group;
        let key = self.alice_phone.see(|app| app.groups[&id].key.clone()).expect("a key");
        for phone in [&self.bob_phone, &self.dave_phone] {
            phone.eventually("a phone has the key of the group", |app| {
                app.groups.get(&id).is_some_and(|group| group.key.as_ref() == Some(&key))
            });
        }
        for desktop in [&self.alice_desktop, &self.carol_desktop] {
            desktop.eventually("a desktop has the key of the group", |app| {
                app.groups
                    .get(&id.to_string())
                    .is_some_and(|group| group.as_deref() == Some(key.as_bytes()))
            });
        }
        self.all_say_in_group("first", &[]);

        let erin = json!({ "newMemberIds": [self.people.erin] });
        let invite = |app: &mut Desktop, now| {
            app.act_in_group("invite-group-members", id, &erin, now);
        };
        self.carol_desktop.act(invite);
        succeeds_on_desktop(&self.carol_desktop, "/group/app/invite-group-members");
        self.members.insert(self.people.erin.clone());
        self.alice_phone.eventually("five members are counted", |app| app.groups[&id].members == 5);
        self.all_say_in_group("with Erin", &[]);
        self.erin_phone.act(Android::sign_in);
        for said in self.said.iter().filter(|said| said.text.ends_with("with Erin")) {
            arrives(&self.erin_phone, "Erin's phone", &said.msg_id, &said.text);
        }
        let before = self.erin_phone.see(|app| {
            app.book().texts().into_iter().filter(|text| text.ends_with("first")).count()
        });
        assert_eq!(before, 0, "a newcomer gets nothing older");

        let name = json!({ "name": "Y2lwaGVydGV4dA==", "publicName": "walkers" });
        self.alice_desktop.act(|app, now| app.act_in_group("name", id, &name, now));
        succeeds_on_desktop(&self.alice_desktop, "/group/app/name");
        self.bob_phone.eventually("Bob's phone shows the name", |app| {
            app.groups[&id].name == "Y2lwaGVydGV4dA=="
        });
    }

    /// Each of the four says something to the group, one after the other.
    pub(super) fn all_say_in_group(&mut self, what: &str, absent: &[&str]) {
        let chat = Chat::Group(self.group);
        let of = &self.people;
        let said = [
            (of.alice.clone(), say(&self.alice_desktop, &chat, &format!("A: {what}")), 'A'),
            (of.bob.clone(), say(&self.bob_phone, &chat, &format!("B: {what}")), 'B'),
            (of.carol.clone(), say(&self.carol_desktop, &chat, &format!("C: {what}")), 'C'),
        ];
        for (from, msg_id, name) in said {
            let said = self.note(&from, chat.clone(), &format!("{name}: {what}"), msg_id);
            self.has_come(said, absent);
        }
    }

    /// Dave is muted, and his phone had the input box open: his message is not answered.
    pub(super) fn a_muted_member_keeps_trying(&mut self) {
        let (id, dave) = (self.group, &self.people.dave);
        let mute = json!({ "memberIds": [dave], "muteTime": MUTE_MS });
        self.alice_phone.act(|app, now| app.act_in_group("member/muteTime", id, &mute, now));
        succeeds(&self.alice_phone, "/group/app/member/muteTime");
        self.dave_phone.eventually("Dave's phone knows", |app| app.groups[&id].muted_until > 0);
        self.refused = Some(say(&self.dave_phone, &Chat::Group(id), "unheard"));
    }

    pub(super) fn the_muted_member_has_given_up(&mut self) {
        let (id, msg_id) = (self.group, self.refused.take().expect("a message"));
        self.dave_phone.eventually("Dave's phone gives up", |app| {
            app.book().get(&msg_id).is_some_and(|entry| entry.state == State::Failed)
        });
        // Only he has it.
        let dave = self.people.dave.clone();
        let said = self.note(&dave, Chat::Group(id), "unheard", msg_id);
        self.said[said].audience.clear();
        let unmute = json!({ "memberIds": [dave], "muteTime": 0 });
        self.alice_phone.act(|app, now| app.act_in_group("member/muteTime", id, &unmute, now));
        succeeds(&self.alice_phone, "/group/app/member/muteTime");
        self.dave_phone.eventually("Dave may speak", |app| app.groups[&id].muted_until == 0);
        let heard = say(&self.dave_phone, &Chat::Group(id), "heard");
        let heard = self.note(&dave, Chat::Group(id), "heard", heard);
        self.has_come(heard, &[]);
    }

    /// Bob writes without a network, then with one that has no sockets; what he missed comes when
    /// his socket is back.
    pub(super) fn a_phone_goes_through_a_tunnel(&mut self) {
        let (alice, bob) = (self.people.alice.clone(), self.people.bob.clone());
        self.bob_phone.has(Network::Down);
        self.bob_phone.eventually("Bob is in the tunnel", |app| !app.is_open());
        let typed = say(&self.bob_phone, &Chat::User(alice.clone()), "from the tunnel");
        let typed = self.note(&bob, Chat::User(alice.clone()), "from the tunnel", typed);
        for number in 0..MANY {
            let chat = [Chat::User(bob.clone()), Chat::Group(self.group)][number % 2].clone();
            let text = format!("while Bob is away {number}");
            let msg_id = say(&self.alice_phone, &chat, &text);
            let said = self.note(&alice, chat, &text, msg_id);
            self.has_come(said, &[&bob]);
        }
        self.bob_phone.has(Network::HttpOnly(self.server.addresses.http));
        self.has_come(typed, &[]);
        self.bob_phone.has(self.up());
        for said in self.said.iter().filter(|said| said.text.starts_with("while Bob")) {
            arrives(&self.bob_phone, "Bob's phone", &said.msg_id, &said.text);
        }
    }

    /// Carol's desktop pulls what it missed; Alice's, whose connection only breaks, gets it so.
    pub(super) fn a_desktop_is_closed_for_lunch(&mut self) {
        let (alice, bob, carol) =
            (self.people.alice.clone(), self.people.bob.clone(), self.people.carol.clone());
        self.carol_desktop.act(|app, _| app.log_out());
        self.alice_desktop.has(Network::Down);
        for number in 0..MANY {
            let chat = [Chat::User(carol.clone()), Chat::Group(self.group)][number % 2].clone();
            let text = format!("over lunch {number}");
            let msg_id = say(&self.bob_phone, &chat, &text);
            self.note(&bob, chat, &text, msg_id);
        }
        self.alice_desktop.has(self.up());
        self.carol_desktop.act(Desktop::start);
        for said in self.said.iter().filter(|said| said.text.starts_with("over lunch")) {
            arrives(&self.carol_desktop, "Carol's desktop", &said.msg_id, &said.text);
            if said.audience.contains(&alice) {
                arrives(&self.alice_desktop, "Alice's desktop", &said.msg_id, &said.text);
            }
        }
    }

    /// A phone that gets no answer sends its message again, and it is one message.
    pub(super) fn answers_get_lost(&mut self) {
        let (bob, carol) = (self.people.bob.clone(), self.people.carol.clone());
        self.bob_phone.loses(SEND_REPLY);
        let said = say(&self.bob_phone, &Chat::User(carol.clone()), "once");
        let said = self.note(&bob, Chat::User(carol), "once", said);
        self.has_come(said, &[]);
        assert!(self.bob_phone.has_lost());
    }

    /// Bob takes back what went by HTTP, whose id his phone has as a double; Dave marks a message.
    pub(super) fn messages_are_taken_back_and_marked(&mut self) {
        let id = self.group;
        let at = self.said.iter().position(|said| said.text == "from the tunnel");
        let said = &mut self.said[at.expect("a message")];
        said.is_revoked = true;
        let msg_id = said.msg_id.clone();
        self.bob_phone.act(|app, now| app.revoke(&msg_id, now));
        succeeds(&self.bob_phone, "/app/record/revoke");
        let is_gone = |state: Option<State>| state == Some(State::Revoked);
        let state = |app: &dyn Fn() -> Option<State>| is_gone(app());
        self.alice_desktop.eventually("it is gone from Alice's desktop", |app| {
            state(&|| app.book().get(&msg_id).map(|entry| entry.state))
        });
        self.alice_phone.eventually("it is gone from Alice's phone", |app| {
            state(&|| app.book().get(&msg_id).map(|entry| entry.state))
        });
        self.bob_phone.eventually("it is gone from Bob's phone", |app| {
            state(&|| app.book().get(&msg_id).map(|entry| entry.state))
        });

        let in_group = |said: &&super::town::Said| {
            said.chat == Chat::Group(id) && said.from == self.people.alice
        };
        let marked = self.said.iter().find(in_group).expect("a message").msg_id.clone();
        self.dave_phone.act(|app, now| app.focus(&marked, now));
        succeeds(&self.dave_phone, "/app/record/focus");
        self.alice_phone.eventually("Alice sees the mark", |app| {
            app.book().get(&marked).is_some_and(|entry| entry.focus == 1)
        });
    }

    /// Alice and Carol talk; the networks of Bob and Dave come and go.
    pub(super) fn all_talk_for(&mut self, time: Duration) {
        let (until, mut rng) = (clock::now() + time, rand::rng());
        let of = &self.people;
        let [alice, bob, carol] = [&of.alice, &of.bob, &of.carol].map(Clone::clone);
        let mut number = 0;
        while clock::left(until) > Duration::ZERO {
            number += 1;
            let text = format!("afternoon {number}");
            let chat = match rng.random_range(0..3) {
                0 => Chat::User(bob.clone()),
                _ => Chat::Group(self.group),
            };
            let (from, msg_id) = match rng.random_bool(0.5) {
                true => (alice.clone(), say(&self.alice_phone, &chat, &text)),
                false => (carol.clone(), say(&self.carol_desktop, &chat, &text)),
            };
            let said = self.note(&from, chat, &text, msg_id);
            let phone = [&self.bob_phone, &self.dave_phone][number % 2];
            if rng.random_ratio(1, 10) {
                phone.has(Network::Down);
                phone.eventually("a phone is cut off", |app| !app.is_open());
            }
            if rng.random_ratio(1, 3) {
                phone.has(self.up());
            }
            let [bob, dave] = [&self.people.bob, &self.people.dave];
            self.has_come(said, &[bob, dave]);
        }
        for phone in [&self.bob_phone, &self.dave_phone] {
            phone.has(self.up());
            opens(phone, "a phone");
        }
        self.all_say_in_group("in the evening", &[]);
    }

    /// Bob signs in on another phone: the first one signs out, cannot come back by itself, and gets
    /// nothing twice when he signs in there by hand again.
    pub(super) fn a_second_phone_takes_over(&mut self) {
        let (alice, bob) = (self.people.alice.clone(), self.people.bob.clone());
        self.bob_spare.act(Android::sign_in);
        opens(&self.bob_spare, "Bob's spare phone");
        let gives_way = |phone: &Device<Android>, to: &str| {
            phone.eventually("a phone gives way", |app| {
                app.is_signed_out() && app.replaced_by.as_deref() == Some(to)
            });
        };
        gives_way(&self.bob_phone, "Mi 11");
        let text = "to the spare phone";
        let said = say(&self.alice_phone, &Chat::User(bob.clone()), text);
        arrives(&self.bob_spare, "Bob's spare phone", &said, text);
        self.bob_spare.see(|app| assert_eq!(app.book().texts(), [text], "the rest is received"));
        let said = self.note(&alice, Chat::User(bob.clone()), text, said);
        // His first phone never gets it.
        self.said[said].audience.remove(&bob);

        self.bob_phone.act(Android::start);
        gives_way(&self.bob_phone, "Mi 11");
        self.bob_phone.act(Android::sign_in);
        gives_way(&self.bob_spare, "Mi 9");
        opens(&self.bob_phone, "Bob's phone");
        self.all_say_in_group("on one phone again", &[]);
    }

    /// Erin learns of her removal when she is back.
    pub(super) fn somebody_is_removed_while_away(&mut self) {
        let (id, erin) = (self.group, self.people.erin.clone());
        self.erin_phone.see(|app| assert!(app.groups.contains_key(&id)));
        self.erin_phone.has(Network::Down);
        let remove = json!({ "memberIds": [erin] });
        self.alice_phone.act(|app, now| app.act_in_group("group-remove", id, &remove, now));
        succeeds(&self.alice_phone, "/group/app/group-remove");
        self.members.remove(&erin);
        self.all_say_in_group("without Erin", &[]);
        self.erin_phone.has(self.up());
        self.erin_phone.eventually("the group is gone", |app| !app.groups.contains_key(&id));
        let after = self.erin_phone.see(|app| {
            app.book().texts().into_iter().filter(|text| text.ends_with("without Erin")).count()
        });
        assert_eq!(after, 0, "what came after the removal");
    }

    /// Clients come back by themselves after a stop, and after a kill.
    pub(super) fn the_server_is_updated_and_crashes(&mut self) {
        for is_crash in [false, true] {
            match is_crash {
                true => self.server.kill(),
                false => assert!(self.server.stop().success()),
            }
            for phone in [&self.alice_phone, &self.bob_phone, &self.dave_phone, &self.erin_phone] {
                phone.eventually("a phone notices", |app| !app.is_open());
            }
            for desktop in [&self.alice_desktop, &self.carol_desktop] {
                desktop.eventually("a desktop notices", |app| !app.is_open());
            }
            self.server.restart();
            let up = self.up();
            for phone in [&self.alice_phone, &self.bob_phone, &self.dave_phone, &self.erin_phone] {
                phone.has(up);
                opens(phone, "a phone");
            }
            for desktop in [&self.alice_desktop, &self.carol_desktop] {
                desktop.has(up);
                opens(desktop, "a desktop");
            }
            self.all_say_in_group(if is_crash { "after a crash" } else { "after a stop" }, &[]);
        }
    }
}

/// Somebody says something.
fn say<A: Messenger>(device: &Device<A>, chat: &Chat, text: &str) -> String {
    device.act(|app, now| app.say(chat, text, now))
}
