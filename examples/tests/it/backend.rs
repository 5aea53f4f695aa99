//! The example backend, on each database.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use comet_sql_testing::{Database, on_each_database};
use comet_testkit::client::{Client, Transport};
use comet_testkit::frame::{AUTH_REPLY, DELIVER, SEND_REPLY, ack, auth, say};
use comet_testkit::program::{Listening, Signal};

use crate::example::Example;

on_each_database!(a_note_is_pinned_once_shown_to_all_and_there_after_a_restart);

fn start(database: &Database) -> Example {
    Example::start(Command::new(env!("CARGO_BIN_EXE_backend")).arg(database.url()))
}

fn pins(program: &Example) -> String {
    let mut page = TcpStream::connect(Listening(program.line.clone()).at("http")).unwrap();
    page.write_all(b"GET /pins HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    page.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

fn sign_in(program: &Example, user: &str) -> Client {
    let mut client = program.connect(Transport::Tcp);
    client.sign_in(user, "");
    client
}

async fn a_note_is_pinned_once_shown_to_all_and_there_after_a_restart(database: Database) {
    let program = start(&database);
    let (mut alice, mut bob) = (sign_in(&program, "alice"), sign_in(&program, "bob"));
    for (seq, body) in [(1, &b"tea \xf0\x9f\x8d\xb5"[..]), (2, b"tea \xf0\x9f\x8d\xb5")] {
        alice.send(&say(seq, body));
        let replied = (0..3).map(|_| alice.receive()).find(|frame| frame.op == SEND_REPLY);
        assert_eq!(replied.expect("a reply").ack, seq);
    }
    let shown = bob.receive();
    assert_eq!((shown.op, &*shown.body), (DELIVER, "alice: tea \u{1f375}".as_bytes()));
    bob.send(&ack(shown.seq));
    for refused in [&b""[..], b"\xff", b"a\0b", &[b'x'; 401]] {
        bob.send(&say(9, refused));
    }
    // Refused messages have no reply in this dialect; messages are in order.
    bob.send(&say(10, b"milk"));
    let heard = [bob.receive(), bob.receive()];
    assert!(heard.iter().any(|frame| frame.op == SEND_REPLY && frame.ack == 10), "{heard:?}");
    assert_eq!(pins(&program), r#"[["bob","milk"],["alice","tea 🍵"]]"#);

    let mut nobody = program.connect(Transport::Tcp);
    nobody.send(&auth(1, "", ""));
    let refused = nobody.receive();
    assert_eq!((refused.op, &*refused.body), (AUTH_REPLY, &b"the token is your name"[..]));
    program.signal(Signal::KILL);
    assert!(!program.ended().success());
    assert_eq!(pins(&start(&database)), r#"[["bob","milk"],["alice","tea 🍵"]]"#);
}
