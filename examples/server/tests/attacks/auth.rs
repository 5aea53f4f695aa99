//! Invalid tokens, and connections that authenticate repeatedly.

use std::time::{Duration, Instant};

use comet_server_testkit::client::auth;
use comet_server_testkit::http;
use comet_server_testkit::message::{body_of, to_user};
use comet_server_testkit::person::Person;
use comet_testkit::frame::{AUTH, AUTH_REPLY, HEAD_LEN, SEND, SEND_REPLY, frame};
use comet_testkit::usage;

use crate::arena::{Arena, Port, person};
use crate::attack::Attack;
use crate::line::{Line, all_end};
use crate::login;

/// A refused connection may be held for five seconds, and closes two after that.
const REFUSED: Duration = Duration::from_secs(8);
const PATIENCE: Duration = Duration::from_secs(12);
/// Duration of a storm of clients that reconnect at once.
const STORM: Duration = Duration::from_secs(6);

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("token-garbage", "300 connections with tokens of chance", |arena| {
        storm(arena, |number| format!("{number}#garbage#{}", "f".repeat(66)));
    }),
    Attack::new("token-expired", "tokens of 200 seconds ago", |arena| {
        storm(arena, |number| person(&format!("late {number}")).token_of_age(200_000));
    }),
    Attack::new("token-from-the-future", "tokens of 700 seconds ahead", |arena| {
        storm(arena, |number| person(&format!("early {number}")).token_of_age(-700_000));
    }),
    Attack::new("token-of-another-key", "a signature under the key of somebody else", |arena| {
        storm(arena, forged);
    }),
    Attack::new("token-other-text", "a signature over another text", |arena| {
        storm(arena, |number| {
            person(&format!("other {number}")).token().replace("*dtalk#", "*other#")
        });
    }),
    Attack::new("token-of-the-back-door", "MOCK and MOCK2, which old servers took", |arena| {
        storm(arena, |number| if number % 2 == 0 { "MOCK" } else { "MOCK2" }.to_owned());
        for name in ["MOCK", "MOCK2"] {
            let headers = [("FZM-SIGNATURE", name), ("Content-Type", "application/json")];
            let path = "/app/record/sync-record";
            let answer = http::request(arena.at().http, "POST", path, &headers, b"{\"count\":20}");
            arena.is(&format!("{name} over HTTP gets"), answer.envelope().0, -1010);
        }
    })
    .quick(),
    Attack::new("token-of-16-KiB", "the longest token that fits into a frame", |arena| {
        storm(arena, |_| "x".repeat(16_300));
    }),
    Attack::new("auth-no-protobuf", "an auth frame of chance", |arena| {
        let mut lines: Vec<Line> = (0..50).map(|_| arena.line(Port::Tcp)).collect();
        for line in &mut lines {
            line.say(frame(AUTH, 1, vec![0xff; 300]).encode());
        }
        gone(arena, &mut lines);
    }),
    Attack::new("auth-in-a-loop", "a connection that asks 200 times", in_a_loop).quick(),
    Attack::new("auth-never", "200 messages before any auth", never),
    Attack::new("second-auth-garbage", "a session that shows a token of chance", |arena| {
        second(arena, "no token at all");
    }),
    Attack::new(
        "second-auth-expired",
        "a session that shows an expired token of its own",
        |arena| {
            let token = person("asks again").token_of_age(200_000);
            second(arena, &token);
        },
    ),
    Attack::new("second-auth-other-user", "a session that shows the token of another", |arena| {
        let token = person("somebody else").token();
        second(arena, &token);
    }),
    Attack::new("second-auth-storm", "a session that renews its token 500 times", renews),
    Attack::new("refused-client-storm", "20 refused clients that come again at once", comes_again),
    Attack::new(
        "turned-away-storm",
        "40 clients that come again at once where 5 a second may sign in",
        turned_away,
    )
    .with(&["gateway.handshake_rate=5"]),
    Attack::new("token-oracle", "known and unknown users get the same refusal", oracle),
];

/// The signature and time of one token, with the key of another.
fn forged(number: usize) -> String {
    let [one, other] =
        [format!("one {number}"), format!("other {number}")].map(|name| person(&name));
    let (one, other) = (one.token(), other.token());
    let (signed, _) = one.rsplit_once('#').expect("three parts");
    let (_, key) = other.rsplit_once('#').expect("three parts");
    format!("{signed}#{key}")
}

/// 300 connections with such tokens.
fn storm(arena: &mut Arena, token: impl Fn(usize) -> String) {
    let mut lines: Vec<Line> = (0..300).map(|_| arena.line(Port::Tcp)).collect();
    let pid = arena.server.process.id();
    let before = usage::cpu(pid).unwrap_or_default();
    for (number, line) in lines.iter_mut().enumerate() {
        line.say(auth(1, &token(number), None).encode());
    }
    gone(arena, &mut lines);
    let used = usage::cpu(pid).unwrap_or_default() - before;
    arena.within("processor time", Some(used), Duration::from_secs(3));
}

/// All connections are closed, and none was accepted.
fn gone(arena: &mut Arena, lines: &mut [Line]) {
    let (closed, took) = all_end(lines, PATIENCE);
    arena.is("closed", closed, lines.len());
    arena.within("the last one closed", took, REFUSED);
    let accepted = lines.iter().filter(|line| line.unread.len() == HEAD_LEN).count();
    arena.is("accepted", accepted, 0);
}

fn in_a_loop(arena: &mut Arena) {
    let mut line = arena.line(Port::Tcp);
    let asks: Vec<u8> = (1..=200).flat_map(|seq| auth(seq, "nonsense", None).encode()).collect();
    line.say(asks);
    let took = line.ends(PATIENCE);
    arena.within("closed", took, REFUSED);
    let answers = login::frames(&mut line).len();
    arena.at_most("answers", answers, 5);
}

