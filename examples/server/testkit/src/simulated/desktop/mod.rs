//! The desktop client, in its web build.
//!
//! Its habits, by the sections that describe them:
//!
//! * it starts with the nodes, of which it takes the first server, with the modules, which are an
//!   array, and with a ping (1.4); at login it asks for its staff record, and opens no socket
//!   unless that is answered with status 200 (1.13);
//! * one `sync-record` with count 20, from the newest id that it stores, comes before the socket;
//!   it does not page, and if the call fails there is no socket (1.5, 2.6);
//! * its token has an empty text, and is used for 60 s (3.1); its device is named by its uuid, and
//!   `connType` is 1 if it signs in by itself (2.4);
//! * whatever frame comes first ends its wait for the session, and its content is dropped (2.4);
//! * the Auth has seq 0, everything after it counts from 1, acks too (2.4); zeros are written out
//!   in bodies (2.3), and its own clock into the time of messages (2.6);
//! * a heartbeat each 15 s; if the one before has no reply, it says goodbye and reconnects; a reply
//!   to none of them takes away the newest (2.4);
//! * it reconnects at once, again and again, and does not pull then (1.13);
//! * the reply to a message is decoded as `CommonAck` although it is wrapped in `Proto`: the length
//!   of the body is taken for the id, until the id follows (2.6);
//! * deliveries of event types 0 and 1 are both messages; those without an id, a type, an author, a
//!   target or a content are ignored, and those known by the client's id dropped; of the signals it
//!   knows Revoke alone; all are acknowledged once they are processed (2.6);
//! * a message goes by `/record/push` if the socket is closed, without another attempt; the `logId`
//!   of the answer is found by its text (1.5, 2.6);
//! * all numbers of JSON are doubles, but for ids that are found as text; groups are named by
//!   `idStr` (1.6, 6).

mod answers;
mod line;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use comet_dtalk::clock::unix_ms;
use comet_testkit::frame::Frame;
use serde_json::{Value, json};

use super::book::{Book, State};
use super::content::{Message, TEXT, text_content, text_in};
use super::{App, Body, Call, Chat, Input, Messenger, Output, seal, uuid};
use crate::person::Person;
use line::Line;

/// Time for which a token is used.
const TOKEN_AGE: Duration = Duration::from_secs(60);
/// Interval of heartbeats.
const BEAT: Duration = Duration::from_secs(15);

/// A desktop.
#[derive(Debug)]
pub struct Desktop {
    /// Its user.
    pub person: Person,
    book: Book,
    /// Keys of groups, by `idStr`; `None` while one is asked for.
    pub groups: BTreeMap<String, Option<Vec<u8>>>,
    /// The result of the last call of each path.
    pub results: BTreeMap<String, i64>,
    faults: Vec<String>,
    /// The server that it has chosen.
    pub home: Option<String>,
    uuid: String,
    automatic: bool,
    token: Option<(String, Instant)>,
    phase: Phase,
    sessions: u32,
    line: Line,
    outputs: VecDeque<Output<Purpose>>,
}

/// Phase of the client's life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Off,
    /// Calls before the socket.
    Starting,
    Connecting,
    Open,
    /// A call that had to succeed has failed.
    Stuck(&'static str),
}

/// Reason of a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// Servers to choose from.
    Nodes,
    /// Modules that are switched on.
    Modules,
    /// Latency of the server.
    Ping,
    /// Newer versions of the client.
    Version,
    /// The own staff record.
    Staff,
    /// The own backup.
    Backup,
    /// Messages since the newest one.
    Sync,
    /// All groups.
    Groups,
    /// One group.
    Group,
    /// A message, by its id.
    Push(String),
    /// Something whose result is recorded under its path.
    Act(String),
}

