//! Data queued for clients that do not read: memory against the budget, and its metric.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use comet_server_testkit::client::{Client, Transport, auth};
use comet_server_testkit::http;
use comet_server_testkit::message::{to_group, to_user};
use comet_server_testkit::person::Person;
use comet_testkit::frame::{AUTH_REPLY, DELIVER, SEND_REPLY, frame};
use comet_testkit::usage;
use serde_json::json;

use crate::arena::{Arena, MIB, Port, person};
use crate::attack::Attack;
use crate::flow::client;
use crate::line::{Line, STRANGER, pass};
use crate::login;

/// A budget that attacks of some ten megabytes exceed.
const SMALL: &[&str] = &["gateway.memory_budget=33554432"];
/// Limit on the growth of the process with it: twice as much.
const TWICE: u64 = 64 * MIB;
/// Lifts the limit on new names of the demo.
const NAMES: &[&str] = &["demo.new_names_per_minute=0"];
/// The demo's group.
const GROUP: i64 = 1;

/// Messages in flight from a sender that does not wait for each answer.
const MANY: usize = 30;
/// Polling interval of memory.
const LOOK: Duration = Duration::from_millis(50);
/// Memory beyond the factor of two: the process itself, connections and pages of the database.
const BESIDE: u64 = 16 * MIB;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("stalled-sessions", "100 sessions of one user stop reading, 8 MB come", |arena| {
        arena.may_grow(TWICE);
        let lines = sessions(arena, 100, |_| person("does not read"));
        arena.is("signed in", lines.len(), 100);
        let sent = send_to(arena, &[person("does not read")], 500, 15_500, MANY);
        arena.is("messages answered", sent, 500);
    })
    .with(SMALL)
    .quick(),
    Attack::new(
        "stalled-users",
        "60 users stop reading, 48 MB come, the budget is 32 MiB",
        |arena| {
            stalled_users(arena);
        },
    )
    .with(SMALL)
    .quick(),
    Attack::new("stalled-at-one-byte", "200 readers that take a byte a second", at_one_byte)
        .with(SMALL),
    Attack::new(
        "stalled-devices-few-messages",
        "1,000 sessions of one user stop reading, 60 messages of 12 KB come",
        |arena| {
            stalled_devices(arena, 60, 12_000);
        },
    ),
    Attack::new(
        "stalled-devices-large-messages",
        "1,000 sessions of one user stop reading, 1,000 messages of 15 KB come",
        |arena| {
            stalled_devices(arena, 1_000, 15_500);
        },
    ),
    Attack::new(
        "stalled-group",
        "300 members of a group stop reading, 200 messages of 15 KB come",
        stalled_group,
    )
    .with(NAMES),
];

fn stalled_users(arena: &mut Arena) {
    arena.may_grow(TWICE);
    let people: Vec<Person> = (0..60).map(|number| person(&format!("stalled {number}"))).collect();
    let lines = sessions(arena, 60, |number| people[number].clone());
    arena.is("signed in", lines.len(), 60);
    let sent = send_to(arena, &people, 50, 15_500, MANY);
    arena.is("messages answered", sent, 3_000);
}

fn at_one_byte(arena: &mut Arena) {
    arena.may_grow(TWICE);
    let who = person("reads a byte");
    let mut lines = sessions(arena, 200, |_| person("reads a byte"));
    arena.is("signed in", lines.len(), 200);
    let sent = send_to(arena, std::slice::from_ref(&who), 100, 15_500, MANY);
    arena.is("messages answered", sent, 100);
    for _ in 0..4 {
        lines.iter_mut().for_each(|line| line.sip());
        pass(Duration::from_secs(1));
    }
}

/// Messages queued for many sessions are kept, and counted, once.
fn stalled_devices(arena: &mut Arena, messages: usize, len: usize) {
    let lines = sessions(arena, 1_000, |_| person("has many devices"));
    arena.is("signed in", lines.len(), 1_000);
    let gauge = Gauge::start(arena);
    let sent = send_to(arena, &[person("has many devices")], messages, len, 1);
    arena.is("messages answered", sent, messages);
    // Newcomers sign in meanwhile.
    pass(Duration::from_secs(2));
    gauge.judge(arena);
    arena.is("logins turned away", turned_away(arena), 0);
}