fn never(arena: &mut Arena) {
    let target = person("unsolicited").uid;
    let mut line = arena.line(Port::Tcp);
    let message = body_of(&to_user(&target, "m", "hi"));
    let sends: Vec<u8> =
        (1..=200).flat_map(|seq| frame(SEND, seq, message.clone()).encode()).collect();
    line.say(sends);
    let took = line.ends(PATIENCE);
    arena.within("closed", took, Duration::from_secs(11));
    let answers = login::frames(&mut line).len();
    arena.is("answers", answers, 0);
}

/// A session with a second auth of another user is closed, and not told that it was accepted.
fn second(arena: &mut Arena, token: &str) {
    let mut line = login::tcp(arena, "asks again").expect("a session");
    line.say(auth(2, token, None).encode());
    let took = line.ends(PATIENCE);
    arena.within("closed", took, REFUSED);
    let accepted = login::frames(&mut line);
    let accepted = accepted.iter().filter(|frame| frame.op == AUTH_REPLY && frame.body.is_empty());
    arena.is("accepted", accepted.count(), 0);
}

fn renews(arena: &mut Arena) {
    let who = person("renews");
    let mut line = login::tcp_with(arena, &who, None).expect("a session");
    let tokens: Vec<String> = (0..500).map(|number| who.token_of_age(number)).collect();
    let began = Instant::now();
    for (seq, token) in (2..).zip(&tokens) {
        line.say(auth(seq, token, None).encode());
    }
    line.say(frame(SEND, 9_999, body_of(&to_user(&person("friend").uid, "m", "hi"))).encode());
    let answered = login::hears(&mut line, PATIENCE, |frame| frame.op == SEND_REPLY);
    // It may be closed for authenticating too often, but may not be left half open.
    let closed = !line.look();
    arena.holds("goes on, or is closed", answered || closed);
    arena.within("over", Some(began.elapsed()), Duration::from_secs(10));
}

/// Connects, is refused, and reconnects at once, as a deployed desktop does.
fn comes_again(arena: &mut Arena) {
    let token = person("refused").token_of_age(200_000);
    let (attempts, _lines) = storm_of(arena, 20, STORM, |_| token.clone());
    // Two to five seconds each: at most four in six seconds.
    arena.at_most("attempts of 20 clients in 6 s", attempts, 80);
}

/// The storm is delayed or told to come later, and others that retry every second are admitted in
/// turn.
fn turned_away(arena: &mut Arena) {
    arena.without_newcomers();
    let people: Vec<Person> = (0..40).map(|number| person(&format!("eager {number}"))).collect();
    let others: Vec<Person> = (0..5).map(|number| person(&format!("patient {number}"))).collect();
    let came = std::thread::scope(|scope| {
        let (at, others) = (arena.address(Port::Tcp), &others);
        let waits = others.iter().map(|person| scope.spawn(move || comes_in_time(at, person)));
        let waits: Vec<_> = waits.collect();
        let (attempts, lines) = storm_of(arena, 40, STORM, |number| people[number].token());
        let let_in = lines.iter().filter(|line| login::was_accepted(line)).count();
        // Accepted clients stay; the others reconnect at most every two seconds.
        arena.at_most("attempts of 40 clients in 6 s", attempts, 160);
        // The time is longer on a slow machine.
        arena.at_most("of them let in", let_in, 5 * STORM.as_secs() as usize + 10);
        arena.at_least("and at least", let_in, 10);
        waits.into_iter().map(|wait| wait.join().unwrap_or(None)).collect::<Vec<_>>()
    });
    arena.is("of 5 others let in", came.iter().flatten().count(), 5);
    arena.within("the last of them", came.into_iter().flatten().max(), Duration::from_secs(20));
}

/// Signs in, with a retry a second after each refusal; returns the time it took.
fn comes_in_time(at: std::net::SocketAddr, person: &Person) -> Option<Duration> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(30) {
        let mut line = Line::between(std::net::Ipv4Addr::LOCALHOST, at, None);
        line.say(login::frame_of(person, None));
        if login::is_accepted(&mut line) {
            return Some(began.elapsed());
        }
        crate::line::pass(Duration::from_secs(1));
    }
    None
}

/// Clients that reconnect as soon as they are closed; returns the number of attempts, and the last
/// connections.
fn storm_of(
    arena: &Arena,
    clients: usize,
    lasts: Duration,
    token: impl Fn(usize) -> String,
) -> (usize, Vec<Line>) {
    let ask = |number| {
        let mut line = arena.line(Port::Tcp);
        line.say(auth(1, &token(number), None).encode());
        line
    };
    let mut lines: Vec<Line> = (0..clients).map(ask).collect();
    let mut attempts = clients;
    let began = Instant::now();
    while began.elapsed() < lasts {
        for (number, line) in lines.iter_mut().enumerate() {
            if !line.look() {
                *line = ask(number);
                attempts += 1;
            }
        }
        crate::line::pass(crate::line::TICK);
    }
    (attempts, lines)
}

/// An invalid token does not reveal the existence of a user.
fn oracle(arena: &mut Arena) {
    drop(login::tcp(arena, "exists"));
    let answers = ["exists", "does not"].map(|name| {
        let token = person(name).token_of_age(200_000);
        let headers = [("FZM-SIGNATURE", &*token), ("Content-Type", "application/json")];
        let answer = http::request(arena.at().http, "POST", "/user/login", &headers, b"{}");
        (answer.status, answer.body)
    });
    arena.holds("both answers are the same", answers[0] == answers[1]);
}
