//! The people, groups and messages that the cases name.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use comet_server_testkit::client::Transport;
use comet_server_testkit::message::{to_group, to_user};
use comet_server_testkit::person::{Person, phone};
use comet_server_testkit::server::Server;
use comet_sql_testing::{Kind, Server as DatabaseServer};
use serde_json::{Value, json};

use crate::database::setup_on;

/// Alice owns the groups, Bob is an admin, Carol, Dave and Erin are members; Mallory is in none.
/// Frank has applied, Grace too.
pub(super) const PEOPLE: [&str; 8] =
    ["alice", "bob", "carol", "dave", "erin", "mallory", "frank", "grace"];

/// A server, and values that stand for `$names` in the cases.
pub(super) struct Scene {
    server: Server,
    people: BTreeMap<&'static str, Person>,
    names: BTreeMap<String, String>,
    _database: Option<DatabaseServer>,
}

impl Scene {
    pub(super) fn new(kind: Kind) -> Self {
        let (database, setup) = setup_on(kind);
        let server = setup.start();
        let people: BTreeMap<_, _> = PEOPLE.map(|name| (name, Person::new(name))).into();
        let names = people.iter().map(|(name, person)| ((*name).to_owned(), person.uid.clone()));
        let mut scene = Self { server, names: names.collect(), people, _database: database };
        scene.make_groups();
        scene.send_messages();
        scene
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.addresses.http
    }

    pub(super) fn person(&self, name: &str) -> &Person {
        &self.people[name]
    }

    /// A text with the values of its names.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        // Long ones first: one may begin with another.
        for (name, value) in self.names.iter().rev() {
            filled = filled.replace(&format!("${name}"), value);
        }
        assert!(!filled.contains('$'), "a name is unknown in {text}");
        filled
    }

    pub(super) fn value(&self, name: &str) -> &str {
        &self.names[name]
    }

    /// Keeps values of an answer that later cases name.
    pub(super) fn learn(&mut self, path: &str, data: &Value) {
        if path == "/app/record/send" {
            self.name("sent", &data["mid"]);
        }
    }

    /// `$group` is an ordinary one, to `$closed` only admins bring people, `$asked` takes
    /// applications, and `$over` and `$left` are for those who end or leave them.
    fn make_groups(&mut self) {
        let members = r#"["$bob","$carol","$dave","$erin"]"#;
        for group in ["group", "closed", "asked", "over", "left"] {
            let request = format!(r#"{{"name":"{group}","memberIds":{members}}}"#);
            let data = self.does("alice", "/group/app/create-group", &request);
            self.name(group, &data["idStr"]);
            self.name(&format!("mark_{group}"), &data["markId"]);
            let admin = format!(r#"{{"idStr":"${group}","memberId":"$bob","memberType":1}}"#);
            self.does("alice", "/group/app/member/type", &admin);
        }
        self.does("alice", "/group/app/joinType", r#"{"idStr":"$closed","joinType":1}"#);
        self.does("alice", "/group/app/joinType", r#"{"idStr":"$asked","joinType":2}"#);
        for (person, name) in [("frank", "apply_frank"), ("grace", "apply_grace")] {
            let apply = r#"{"idStr":"$asked","applyNote":"let me in"}"#;
            self.does(person, "/group/app/create-group-apply", apply);
            let listed = self.does("alice", "/group/app/get-group-applys", r#"{"idStr":"$asked"}"#);
            let applications = listed["applys"].as_array().expect("applications");
            let uid = json!(self.value(person));
            let own = applications.iter().find(|it| it["memberId"] == uid).expect("his own");
            self.name(name, &own["applyId"].clone());
        }
    }

    /// From Alice to Bob, and from Carol to the group; and Alice has a phone.
    fn send_messages(&mut self) {
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| self.person(name).clone());
        let group = self.value("group").parse().expect("an id");
        let send = |person: &Person, common| {
            let mut client = self.server.client(Transport::Tcp, person, Some(&phone(&person.uid)));
            json!(client.ask_among(common).log_id)
        };
        let ids = [
            ("private", send(&alice, &to_user(&bob.uid, "m-1", "hi"))),
            ("revoked", send(&alice, &to_user(&bob.uid, "m-2", "hi"))),
            ("public", send(&carol, &to_group(group, "m-3", "hi"))),
        ];
        ids.iter().for_each(|(name, id)| self.name(name, id));
    }

    fn does(&self, person: &str, path: &str, request: &str) -> Value {
        self.server.post(path, Some(self.person(person)), &self.fill(request)).data()
    }

    fn name(&mut self, name: &str, value: &Value) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.names.insert(name.to_owned(), value);
    }
}
