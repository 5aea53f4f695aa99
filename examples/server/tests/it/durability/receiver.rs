//! Receivers: a phone that is sent missed messages, and a desktop that pulls them.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use comet_dtalk::message::{Common, Login, MsgType};
use comet_server_testkit::client::Transport;
use comet_server_testkit::message::{Delivered, to_user};
use comet_server_testkit::person::{Person, browser, phone};
use comet_server_testkit::server::Server;
use serde_json::{Value, json};

use super::feed::Feed;

const THAT_WAS_ALL: &str = "that was all";

/// A user with a phone.
#[derive(Debug)]
pub(super) struct Phone {
    pub(super) person: Person,
    /// Ids of received messages.
    pub(super) got: BTreeSet<i64>,
    login: Login,
    logins: usize,
}

impl Phone {
    pub(super) fn new(name: &str) -> Self {
        let (person, login) = (Person::new(name), phone(name));
        Self { person, got: BTreeSet::new(), login, logins: 0 }
    }

    /// Signs in and takes the missed messages.
    pub(super) fn comes_back(&mut self, server: &Server) -> Feed {
        let transport = Transport::ALL[self.logins % Transport::ALL.len()];
        self.logins += 1;
        let client = server.client(transport, &self.person, Some(&self.login));
        to_the_end(server, &self.person, Feed::new(client))
    }

    pub(super) fn keep(&mut self, messages: &[Common]) {
        self.got.extend(messages.iter().map(|common| common.log_id));
    }
}

/// Takes all that was stored for this user until now: a message stored later is delivered after it.
pub(super) fn to_the_end(server: &Server, person: &Person, mut feed: Feed) -> Feed {
    let herald = Person::new(&format!("herald {}", rand::random::<u64>()));
    let mut sender = server.client(Transport::Tcp, &herald, None);
    sender.ask(&to_user(&person.uid, "m-1", THAT_WAS_ALL));
    feed.until(|common| common.from == herald.uid);
    // There are older ones that were unacknowledged when the server was killed.
    feed.messages.retain(|common| common.msg != THAT_WAS_ALL);
    feed
}

/// A user at a desktop.
#[derive(Debug)]
pub(super) struct Desktop {
    pub(super) person: Person,
    /// Ids of received messages.
    pub(super) got: BTreeSet<i64>,
}

impl Desktop {
    pub(super) fn new(name: &str) -> Self {
        Self { person: Person::new(name), got: BTreeSet::new() }
    }

    /// Pulls messages after the last one received, and then signs in.
    pub(super) fn comes_back(&mut self, server: &Server) -> (Feed, Vec<Common>) {
        let pulled = pull(server, &self.person, self.got.last().copied());
        let login = browser("desktop");
        let client = server.client(Transport::WebSocket, &self.person, Some(&login));
        (Feed::new(client), pulled)
    }

    pub(super) fn keep(&mut self, messages: &[Common]) {
        self.got.extend(messages.iter().map(|common| common.log_id));
    }
}

/// All messages of a user after `start`, without notices and heralds: those between users, then
/// those of groups, each kind oldest first. One response has the newest thousand of each kind, so
/// earlier ones may require further requests.
pub(super) fn pull(server: &Server, person: &Person, start: Option<i64>) -> Vec<Common> {
    let mut messages = BTreeMap::new();
    let mut before = Value::Null;
    loop {
        let request = json!({ "count": 20, "start": start, "before": before });
        let path = "/app/record/sync-record";
        let data = server.post(path, Some(person), &request.to_string()).data();
        let records = data["records"].as_array().expect("records");
        assert_eq!(data["record_count"], records.len());
        let page = records.iter().map(|record| {
            let body = STANDARD.decode(record.as_str().expect("a text")).expect("base64");
            Delivered::read(&body).message()
        });
        messages.extend(page.map(|common| ((common.channel_type, common.log_id), common)));
        if data["has_more"] == false {
            break;
        }
        before = data["before"].clone();
    }
    let is_sent =
        |common: &Common| common.msg_type != MsgType::Notice as i32 && common.msg != THAT_WAS_ALL;
    messages.into_values().filter(is_sent).collect()
}
