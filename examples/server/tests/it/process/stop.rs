//! Stopping: sessions are told, pending work is finished, and the time is limited.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use comet_server_testkit::client::{Client, Ending, Next, Transport};
use comet_server_testkit::http;
use comet_server_testkit::message::{body_of, to_user};
use comet_server_testkit::person::{Person, browser};
use comet_server_testkit::server::{Server, Setup};
use comet_sql::{Location, Pool, Settings, Transaction};
use comet_testkit::clock;
use comet_testkit::frame::{SEND, SEND_REPLY, frame};
use comet_testkit::socket::{Arrived, Socket};
use comet_testkit::websocket;
use rustix::process::{Pid, Signal, kill_process};

const DRAIN: Duration = Duration::from_secs(4);

fn setup() -> Setup {
    Setup::default().variable("COMET_DRAIN_SECONDS", &DRAIN.as_secs())
}

#[test]
fn sessions_are_told_that_the_server_goes_away() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = setup().start();
        let mut clients = Vec::new();
        for number in 0..10 {
            let person = Person::new(&format!("person {number}"));
            for transport in Transport::ALL {
                clients.push((transport, server.client(transport, &person, None)));
            }
        }
        let began = Instant::now();
        server.process.signal(signal);
        for (transport, client) in &mut clients {
            let expected = match transport {
                Transport::Tcp => Ending::Fin,
                Transport::WebSocket | Transport::HttpPort => Ending::Close(Some(1001)),
            };
            assert_eq!(client.ends(), expected, "{transport:?}");
        }
        drop(clients);
        assert_eq!(server.process.ended().code(), Some(0));
        assert!(began.elapsed() < DRAIN, "{:?}", began.elapsed());
        assert_eq!(server.process.errors(), "");
    }
}

#[test]
fn a_reader_that_goes_away_does_not_keep_it_from_draining() {
    let dir = tempfile::tempdir().expect("a directory");
    for whole in [false, true] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_comet-server"));
        for port in ["tcp", "ws", "tls", "http", "admin", "quic"] {
            command.arg(format!("--{port}=127.0.0.1:0"));
        }
        command.arg("--data-dir").arg(dir.path().join("data")).arg("--log=debug");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut errors = child.stderr.take().expect("a pipe");
        // As with `head -1`: one line is read, then the pipe is closed.
        output.read_line(&mut String::new()).expect("a line");
        drop(output);
        let log = if whole {
            std::thread::spawn(move || {
                let mut text = String::new();
                errors.read_to_string(&mut text).map(|_| text).expect("the log")
            })
        } else {
            drop(errors);
            std::thread::spawn(String::new)
        };
        kill_process(Pid::from_child(&child), Signal::TERM).expect("the program runs");
        let status = clock::until("the server ends", || child.try_wait().expect("a child"));
        let log = log.join().expect("the log");
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(!log.contains("panicked"), "{log}");
    }
}

/// Locks the server's database against writes, as a backup may, until dropped.
struct Lock {
    runtime: tokio::runtime::Runtime,
    transaction: Transaction,
}

impl Lock {
    fn on(server: &Server) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let file = server.data_dir().join("messages.db");
        let pool = Pool::new(Location::file(file), Settings::default());
        // On SQLite a transaction has the write lock from its beginning.
        let transaction = runtime.block_on(pool.begin()).expect("the database");
        Self { runtime, transaction }
    }

    fn release(self) {
        let commit = async { self.transaction.commit().await };
        self.runtime.block_on(commit).expect("the lock");
    }
}

