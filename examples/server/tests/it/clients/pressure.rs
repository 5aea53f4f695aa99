//! A small version of the clients' load tool: fifty users send to one another, without any failure.
//!
//! It connects over WebSocket, sends version 0 and no device, repeats unanswered messages, and then
//! counts: a message is a success if it was sent, answered, and received by another connection, all
//! under one id. Ids are converted through an `f64`.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use comet_server_testkit::client::{Client, Next, Transport, auth};
use comet_server_testkit::message::{Delivered, ack_in, body_of, to_user};
use comet_server_testkit::person::Person;
use comet_server_testkit::server::Server;
use comet_testkit::clock::PATIENCE;
use comet_testkit::frame::{
    AUTH_REPLY, DELIVER, Frame, HEARTBEAT, HEARTBEAT_REPLY, SEND, SEND_REPLY, ack, frame,
};

const USERS: usize = 50;
/// Messages per user.
const MESSAGES: usize = 20;
/// Interval between messages of one user.
const PACE: Duration = Duration::from_millis(25);
/// One in this many messages is sent again without waiting for its answer.
const REPEATED: usize = 7;

/// The log of a connection.
#[derive(Debug, Default)]
struct Log {
    /// Messages by seq: the client's id.
    sent: HashMap<u32, String>,
    /// Answers by the seq they acknowledge: the server's id, and the number of answers.
    answered: HashMap<u32, (f64, usize)>,
    /// Messages of others by the server's id: the client's id, and the number of deliveries.
    received: HashMap<u64, (String, usize)>,
    /// Own messages delivered back.
    echoed: usize,
}

#[test]
fn the_load_tool_counts_no_failure() {
    let server = Server::start();
    let people: Vec<Person> =
        (0..USERS).map(|number| Person::new(&format!("user {number}"))).collect();
    // One after the other, with tokens made in advance.
    let clients: Vec<Client> = people.iter().map(|person| dial(&server, person)).collect();
    let received = AtomicUsize::new(0);
    let logs: Vec<Log> = thread::scope(|scope| {
        let run = |(index, client)| {
            let (people, received) = (&people, &received);
            scope.spawn(move || run(index, client, people, received))
        };
        let users: Vec<_> = clients.into_iter().enumerate().map(run).collect();
        users.into_iter().map(|user| user.join().expect("a user")).collect()
    });

    let received: HashMap<u64, &(String, usize)> =
        logs.iter().flat_map(|log| &log.received).map(|(&id, received)| (id, received)).collect();
    let mut ids = HashSet::new();
    for log in &logs {
        assert_eq!((log.sent.len(), log.echoed), (MESSAGES, MESSAGES));
        for (seq, msg_id) in &log.sent {
            let (id, answers) = log.answered[seq];
            let (delivered, times_delivered) = received[&id.to_bits()];
            assert_eq!((delivered, *times_delivered), (msg_id, 1));
            assert!((1..=2).contains(&answers));
            assert!(ids.insert(id.to_bits()), "ids differ as doubles");
            assert!(id > 0.0 && id < 9_007_199_254_740_992.0);
        }
    }
    assert_eq!((ids.len(), received.len()), (USERS * MESSAGES, USERS * MESSAGES));
}

/// Signs in and takes one frame, which is expected to be the reply.
fn dial(server: &Server, person: &Person) -> Client {
    let mut client = Client::connect(Transport::WebSocket, &server.addresses);
    let seq = client.next_seq();
    // The tool makes all tokens in advance, and then dials slowly.
    client.send(&Frame { ver: 0, ..auth(seq, &person.token_of_age(119_000), None) });
    assert_eq!(client.receive(), frame(AUTH_REPLY, seq, ""));
    let seq = client.next_seq();
    client.send(&Frame { ver: 0, ..frame(HEARTBEAT, seq, "") });
    assert_eq!(client.receive(), frame(HEARTBEAT_REPLY, seq, &[0; 4][..]));
    client
}

/// Sends and receives until all messages of all users have been received.
fn run(index: usize, mut client: Client, people: &[Person], received: &AtomicUsize) -> Log {
    let mut log = Log::default();
    let began = Instant::now();
    let own = &people[index].uid;
    while log.answered.len() < MESSAGES
        || log.echoed < MESSAGES
        || received.load(Ordering::Relaxed) < USERS * MESSAGES
    {
        assert!(began.elapsed() < PATIENCE, "user {index} has {log:?}");
        if log.sent.len() < MESSAGES && began.elapsed() >= PACE * log.sent.len() as u32 {
            post(&mut client, &mut log, index, people);
        }
        match client.next(Instant::now() + PACE / 5) {
            Next::Frame(frame) => take(&mut client, &mut log, &frame, own, received),
            Next::Nothing => {}
            Next::Ended(ending) => panic!("user {index} was closed: {ending:?}"),
        }
    }
    let seq = client.next_seq();
    client.send(&Frame { ver: 0, ..frame(HEARTBEAT, seq, "") });
    loop {
        match client.receive() {
            reply if reply.op == HEARTBEAT_REPLY => break,
            frame => take(&mut client, &mut log, &frame, own, received),
        }
    }
    log
}

fn post(client: &mut Client, log: &mut Log, index: usize, people: &[Person]) {
    let number = log.sent.len();
    let target = &people[(index + 1 + number % (USERS - 1)) % USERS];
    let msg_id = format!("5b0e1f3c-3b7a-4c55-9d1e-{index:04}{number:08}");
    let mut common = to_user(&target.uid, &msg_id, "\x0a\x011");
    common.from.clone_from(&people[index].uid);
    let seq = client.next_seq();
    let message = Frame { ver: 0, ..frame(SEND, seq, body_of(&common)) };
    let copies = if number.is_multiple_of(REPEATED) { 2 } else { 1 };
    log.sent.insert(seq, msg_id);
    client.try_send_all(&vec![message; copies]).expect("send");
}

fn take(client: &mut Client, log: &mut Log, frame: &Frame, own: &str, received: &AtomicUsize) {
    match frame.op {
        SEND_REPLY => {
            let id = ack_in(&frame.body).log_id as f64;
            assert!(log.sent.contains_key(&frame.ack), "an answer to nothing: {frame:?}");
            let answer = log.answered.entry(frame.ack).or_insert((id, 0));
            assert_eq!(answer.0.to_bits(), id.to_bits(), "a repeat gets the first id");
            answer.1 += 1;
        }
        DELIVER => {
            let common = Delivered::by(frame).message();
            let seq = client.next_seq();
            client.send(&Frame { ver: 0, seq, ..ack(frame.seq) });
            if common.from == own {
                log.echoed += 1;
                return;
            }
            let id = (common.log_id as f64).to_bits();
            log.received.entry(id).or_insert((common.msg_id, 0)).1 += 1;
            received.fetch_add(1, Ordering::Relaxed);
        }
        op => panic!("nobody expects op {op}"),
    }
}
