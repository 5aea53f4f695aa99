//! Messages: too many, too often, never read, and answers larger than their requests.

use std::time::{Duration, Instant};

use comet_server_testkit::client::{Client, Next, Transport};
use comet_server_testkit::http;
use comet_server_testkit::message::{ack_in, body_of, to_user};
use comet_server_testkit::person::Person;
use comet_testkit::frame::{DELIVER, Frame, HEARTBEAT, SEND, SEND_REPLY, ack, frame};

use crate::arena::{Arena, MIB, Port, person};
use crate::attack::Attack;
use crate::line::{Line, STRANGER, pass, until};
use crate::login;

const PATIENCE: Duration = Duration::from_secs(10);
const RATED: &[&str] = &["gateway.message_rate=20"];

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("message-flood", "1,000 messages at once where 20 a second are allowed", flood)
        .with(RATED)
        .quick(),
    Attack::new("push-flood", "300 messages over HTTP where 20 a second are allowed", |arena| {
        push_flood(arena, 300);
    })
    .with(RATED)
    .quick(),
    Attack::new(
        "message-flood-unlimited",
        "10 sessions send as fast as they can for 3 s",
        unlimited,
    ),
    Attack::new("duplicate-sends", "one message sent 2,000 times", duplicates),
    Attack::new("message-no-protobuf", "5,000 messages that are no message", malformed),
    Attack::new("message-huge-names", "targets and ids of 15 KB", huge_names),
    Attack::new("message-many-targets", "5,000 messages to 5,000 users who do not exist", targets),
    Attack::new("ack-of-the-future", "20,000 acks of deliveries that were never sent", future),
    Attack::new(
        "ack-withheld",
        "a session that reads everything and acknowledges nothing",
        withheld,
    ),
    Attack::new(
        "sync-amplification",
        "150 sync requests whose 7 MB answers are not read",
        |arena| {
            amplified(arena, "/app/record/sync-record", r#"{"count":20}"#);
        },
    )
    .with(&["gateway.memory_budget=67108864"]),
    Attack::new("history-amplification", "the same with pages of history", |arena| {
        let body =
            format!(r#"{{"targetId":"{}","count":100,"logId":""}}"#, person("talks a lot").uid);
        amplified(arena, "/store/app/pri-chat-record", &body);
    })
    .with(&["gateway.memory_budget=67108864"]),
];

fn flood(arena: &mut Arena) {
    let mut line = login::tcp(arena, "floods").expect("a session");
    let target = person("flooded").uid;
    let began = Instant::now();
    for seq in 2..1_002 {
        let message = to_user(&target, &format!("m-{seq}"), "hi");
        line.say(frame(SEND, seq, body_of(&message)).encode());
    }
    let took = line.ends(PATIENCE).map(|_| began.elapsed());
    arena.within("closed", took, Duration::from_secs(8));
    let frames = login::frames(&mut line);
    let answers = frames.iter().filter(|frame| frame.op == SEND_REPLY).count();
    arena.at_most("messages taken", answers, 60);
}

fn push_flood(arena: &mut Arena, count: usize) {
    let (who, target) = (person("pushes"), person("flooded"));
    let token = who.token();
    let began = Instant::now();
    let taken = (0..count).filter(|number| {
        let body = body_of(&to_user(&target.uid, &format!("m-{number}"), "hi"));
        let headers = [("FZM-SIGNATURE", &*token)];
        let part = ("message", &body[..]);
        let answer = http::post_form(arena.at().http, "/record/push", &headers, part);
        answer.status == 200 && answer.text().contains("logId")
    });
    let taken = taken.count();
    // A burst of twice the rate, and the rate from then on.
    let bound = 60 + 20 * began.elapsed().as_secs() as usize;
    arena.at_most("messages taken", taken, bound);
}

fn unlimited(arena: &mut Arena) {
    let target = person("flooded").uid;
    let mut lines: Vec<Line> =
        (0..10).filter_map(|number| login::tcp(arena, &format!("fast {number}"))).collect();
    arena.is("signed in", lines.len(), 10);
    let began = Instant::now();
    let mut seq = 1;
    while began.elapsed() < Duration::from_secs(3) {
        for line in &mut lines {
            seq += 1;
            let message = to_user(&target, &format!("m-{seq}"), vec![7; 1_000]);
            let bytes = frame(SEND, seq, body_of(&message)).encode();
            // A partially written frame is completed, or the rest would be invalid.
            let pushed = line.push(&bytes);
            if (1..bytes.len()).contains(&pushed) {
                line.say(&bytes[pushed..]);
            }
            line.look();
            line.unread.clear();
        }
    }
}

fn duplicates(arena: &mut Arena) {
    let target = person("gets it once");
    let mut reader = client(arena, &target);
    let mut line = login::tcp(arena, "repeats").expect("a session");
    let body = body_of(&to_user(&target.uid, "the same", "hi"));
    let sends: Vec<u8> =
        (2..2_002).flat_map(|seq| frame(SEND, seq, body.clone()).encode()).collect();
    let mut ids = std::collections::HashSet::new();
    let mut answers = 0;
    for part in sends.chunks(16_000) {
        line.say(part);
        line.look();
    }
    until(PATIENCE, || {
        line.look();
        for frame in login::frames(&mut line) {
            if frame.op == SEND_REPLY {
                answers += 1;
                ids.insert(ack_in(&frame.body).log_id);
            }
        }
        answers == 2_000
    });
    arena.is("answers", answers, 2_000);
    arena.is("ids", ids.len(), 1);
    arena.is("deliveries to the other", deliveries(&mut reader, Duration::from_millis(500)), 1);
}

/// A healthy client, which answers pings.
pub(crate) fn client(arena: &Arena, person: &Person) -> Client {
    Client::signed_in(Transport::Tcp, &arena.at(), person, None)
}

/// Takes and acknowledges deliveries until none has arrived for this time.
fn deliveries(client: &mut Client, quiet: Duration) -> usize {
    let mut count = 0;
    while let Next::Frame(frame) = client.next(Instant::now() + quiet) {
        if frame.op == DELIVER {
            client.ack(frame.seq);
            count += 1;
        }
    }
    count
}

/// After invalid input a heartbeat is still answered, and nothing else was.
fn only_a_heartbeat(arena: &mut Arena, line: &mut Line) {
    line.say(frame(HEARTBEAT, 77_777, "").encode());
    let answer = line.hears(PATIENCE, |bytes| bytes.len() >= 24).len();
    arena.is("bytes in answer, a heartbeat's", answer, 24);
}

fn malformed(arena: &mut Arena) {
    let mut line = login::tcp(arena, "malformed").expect("a session");
    let sends: Vec<u8> =
        (2..5_002u32).flat_map(|seq| frame(SEND, seq, vec![0xff; 50]).encode()).collect();
    line.say(sends);
    only_a_heartbeat(arena, &mut line);
}

fn huge_names(arena: &mut Arena) {
    let mut line = login::tcp(arena, "has long names").expect("a session");
    let target = person("friend").uid;
    for (seq, message) in (2..)
        .zip([to_user(&"x".repeat(15_000), "m", "hi"), to_user(&target, &"x".repeat(15_000), "hi")])
    {
        line.say(frame(SEND, seq, body_of(&message)).encode());
    }
    only_a_heartbeat(arena, &mut line);
}

fn targets(arena: &mut Arena) {
    let mut line = login::tcp(arena, "writes to nobody").expect("a session");
    let mut answers = 0;
    let mut next = 2;
    let done = until(Duration::from_secs(40), || {
        while next < 5_002 && next - 2 - answers < 60 {
            let message = to_user(&format!("nobody-{next}"), &format!("m-{next}"), "hi");
            line.say(frame(SEND, next, body_of(&message)).encode());
            next += 1;
        }
        line.look();
        for got in login::frames(&mut line) {
            answers += u32::from(got.op == SEND_REPLY);
            if got.op == DELIVER {
                line.say(ack(got.seq).encode());
            }
        }
        answers == 5_000
    });
    arena.holds("all answered within 40 s", done);
}

fn future(arena: &mut Arena) {
    let who = person("acknowledges everything");
    let mut line = login::tcp_with(arena, &who, None).expect("a session");
    let numbers = [0, 1, 2, 1_000, 0x7fff_ffff, 0x8000_0000, u32::MAX];
    let acks: Vec<u8> =
        numbers.iter().cycle().take(20_000).flat_map(|number| ack(*number).encode()).collect();
    line.say(acks);
    let mut other = client(arena, &person("writes to it"));
    other.post(&to_user(&who.uid, "m", "hi"));
    let first = |frame: &Frame| (frame.op, frame.seq) == (DELIVER, 1);
    let came = login::hears(&mut line, PATIENCE, first);
    arena.holds("the next delivery comes, as number 1", came);
}

fn withheld(arena: &mut Arena) {
    let who = person("never acknowledges");
    let mut line = login::tcp_with(arena, &who, None).expect("a session");
    let mut other = client(arena, &person("writes to it"));
    for number in 0..100 {
        other.post(&to_user(&who.uid, &format!("m-{number}"), vec![7; 1_000]));
    }
    // A timeout of two seconds, doubled each time: at most two resends.
    let began = Instant::now();
    let mut bytes = 0;
    while began.elapsed() < Duration::from_secs(8) {
        line.look();
        bytes += line.unread.len();
        line.unread.clear();
        pass(Duration::from_millis(20));
    }
    arena.at_most("bytes sent, for 110 KB of messages, in KB", bytes / 1_000, 400);
}

/// Stores messages between two users: 400 of 15 KB.
fn fill(arena: &Arena, from: &Person, to: &Person) {
    let mut client = client(arena, from);
    for batch in 0..20 {
        for number in 0..20 {
            client.post(&to_user(&to.uid, &format!("m-{batch}-{number}"), vec![7; 15_000]));
        }
        let (mut answers, mut echoes) = (0, 0);
        while answers < 20 || echoes < 20 {
            let frame = client.receive();
            answers += u32::from(frame.op == SEND_REPLY);
            if frame.op == DELIVER {
                client.ack(frame.seq);
                echoes += 1;
            }
        }
    }
}

/// Requests of 300 bytes with unread answers of megabytes.
fn amplified(arena: &mut Arena, path: &str, body: &str) {
    let (who, other) = (person("asks for a lot"), person("talks a lot"));
    fill(arena, &other, &who);
    let token = who.token();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nFZM-SIGNATURE: {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    arena.may_grow(128 * MIB);
    let http = arena.address(Port::Http);
    let mut lines: Vec<Line> =
        (0..150).map(|_| Line::between(STRANGER, http, Some(4 * 1024))).collect();
    for line in &mut lines {
        line.say(&request);
    }
    pass(Duration::from_secs(4));
    // A client that reads its answer receives all of it.
    drop(lines);
    let answered = until(PATIENCE, || {
        let answer = http::post(http, path, Some(&who), body);
        answer.status == 200 && answer.envelope().0 == 0
    });
    arena.holds("a reader is answered afterwards", answered);
}