#[test]
fn messages_under_way_are_answered_before_the_end() {
    let mut server = setup().start();
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let mut senders = Transport::ALL.map(|transport| {
        let device = browser(&format!("b-{transport:?}"));
        server.client(transport, &alice, Some(&device))
    });
    // The later ones are announced to the earlier ones.
    senders[0].receive();
    senders[0].receive();
    senders[1].receive();
    let lock = Lock::on(&server);
    for (number, sender) in (0..).zip(&mut senders) {
        let messages: Vec<_> = (1..=20)
            .map(|seq| {
                let common = to_user(&bob.uid, &format!("m-{number}-{seq}"), "hi");
                frame(SEND, seq, body_of(&common))
            })
            .collect();
        sender.try_send_all(&messages).expect("send");
    }
    server.awaits_metric("comet_gateway_messages_total", 60);
    server.process.signal(Signal::TERM);
    server.process.says("draining");
    lock.release();

    for sender in &mut senders {
        answers_come_before_the_end(sender);
    }
    assert_eq!(server.process.ended().code(), Some(0));
    assert_eq!(server.process.errors(), "");
    server.restart();
    let data = server.post("/app/record/sync-record", Some(&bob), r#"{"count":20}"#).data();
    assert_eq!(data["record_count"], 60);
}

fn answers_come_before_the_end(sender: &mut Client) {
    let mut seq = 0;
    while seq < 20 {
        let next = sender.receive();
        if next.op == SEND_REPLY {
            seq += 1;
            assert_eq!(next.ack, seq);
        } else {
            sender.ack(next.seq);
        }
    }
    loop {
        match sender.next(clock::deadline()) {
            Next::Frame(frame) => sender.ack(frame.seq),
            Next::Ended(_) => break,
            Next::Nothing => panic!("the connection never ended"),
        }
    }
}

#[test]
fn whoever_acknowledges_nothing_does_not_keep_it_from_ending() {
    let mut server = setup().start();
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let mut silent = server.client(Transport::WebSocket, &bob, None);
    let mut sender = server.client(Transport::Tcp, &alice, None);
    sender.ask(&to_user(&bob.uid, "m-1", "hi"));
    silent.sees(1);
    let began = Instant::now();
    server.process.signal(Signal::TERM);
    server.process.says("draining");
    // Meanwhile no new session is admitted.
    clock::eventually("upgrades are refused", || {
        let mut late = Socket::connect(server.addresses.http);
        late.write(websocket::request("/sub", ""));
        let refused = http::answer(&mut late);
        refused.status == 503 && refused.header("retry-after").is_some()
    });
    let ending = loop {
        match silent.next(clock::deadline()) {
            // It may be sent again meanwhile.
            Next::Frame(frame) => assert_eq!(frame.seq, 1),
            Next::Ended(ending) => break ending,
            Next::Nothing => panic!("the connection never ended"),
        }
    };
    assert_eq!(ending, Ending::Close(Some(1001)));
    drop(silent);
    assert_eq!(server.process.ended().code(), Some(0));
    assert!(began.elapsed() < DRAIN + Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn half_a_request_does_not_keep_it_from_ending() {
    let mut server = setup().start();
    let at = server.addresses;
    let long = "POST /app/record/sync-record HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{";
    let pieces = [
        (at.http, ""),
        (at.http, "GET /ping HT"),
        (at.http, long),
        (at.http, "GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"),
        (at.admin, "GET /metrics HTTP/1.1\r\n"),
        (at.ws, "GET /sub HT"),
        (at.tcp, "\0\0\0"),
    ];
    let mut sockets = pieces.map(|(address, piece)| {
        let mut socket = Socket::connect(address);
        socket.write(piece.as_bytes());
        socket
    });
    // Once this is answered, everything has arrived.
    assert_eq!(sockets[3].read_until(clock::deadline()), Arrived::Bytes);
    let began = Instant::now();
    assert_eq!(server.stop().code(), Some(0));
    assert!(began.elapsed() < DRAIN + Duration::from_secs(2), "{:?}", began.elapsed());
}

#[test]
fn what_was_stored_is_there_after_a_stop_and_a_start() {
    let mut server = setup().start();
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let mut sender = server.client(Transport::Tcp, &alice, None);
    let first = sender.ask(&to_user(&bob.uid, "m-1", "hi"));
    drop(sender);
    assert_eq!(server.stop().code(), Some(0));
    server.restart();
    let mut sender = server.client(Transport::Tcp, &alice, None);
    assert_eq!(sender.ask(&to_user(&bob.uid, "m-1", "hi")), first);
    let second = sender.ask(&to_user(&bob.uid, "m-2", "hi"));
    assert!(second.log_id > first.log_id);
    let data = server.post("/app/record/sync-record", Some(&bob), r#"{"count":20}"#).data();
    assert_eq!(data["record_count"], 2);
}