impl Desktop {
    /// A desktop of this user, where nothing is stored.
    pub fn new(person: &Person) -> Self {
        Self {
            person: person.clone(),
            book: Book::default(),
            groups: BTreeMap::new(),
            results: BTreeMap::new(),
            faults: Vec::new(),
            home: None,
            uuid: uuid(),
            automatic: false,
            token: None,
            phase: Phase::Off,
            sessions: 0,
            line: Line::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Starts the client; it signs in by itself if it has been signed in.
    pub fn start(&mut self, now: Instant) {
        self.phase = Phase::Starting;
        self.ask(Purpose::Nodes, now);
    }

    /// Signs out, and ends the client; what is stored remains.
    pub fn log_out(&mut self) {
        if self.phase == Phase::Open {
            self.outputs.extend([self.line.goodbye(), Output::Disconnect]);
        }
        self.phase = Phase::Off;
    }

    /// The call that has failed and keeps it from its socket.
    pub const fn is_stuck(&self) -> Option<&'static str> {
        match self.phase {
            Phase::Stuck(why) => Some(why),
            _ => None,
        }
    }

    /// Takes a message back.
    pub fn revoke(&mut self, msg_id: &str, now: Instant) {
        let message = &self.book.get(msg_id).expect("a message").message;
        let request = json!({ "type": message.channel, "logId": message.log_id });
        self.act("/app/record/revoke", &request, now);
    }

    /// Does something with a group.
    pub fn act_in_group(&mut self, route: &str, group: i64, rest: &Value, now: Instant) {
        let mut request = rest.clone();
        request["idStr"] = json!(group.to_string());
        self.act(&format!("/group/app/{route}"), &request, now);
    }

    fn act(&mut self, path: &str, request: &Value, now: Instant) {
        self.results.remove(path);
        let body = Body::Json(request.to_string());
        self.call(Purpose::Act(path.to_owned()), path, body, now);
    }

    /// The content of a message, opened; `None` if there is no key yet.
    fn text_of(&self, message: &Message) -> Option<String> {
        if message.kind != TEXT {
            return Some(String::new());
        }
        let chat = message.chat(&self.person.uid);
        let key = self.key(&chat)?;
        let plain = match chat {
            Chat::User(_) => seal::open_between_users(&key, &message.content),
            Chat::Group(_) => seal::open_for_group(&key, &message.content),
        };
        // Sent by somebody without the key.
        Some(text_in(&plain.unwrap_or_else(|| message.content.clone())))
    }

    fn key(&self, chat: &Chat) -> Option<Vec<u8>> {
        match chat {
            Chat::User(uid) => Some(seal::key_of(&self.person.uid, uid)),
            Chat::Group(id) => self.groups.get(&id.to_string())?.clone(),
        }
    }

    /// Takes a message that was delivered or pulled.
    fn take(&mut self, message: Message, now: Instant) {
        let is_empty = [&message.msg_id, &message.from, &message.target].map(String::is_empty);
        if is_empty.contains(&true) || message.kind == 0 || message.content.is_empty() {
            return;
        }
        if let Chat::Group(id) = message.chat(&self.person.uid)
            && !self.groups.contains_key(&id.to_string())
        {
            self.groups.insert(id.to_string(), None);
            let request = json!({ "idStr": id.to_string() }).to_string();
            self.call(Purpose::Group, "/group/app/group-info", Body::Json(request), now);
        }
        let text = self.text_of(&message).unwrap_or_default();
        self.book.add(message, text, State::Known);
    }

    fn token(&mut self, now: Instant) -> String {
        let fresh = self.token.take().filter(|(_, made)| now.duration_since(*made) < TOKEN_AGE);
        let (token, made) = fresh.unwrap_or_else(|| (self.person.token_without_text(), now));
        self.token = Some((token.clone(), made));
        token
    }

    fn call(&mut self, purpose: Purpose, path: &str, body: Body, now: Instant) {
        let headers = match purpose {
            Purpose::Nodes | Purpose::Modules | Purpose::Ping => Vec::new(),
            Purpose::Version => vec![("FZM-DEVICE", "PC".to_owned())],
            _ => vec![("FZM-SIGNATURE", self.token(now))],
        };
        let method = if purpose == Purpose::Ping { "GET" } else { "POST" };
        let path = path.to_owned();
        self.outputs.push_back(Output::Call(Call { purpose, method, path, headers, body }));
    }

    fn fault(&mut self, what: impl Into<String>) {
        self.faults.push(what.into());
    }
}

impl Messenger for Desktop {
    fn say(&mut self, to: &Chat, text: &str, now: Instant) -> String {
        let (channel, target) = match to {
            Chat::User(uid) => (0, uid.clone()),
            Chat::Group(id) => (1, id.to_string()),
        };
        let content = match self.key(to) {
            Some(key) if channel == 0 => seal::between_users(&key, &text_content(text)),
            Some(key) => seal::for_group(&key, &text_content(text)),
            None => text_content(text),
        };
        let (msg_id, from) = (uuid(), self.person.uid.clone());
        let message = Message {
            channel,
            log_id: 0,
            msg_id: msg_id.clone(),
            from,
            target,
            kind: TEXT,
            content,
            time: unix_ms(),
        };
        let body = message.write(true);
        self.book.add(message, text.to_owned(), State::Pending);
        if self.is_open() {
            let frame = self.line.message(body, &msg_id);
            self.outputs.push_back(Output::Send(frame));
        } else {
            let form = Body::Form("message", body);
            self.call(Purpose::Push(msg_id.clone()), "/record/push", form, now);
        }
        msg_id
    }

    fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    fn sessions(&self) -> u32 {
        self.sessions
    }

    fn book(&self) -> &Book {
        &self.book
    }

    fn faults(&self) -> &[String] {
        &self.faults
    }
}

impl App for Desktop {
    type Purpose = Purpose;

    fn handle(&mut self, input: Input<Purpose>, now: Instant) {
        match input {
            Input::Answer(purpose, answer) => self.answered(purpose, answer, now),
            Input::Connected => {
                let token = self.token(now);
                let auth = Line::auth(&token, &self.uuid, self.automatic);
                self.line = Line::new();
                self.outputs.push_back(Output::Send(auth));
            }
            Input::Closed => {
                if matches!(self.phase, Phase::Connecting | Phase::Open) {
                    self.phase = Phase::Connecting;
                    self.outputs.push_back(Output::Connect);
                }
            }
            Input::Frame(frame) if self.phase == Phase::Connecting => self.greeted(&frame, now),
            Input::Frame(frame) => self.frame(&frame, now),
        }
    }

    fn tick(&mut self, now: Instant) {
        if self.phase != Phase::Open || !self.line.is_due(now) {
            return;
        }
        match self.line.beat(now) {
            Some(beat) => self.outputs.push_back(Output::Send(beat)),
            None => {
                // The end of the connection follows, and with it another one.
                self.outputs.extend([self.line.goodbye(), Output::Disconnect]);
                self.phase = Phase::Connecting;
            }
        }
    }

    fn poll(&mut self) -> Option<Output<Purpose>> {
        self.outputs.pop_front()
    }
}

impl Desktop {
    /// The first frame of a connection.
    fn greeted(&mut self, frame: &Frame, now: Instant) {
        if frame.op != comet_testkit::frame::AUTH_REPLY || !frame.body.is_empty() {
            self.fault(format!("dropped as the first frame: {frame:?}"));
        }
        self.phase = Phase::Open;
        self.sessions += 1;
        self.automatic = true;
        self.line.open(now);
        self.call(Purpose::Groups, "/group/app/group-list", Body::Empty, now);
    }
}
