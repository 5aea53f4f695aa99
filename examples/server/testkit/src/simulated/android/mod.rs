//! The Android client.
//!
//! Its habits, by the sections that describe them:
//!
//! * the nodes come by GET (1.4); it sends all of its headers with every call, with an empty token
//!   when nobody is signed in, and with the text `uuid` instead of the device's (1.3);
//! * its token has a random text, and is used for 10 s (3.1);
//! * the Auth is sent again each 5 s until it is answered (2.4); `connType` is 1 if it signs in by
//!   itself, and a reply with a body then says which phone has taken its place (2.4);
//! * frames whose `ver` is not 1 are dropped (2.1); whatever has an ack other than 0 confirms the
//!   message of that seq, be it a delivery (2.4, 2.6);
//! * it counts from 1 on each connection (2.4); zeros are left out of bodies (2.3);
//! * a heartbeat each minute, whose reply it does not need (2.4);
//! * a message without a reply is sent again each 5 s, four times, and then marked as failed; while
//!   the socket is down it goes by `/record/push2`, as the protobuf form of a frame, three times
//!   5 s apart (1.5, 2.6); the id in that answer passes through a double (1.5);
//! * it never pulls: what it missed comes after the Auth (2.6);
//! * a group message without the group's key is not acknowledged, the key is asked for, and the
//!   message taken when it is sent again (2.6); from itself to itself is ignored (2.6);
//! * all signals are handled; a group goes away by SignOut or DeleteGroup alone, and the members in
//!   SignIn and SignOut are added up (2.5);
//! * groups are named by a number `id` (1.6);
//! * it reconnects at once, then each second, from the tenth attempt on each 5 s, from the
//!   thirtieth each 15 s, from the fiftieth each minute (2.4).

mod answers;
mod groups;
mod line;
mod outgoing;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::book::{Book, State};
use super::content::{Message, TEXT, text_content};
use super::{App, Body, Call, Chat, Input, Messenger, Output, seal, uuid};
use crate::person::Person;
pub use groups::Group;
use line::Line;
use outgoing::Outgoing;

/// Time for which a token is used.
const TOKEN_AGE: Duration = Duration::from_secs(10);
/// Interval between attempts, of the Auth and of messages.
const AGAIN: Duration = Duration::from_secs(5);

/// A phone.
#[derive(Debug)]
pub struct Android {
    /// Its user.
    pub person: Person,
    book: Book,
    /// The groups of its user, by id.
    pub groups: BTreeMap<i64, Group>,
    /// The result of the last call of each path.
    pub results: BTreeMap<String, i64>,
    faults: Vec<String>,
    /// The name of the device that has taken its place.
    pub replaced_by: Option<String>,
    /// Its model, which is its name.
    model: String,
    uuid: String,
    automatic: bool,
    token: Option<(String, Instant)>,
    phase: Phase,
    sessions: u32,
    line: Line,
    outgoing: BTreeMap<String, Outgoing>,
    outputs: VecDeque<Output<Purpose>>,
}

/// Phase of the client's life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    SignedOut,
    /// Calls before the first socket.
    Starting,
    /// The socket is down, and to be tried again.
    Down {
        attempts: u32,
        next: Instant,
    },
    Connecting {
        attempts: u32,
    },
    /// The Auth is without an answer.
    Authenticating {
        again: Instant,
    },
    Open,
}

/// Reason of a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// Servers to choose from.
    Nodes,
    /// Modules that are switched on.
    Modules,
    /// Newer versions of the client.
    Version,
    /// All groups.
    Groups,
    /// The group of this id.
    Group(i64),
    /// A message, by its id.
    Push(String),
    /// Something whose result is recorded under its path.
    Act(String),
}

