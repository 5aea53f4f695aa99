//! Receivers: a phone that is sent missed messages, and a desktop that pulls them.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use comet_dtalk::message::{Common, Login};
use comet_server_testkit::client::Transport;
use comet_server_testkit::message::{Delivered, to_user};
use comet_server_testkit::person::{Person, browser, phone};
use comet_server_testkit::server::Server;
use serde_json::json;

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
        // Messages stored after the login are delivered after the missed ones.
        let herald = Person::new(&format!("herald {} of {}", self.logins, self.login.uuid));
        let mut sender = server.client(Transport::Tcp, &herald, None);
        sender.ask(&to_user(&self.person.uid, "m-1", THAT_WAS_ALL));
        let mut feed = Feed::new(client);
        feed.until(|common| common.from == herald.uid);
        // There are older ones that were unacknowledged when the server was killed.
        feed.messages.retain(|common| common.msg != THAT_WAS_ALL);
        feed
    }

    pub(super) fn keep(&mut self, messages: &[Common]) {
        self.got.extend(messages.iter().map(|common| common.log_id));
    }
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

/// All messages of a user after `start`, oldest first. One response has the newest thousand, so
/// earlier ones may require further requests.
pub(super) fn pull(server: &Server, person: &Person, start: Option<i64>) -> Vec<Common> {
    let mut messages: Vec<Common> = Vec::new();
    loop {
        let before = messages.first().map(|common| common.log_id);
        let request = json!({ "count": 20, "start": start, "before": before });
        let path = "/app/record/sync-record";
        let data = server.post(path, Some(person), &request.to_string()).data();
        let records = data["records"].as_array().expect("records");
        assert_eq!(data["record_count"], records.len());
        let page = records.iter().map(|record| {
            let body = STANDARD.decode(record.as_str().expect("a text")).expect("base64");
            Delivered::read(&body).message()
        });
        messages.splice(0..0, page.collect::<Vec<_>>());
        if data["has_more"] == false {
            return messages;
        }
    }
}
