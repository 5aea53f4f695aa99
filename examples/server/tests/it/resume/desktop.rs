//! A desktop client: one pull, then the socket; it stores each message once, in the order of first
//! arrival.

use std::collections::HashSet;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use comet_dtalk::message::Login;
use comet_server_testkit::client::{Client, Next, Transport};
use comet_server_testkit::http;
use comet_server_testkit::message::Delivered;
use comet_server_testkit::person::{Person, again};
use comet_server_testkit::server::Addresses;
use comet_testkit::frame::{DELIVER, Frame, ack};
use comet_testkit::socket::Socket;
use serde_json::json;

use super::Cut;

/// Limit on unacknowledged deliveries in flight.
const WINDOW: usize = 256;

pub(super) struct Desktop {
    person: Person,
    login: Login,
    transport: Transport,
    /// Whether it pulls before it connects, as existing clients do.
    pulls: bool,
    client: Option<Client>,
    /// Connections that the server does not know to be lost.
    half_open: Vec<Socket>,
    /// The greatest delivery number of this connection.
    highest: u32,
    known: HashSet<String>,
    /// Ids of the messages in the order of arrival.
    pub(super) stored: Vec<i64>,
    /// Repeated messages on this connection.
    repeats: usize,
    /// Repeated messages in total.
    pub(super) all_repeats: usize,
}

impl Desktop {
    pub(super) fn new(person: &Person, login: Login, transport: Transport, pulls: bool) -> Self {
        Self {
            person: person.clone(),
            login,
            transport,
            pulls,
            client: None,
            half_open: Vec::new(),
            highest: 0,
            known: HashSet::new(),
            stored: Vec::new(),
            repeats: 0,
            all_repeats: 0,
        }
    }

    pub(super) fn connect(&mut self, at: &Addresses) {
        if self.pulls {
            self.pull(at);
        }
        let client = Client::signed_in(self.transport, at, &self.person, Some(&self.login));
        self.client = Some(client);
        self.login = again(&self.login);
        self.all_repeats += self.repeats;
        (self.highest, self.repeats) = (0, 0);
    }

    pub(super) fn lose_connection(&mut self, cut: Cut) {
        let Some(client) = self.client.take() else { return };
        self.half_open.extend(cut.make(client.into_socket()));
    }

    /// The server is gone, with all connections.
    pub(super) fn forget_connections(&mut self) {
        self.client = None;
        self.half_open.clear();
    }

    /// Takes and acknowledges deliveries until the deadline. If the server has closed the
    /// connection, it opens another.
    pub(super) fn listen(&mut self, at: &Addresses, until: Instant) {
        if self.client.is_none() {
            self.connect(at);
        }
        while let Some(client) = &mut self.client {
            match client.next(until) {
                Next::Frame(frame) => self.take(&frame),
                Next::Nothing => return,
                Next::Ended(_) => self.client = None,
            }
        }
    }

    fn take(&mut self, frame: &Frame) {
        assert_eq!(frame.op, DELIVER, "{frame:?}");
        if frame.seq > self.highest {
            assert_eq!(frame.seq, self.highest + 1, "numbered without holes");
            self.highest = frame.seq;
            self.store(&frame.body, false);
        }
        let Some(client) = &mut self.client else { return };
        let ack = Frame { seq: client.next_seq(), ..ack(frame.seq) };
        // A lost connection is detected by reading.
        let _ = client.try_send_all(&[ack]);
    }

    fn store(&mut self, body: &[u8], pulled: bool) {
        let Delivered::Message(common) = Delivered::read(body) else { return };
        if self.known.insert(common.msg_id) {
            self.stored.push(common.log_id);
        } else if !pulled {
            self.repeats += 1;
            assert!(self.pulls || self.repeats <= WINDOW, "more than was unacknowledged");
        }
    }

    /// Pulls the messages after the last one that it has.
    fn pull(&mut self, at: &Addresses) {
        let start = self.stored.last().copied();
        let request = json!({ "count": 20, "start": start }).to_string();
        let answer =
            http::post(at.http, "/app/record/sync-record", Some(&self.person), &request).data();
        for record in answer["records"].as_array().expect("records") {
            let body = STANDARD.decode(record.as_str().expect("a text")).expect("base64");
            self.store(&body, true);
        }
    }
}