fn stalled_group(arena: &mut Arena) {
    let tokens: Vec<String> = (0..301).map(|number| sign_in(arena, number)).collect();
    let tcp = arena.address(Port::Tcp);
    let members = tokens[1..].iter().filter_map(|token| {
        let mut line = Line::between(STRANGER, tcp, Some(4 * 1024));
        line.say(auth(1, token, None).encode());
        login::is_accepted(&mut line).then_some(line)
    });
    let lines: Vec<Line> = members.collect();
    arena.is("signed in", lines.len(), 300);
    let gauge = Gauge::start(arena);
    let mut sender = Client::connect(Transport::Tcp, &arena.at());
    sender.send(&auth(0, &tokens[0], None));
    assert_eq!(sender.receive(), frame(AUTH_REPLY, 0, ""), "accepted");
    let message = |number| to_group(GROUP, &format!("m-{number}"), vec![7; 15_500]);
    let mut flow = Flow { client: sender, most: MANY, under_way: 0, answered: 0 };
    (0..200).for_each(|number| flow.send(&message(number)));
    arena.is("messages answered", flow.ends(), 200);
    pass(Duration::from_secs(2));
    gauge.judge(arena);
    arena.is("logins turned away", turned_away(arena), 0);
}

/// The token of a new name of the demo.
fn sign_in(arena: &Arena, number: usize) -> String {
    let body = json!({ "name": format!("member {number}") }).to_string();
    let data = http::post(arena.at().http, "/demo/login", None, &body).data();
    data["token"].as_str().expect("a token").to_owned()
}

fn turned_away(arena: &Arena) -> u64 {
    arena.server.metric("comet_gateway_closed_total{reason=\"turned_away\"}")
}

/// A sender that is limited by the answers.
struct Flow {
    client: Client,
    /// Limit on messages in flight.
    most: usize,
    under_way: usize,
    answered: usize,
}

impl Flow {
    fn send(&mut self, message: &comet_dtalk::message::Common) {
        self.client.post(message);
        self.under_way += 1;
        while self.under_way >= self.most {
            self.hear();
        }
    }

    /// Waits for all answers; returns their number.
    fn ends(mut self) -> usize {
        while self.under_way > 0 {
            self.hear();
        }
        self.answered
    }

    fn hear(&mut self) {
        let frame = self.client.receive();
        if frame.op == SEND_REPLY {
            self.under_way -= 1;
            self.answered += 1;
        } else if frame.op == DELIVER {
            self.client.ack(frame.seq);
        }
    }
}

/// Sends a number of messages to each target in turn, `most` of them in flight; returns the number
/// of answers. The sender must not be disconnected.
fn send_to(arena: &Arena, targets: &[Person], each: usize, len: usize, most: usize) -> usize {
    let client = client(arena, &person("sends a lot"));
    let mut flow = Flow { client, most, under_way: 0, answered: 0 };
    for number in 0..each {
        for (index, target) in targets.iter().enumerate() {
            flow.send(&to_user(&target.uid, &format!("m-{index}-{number}"), vec![7; len]));
        }
    }
    flow.ends()
}

/// Sessions with small receive buffers, which then do not read.
fn sessions(arena: &Arena, count: usize, who: impl Fn(usize) -> Person) -> Vec<Line> {
    let tcp = arena.address(Port::Tcp);
    let open = (0..count).filter_map(|number| {
        let line = Line::between(STRANGER, tcp, Some(4 * 1024));
        login::over(line, &who(number), None)
    });
    open.collect()
}

/// Samples the metric of memory, and the growth of the process.
struct Gauge {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(u64, u64)>,
}

impl Gauge {
    fn start(arena: &Arena) -> Self {
        let (pid, admin) = (arena.server.process.id(), arena.at().admin);
        let before = usage::resident(pid).unwrap_or(0);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (mut metric, mut growth) = (0, 0);
            while !stopped.load(Ordering::Relaxed) {
                let page = http::get(admin, "/metrics");
                let value = page.text().lines().find_map(|line| {
                    line.strip_prefix("comet_gateway_memory ")?.parse::<u64>().ok()
                });
                metric = metric.max(value.unwrap_or(0));
                let resident = usage::resident(pid).unwrap_or(0);
                growth = growth.max(resident.saturating_sub(before));
                std::thread::park_timeout(LOOK);
            }
            (metric, growth)
        });
        Self { stop, thread }
    }

    /// The maximum of either is within twice the other, plus the memory of the process itself:
    /// pages of the database, which the metric does not count, are most of the growth in some
    /// attacks.
    fn judge(self, arena: &mut Arena) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        let (metric, growth) = self.thread.join().expect("metrics");
        let holds = metric <= 2 * growth + BESIDE && growth <= 2 * metric + 2 * BESIDE;
        let measured = format!("{} of {}", metric / MIB, growth / MIB);
        let bound = "at most 2:1 and 16 more, at least 1:2 and 32 less";
        arena.bound("MiB that the metric says, of what grew", bound, &measured, holds);
    }
}
