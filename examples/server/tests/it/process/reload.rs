//! SIGHUP: settings and the log file while sessions are open.

use std::fs;

use comet_server_testkit::client::{Client, Next, Transport, auth};
use comet_server_testkit::http::post_form;
use comet_server_testkit::message::{body_of, to_user};
use comet_server_testkit::person::Person;
use comet_server_testkit::server::Setup;
use comet_testkit::clock;
use comet_testkit::frame::{SEND, SEND_REPLY, frame};
use comet_testkit::program::Signal;

#[test]
fn a_hangup_takes_over_what_can_change_and_names_what_needs_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("comet.toml");
    let write = |text: &str| fs::write(&file, text).expect("a file");
    write("log = \"info\"\n");
    let setup = Setup::default().no_flag("log").flag("config", &file.display());
    let mut server = setup.start();
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let mut sender = server.client(Transport::Tcp, &alice, None);
    for n in 0..30 {
        sender.ask_among(&to_user(&bob.uid, &format!("m-{n}"), "hi"));
    }

    write("log = \"info\"\n[gateway]\nmessage_rate = 5\n[store]\nqueue = 5\n");
    server.process.signal(Signal::HUP);
    let says = |text: &str| {
        clock::eventually(text, || server.process.errors().contains(text));
    };
    says("settings changed: gateway.message_rate");
    says("settings that need a restart: store.queue");
    // Its shard has applied it once this is answered.
    sender.ask_among(&to_user(&bob.uid, "m-30", "hi"));
    // The new limit applies to a session that was open before: a burst of two seconds' worth.
    let frames = (0..40).map(|n| {
        let message = to_user(&bob.uid, &format!("n-{n}"), "hi");
        frame(SEND, 1_000 + n, body_of(&message))
    });
    // It may be closed before all of them are sent.
    let _ = sender.try_send_all(&frames.collect::<Vec<_>>());
    let frames = std::iter::from_fn(|| match sender.next(clock::deadline()) {
        Next::Frame(frame) => Some(frame),
        Next::Ended(_) => None,
        Next::Nothing => panic!("the session was never closed"),
    });
    assert!(frames.filter(|frame| frame.op == SEND_REPLY).count() <= 20);

    // A fault changes nothing, including valid settings in the same file.
    write("log = \"info\"\n[gateway]\nmessage_rate = \"x\"\nhandshake_rate = 1\n");
    server.process.signal(Signal::HUP);
    let place = format!("{}:3: gateway.message_rate must be", file.display());
    says(&format!("settings not reloaded, the old ones stay: {place}"));
    for _ in 0..20 {
        server.client(Transport::Tcp, &bob, None).beat();
    }

    // Settings restored to their initial values need no restart.
    write("log = \"info\"\n[gateway]\nhandshake_rate = 1\n");
    server.process.signal(Signal::HUP);
    says("settings changed: gateway.handshake_rate, gateway.message_rate");
    assert_eq!(server.process.errors().matches("need a restart").count(), 1);
    clock::eventually("somebody is turned away", || {
        let mut client = Client::connect(Transport::Tcp, &server.addresses);
        client.send(&auth(1, &bob.token(), None));
        matches!(client.next(clock::deadline()), Next::Ended(_))
    });
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn a_hangup_opens_the_log_file_anew() {
    let dir = tempfile::tempdir().expect("a directory");
    let [log, moved] = ["comet.log", "comet.log.1"].map(|name| dir.path().join(name));
    let setup = Setup::default().flag("log", &"info").variable("COMET_LOG_FILE", &log.display());
    let mut server = setup.start();
    let holds = |path: &std::path::Path, text: &str| {
        clock::eventually(text, || fs::read_to_string(path).is_ok_and(|log| log.contains(text)));
    };
    holds(&log, "serving");
    fs::rename(&log, &moved).expect("a rename");
    server.process.signal(Signal::HUP);
    holds(&log, "settings reloaded");
    assert!(!fs::read_to_string(&moved).expect("a file").contains("reloaded"));
    assert_eq!(server.stop().code(), Some(0));
    assert_eq!(server.process.errors(), "");
}

#[test]
fn a_hangup_changes_the_rate_of_messages_that_come_over_http() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("comet.toml");
    let write = |rate: u32| {
        fs::write(&file, format!("log = \"info\"\n[gateway]\nmessage_rate = {rate}\n"))
            .expect("a file");
    };
    write(1);
    let setup = Setup::default().no_flag("log").flag("config", &file.display());
    let mut server = setup.start();
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let push = |n: usize| {
        let message = body_of(&to_user(&bob.uid, &format!("m-{n}"), "hi"));
        let token = alice.token();
        let headers = [("FZM-SIGNATURE", token.as_str())];
        let answer =
            post_form(server.addresses.http, "/record/push", &headers, ("message", &message));
        answer.envelope().0 == 0
    };
    let hang_up = |rate: u32, times: usize| {
        write(rate);
        server.process.signal(Signal::HUP);
        clock::eventually("reloaded", || {
            let errors = server.process.errors();
            errors.matches("settings changed: gateway.message_rate").count() == times
        });
    };
    assert!((0..20).any(|n| !push(n)), "no limit at first");
    hang_up(0, 1);
    assert!((20..60).all(&push), "the limit is gone");
    hang_up(1, 2);
    assert!((60..80).any(|n| !push(n)), "no limit again");
    assert_eq!(server.stop().code(), Some(0));
}