impl Android {
    /// A phone of this user, where nothing is stored.
    pub fn new(person: &Person, model: &str) -> Self {
        Self {
            person: person.clone(),
            book: Book::default(),
            groups: BTreeMap::new(),
            results: BTreeMap::new(),
            faults: Vec::new(),
            replaced_by: None,
            model: model.to_owned(),
            uuid: uuid(),
            automatic: false,
            token: None,
            phase: Phase::SignedOut,
            sessions: 0,
            line: Line::default(),
            outgoing: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// The user signs in by hand.
    pub fn sign_in(&mut self, now: Instant) {
        self.automatic = false;
        self.start(now);
    }

    /// The client starts, and signs in by itself if the user has done so by hand.
    pub fn start(&mut self, now: Instant) {
        self.replaced_by = None;
        self.phase = Phase::Starting;
        self.call(Purpose::Nodes, "/disc/nodes", Body::Empty, now);
    }

    /// The client ends; what is stored remains.
    pub fn end(&mut self) {
        self.phase = Phase::SignedOut;
        self.outputs.clear();
        self.outputs.push_back(Output::Disconnect);
    }

    /// Whether the user is to sign in.
    pub fn is_signed_out(&self) -> bool {
        self.phase == Phase::SignedOut
    }

    /// Takes a message back.
    pub fn revoke(&mut self, msg_id: &str, now: Instant) {
        self.act_on(msg_id, "/app/record/revoke", now);
    }

    /// Marks a message.
    pub fn focus(&mut self, msg_id: &str, now: Instant) {
        self.act_on(msg_id, "/app/record/focus", now);
    }

    fn act_on(&mut self, msg_id: &str, path: &str, now: Instant) {
        let message = &self.book.get(msg_id).expect("a message").message;
        let request = json!({ "type": message.channel, "logId": message.log_id });
        self.act(path, &request, now);
    }

    /// Makes a group of the user and others.
    pub fn create_group(&mut self, name: &str, others: &[&str], now: Instant) {
        let request = json!({ "name": name, "memberIds": others });
        self.act("/group/app/create-group", &request, now);
    }

    /// Does something with a group.
    pub fn act_in_group(&mut self, route: &str, group: i64, rest: &Value, now: Instant) {
        let mut request = rest.clone();
        request["id"] = json!(group);
        self.act(&format!("/group/app/{route}"), &request, now);
    }

    fn act(&mut self, path: &str, request: &Value, now: Instant) {
        self.results.remove(path);
        let body = Body::Json(request.to_string());
        self.call(Purpose::Act(path.to_owned()), path, body, now);
    }

    fn call(&mut self, purpose: Purpose, path: &str, body: Body, now: Instant) {
        let token = if self.is_signed_out() { String::new() } else { self.token(now) };
        let headers = vec![
            ("FZM-SIGNATURE", token),
            ("FZM-UUID", "uuid".to_owned()),
            ("FZM-DEVICE", "Android".to_owned()),
            ("FZM-DEVICE-NAME", self.model.clone()),
            ("FZM-VERSION", "3.5.0".to_owned()),
            ("Fzm-Request-Source", "chat".to_owned()),
        ];
        let method = if purpose == Purpose::Nodes { "GET" } else { "POST" };
        let path = path.to_owned();
        self.outputs.push_back(Output::Call(Call { purpose, method, path, headers, body }));
    }

    fn token(&mut self, now: Instant) -> String {
        let fresh = self.token.take().filter(|(_, made)| now.duration_since(*made) < TOKEN_AGE);
        let (token, made) = fresh.unwrap_or_else(|| {
            let text = uuid()[..8].to_owned();
            (self.person.token_with_text(&text), now)
        });
        self.token = Some((token.clone(), made));
        token
    }

    /// Somebody else's phone has taken the place of this one.
    fn give_way(&mut self, device: String) {
        self.replaced_by = Some(device);
        self.phase = Phase::SignedOut;
        self.outputs.push_back(Output::Disconnect);
    }

    fn fault(&mut self, what: impl Into<String>) {
        self.faults.push(what.into());
    }
}

impl Messenger for Android {
    fn say(&mut self, to: &Chat, text: &str, now: Instant) -> String {
        let plain = text_content(text);
        let (channel, target, content) = match to {
            Chat::User(uid) => {
                let key = seal::key_of(&self.person.uid, uid);
                (0, uid.clone(), seal::between_users(&key, &plain))
            }
            Chat::Group(id) => {
                let key = self.groups[id].key.clone().expect("a group whose key is known");
                (1, id.to_string(), seal::for_group(key.as_bytes(), &plain))
            }
        };
        let message = Message {
            channel,
            msg_id: uuid(),
            from: self.person.uid.clone(),
            target,
            kind: TEXT,
            content,
            ..Message::default()
        };
        let (msg_id, body) = (message.msg_id.clone(), message.write(false));
        self.book.add(message, text.to_owned(), State::Pending);
        self.outgoing.insert(msg_id.clone(), Outgoing::new(body));
        self.post(&msg_id, now);
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

impl App for Android {
    type Purpose = Purpose;

    fn handle(&mut self, input: Input<Purpose>, now: Instant) {
        match input {
            Input::Answer(purpose, answer) => self.answered(purpose, answer, now),
            Input::Connected => {
                self.line = Line::default();
                self.forget_seqs();
                self.authenticate(now);
            }
            Input::Closed => self.closed(now),
            Input::Frame(frame) if !self.is_signed_out() => self.frame(&frame, now),
            Input::Frame(_) => {}
        }
    }

    fn tick(&mut self, now: Instant) {
        match self.phase {
            Phase::Down { attempts, next } if now >= next => self.connect(attempts + 1),
            Phase::Authenticating { again } if now >= again => self.authenticate(now),
            Phase::Open => self.beat(now),
            _ => {}
        }
        if !self.is_signed_out() {
            self.post_again(now);
        }
    }

    fn poll(&mut self) -> Option<Output<Purpose>> {
        self.outputs.pop_front()
    }
}
