//! The bundled server on a database server: the same service, one process at a time, and no message
//! lost when either is killed.

use std::time::{Duration, Instant};

use comet_dtalk::code::Code;
use comet_server_testkit::client::Transport;
use comet_server_testkit::http::{self, post_form};
use comet_server_testkit::message::{body_of, to_user};
use comet_server_testkit::person::{Person, browser, phone};
use comet_server_testkit::server::Setup;
use comet_sql_testing::{Kind, Server as DatabaseServer};
use comet_testkit::clock::eventually;
use comet_testkit::program::Signal;

/// A database server, and the URL of an empty database on it.
pub(crate) fn database(kind: Kind) -> (DatabaseServer, String) {
    with_database(DatabaseServer::start(kind))
}

/// The same on a server whose commits are on the disk.
pub(crate) fn durable_database(kind: Kind) -> (DatabaseServer, String) {
    with_database(DatabaseServer::start_durable(kind))
}

fn with_database(server: DatabaseServer) -> (DatabaseServer, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let url = runtime.expect("a runtime").block_on(server.database());
    (server, url)
}

/// A server with a database of this kind, which lasts as long as the first value.
pub(crate) fn setup_on(kind: Kind) -> (Option<DatabaseServer>, Setup) {
    if kind == Kind::Sqlite {
        return (None, Setup::default());
    }
    let (database, url) = database(kind);
    (Some(database), setup(&url))
}

fn setup(url: &str) -> Setup {
    Setup::default().variable("COMET_DATABASE", &url)
}

/// A test, a function of the kind, on each kind of database.
macro_rules! on_each_kind {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[test]
            fn sqlite() {
                super::$test(comet_sql_testing::Kind::Sqlite);
            }

            #[test]
            fn mariadb() {
                super::$test(comet_sql_testing::Kind::MariaDb);
            }

            #[test]
            fn postgres() {
                super::$test(comet_sql_testing::Kind::Postgres);
            }
        }
    )+};
}
pub(crate) use on_each_kind;

macro_rules! on_each_server {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[test]
            fn mariadb() {
                super::$test(comet_sql_testing::Kind::MariaDb);
            }

            #[test]
            fn postgres() {
                super::$test(comet_sql_testing::Kind::Postgres);
            }
        }
    )+};
}

on_each_server!(
    everything_is_kept_there_and_no_database_in_the_data_directory,
    one_process_at_a_time_uses_a_database,
    a_process_that_was_suspended_ends_when_another_has_taken_its_place,
    messages_are_refused_while_the_database_is_down_and_taken_when_it_is_back,
);

fn everything_is_kept_there_and_no_database_in_the_data_directory(kind: Kind) {
    let (_database, url) = database(kind);
    let mut server = setup(&url).start();
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let mut sender = server.client(Transport::Tcp, &alice, Some(&browser("b")));
    let body = "中文 𠀀 🙂";
    let sent = sender.ask_among(&to_user(&bob.uid, "m-🙂", body));
    assert!(server.stop().success());
    assert!(!server.data_dir().join("messages.db").exists());
    assert!(!server.data_dir().join("accounts.db").exists());

    let began = Instant::now();
    server.restart();
    assert!(began.elapsed() < Duration::from_secs(10), "the lease was given back");
    let mut receiver = server.client(Transport::WebSocket, &bob, Some(&phone("p")));
    let message = receiver.takes(1).message();
    assert_eq!((message.log_id, &*message.msg_id), (sent.log_id, "m-🙂"));
    let mut sender = server.client(Transport::Tcp, &alice, None);
    let repeat = sender.ask_among(&to_user(&bob.uid, "m-🙂", body));
    assert_eq!(repeat.log_id, sent.log_id);
}

fn one_process_at_a_time_uses_a_database(kind: Kind) {
    let (_database, url) = database(kind);
    let mut first = setup(&url).start();
    let [alice, bob] = ["alice", "bob"].map(Person::new);
    let mut sender = first.client(Transport::Tcp, &alice, None);
    let sent = sender.ask_among(&to_user(&bob.uid, "m-1", "hi"));

    let began = Instant::now();
    let (status, said) = setup(&url).fails();
    assert_eq!(status.code(), Some(1), "{said}");
    let holder = format!("process {} on", first.process.id());
    assert!(said.contains("is in use by") && said.contains(&holder), "{said}");
    assert!(began.elapsed() >= Duration::from_secs(14), "it waits: {:?}", began.elapsed());

    first.kill();
    let began = Instant::now();
    let second = setup(&url).start();
    assert!(began.elapsed() < Duration::from_secs(16), "{:?}", began.elapsed());
    let mut receiver = second.client(Transport::Tcp, &bob, Some(&phone("p")));
    assert_eq!(receiver.takes(1).message().log_id, sent.log_id);
}

fn a_process_that_was_suspended_ends_when_another_has_taken_its_place(kind: Kind) {
    let (_database, url) = database(kind);
    let mut first = setup(&url).start();
    first.process.signal(Signal::STOP);
    let second = setup(&url).start();
    first.process.signal(Signal::CONT);
    let status = first.process.ended();
    assert_eq!(status.code(), Some(1));
    let said = first.process.errors();
    let holder = format!("process {} on", second.process.id());
    assert!(said.contains("was taken over by") && said.contains(&holder), "{said}");
    second.client(Transport::Tcp, &Person::new("alice"), None).beat();
}

fn messages_are_refused_while_the_database_is_down_and_taken_when_it_is_back(kind: Kind) {
    let (database, url) = database(kind);
    let server = setup(&url).start();
    let alice = Person::new("alice");
    let mut device = server.client(Transport::Tcp, &alice, Some(&browser("b")));
    let token = alice.token();
    let push = |name: &str| {
        let body = body_of(&to_user(&alice.uid, name, "hi"));
        let headers = [("FZM-SIGNATURE", token.as_str())];
        let part = ("message", &*body);
        post_form(server.addresses.http, "/record/push", &headers, part)
    };
    assert_eq!(push("m-1").envelope().0, 0);

    database.kill();
    for name in ["m-2", "m-3"] {
        let began = Instant::now();
        assert_eq!(push(name).envelope().0, i64::from(Code::MESSAGE_NOT_SENT.0));
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    let ready = http::get(server.addresses.admin, "/ready");
    assert_eq!(ready.status, 503, "{}", ready.text());

    database.resume();
    eventually("what was refused is taken", || push("m-2").envelope().0 == 0);
    eventually("the server is ready", || http::get(server.addresses.admin, "/ready").status == 200);
    let names = [1, 2].map(|number| device.takes(number).message().msg_id);
    assert_eq!(names, ["m-1", "m-2"], "on the connection from before");
}
