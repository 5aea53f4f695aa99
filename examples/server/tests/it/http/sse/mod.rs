//! Sessions over server-sent events and POST, on the port of the API.

mod client;
mod foreign;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use comet_dtalk::message::Login;
use comet_server_testkit::client::Transport;
use comet_server_testkit::comet::connect;
use comet_server_testkit::http::request;
use comet_server_testkit::message::{Delivered, ack_in, body_of, to_user};
use comet_server_testkit::person::{Person, again, browser, phone};
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::clock;
use comet_testkit::comet::{Failure, Gap, Hello, Welcome, op, packet};
use comet_testkit::frame::{Frame, Wire};
use comet_testkit::socket::Socket;
use comet_testkit::websocket::{response, status};
use prost::Message as _;
use serde_json::json;

use client::{Events, OPEN, Sse, ask, granted};

/// A request for a session of bob's browser.
fn hello(bob: &Person) -> Hello {
    hello_of(bob, &browser("b-1"))
}

fn hello_of(bob: &Person, login: &Login) -> Hello {
    Hello { capabilities: 1, ..Hello::new(&bob.token(), login.encode_to_vec()) }
}

/// The same, to go on with a session.
fn back(bob: &Person, welcome: &Welcome, last_seq: u32, first_send: u32) -> Hello {
    let ticket = welcome.ticket.clone();
    Hello { ticket, last_seq, first_send, ..hello_of(bob, &again(&browser("b-1"))) }
}

/// The text of the next delivery, which has this number.
fn takes(stream: &mut Sse, seq: u32) -> String {
    let got = stream.receive();
    assert_eq!((got.op, got.seq), (op::DELIVER, seq), "{got:?}");
    text_of(&got.body)
}

fn text_of(body: &[u8]) -> String {
    let message = Delivered::read(body).message();
    String::from_utf8(message.msg.to_vec()).expect("a text")
}

/// The next packet that is no delivery of an own message.
fn answer(stream: &mut Sse) -> Frame {
    loop {
        let got = stream.receive();
        if got.op != op::DELIVER {
            return got;
        }
        assert_eq!(text_of(&got.body), "three", "to bob's own devices");
    }
}

fn acked(seq: u32) -> Frame {
    packet(op::ACK, 0, seq, b"")
}

#[test]
fn a_session_chats_is_cut_and_goes_on_here_and_elsewhere() {
    let server = Server::start();
    let (alice, bob) = (Person::new("alice"), Person::new("bob"));
    let at = server.addresses.http;
    let mut stream = Sse::open(at, &hello(&bob));
    let mut alices = server.client(Transport::WebSocket, &alice, None);
    let mut say = |text: &str| alices.ask_among(&to_user(&bob.uid, text, text.to_owned()));
    say("one");
    say("two");
    assert_eq!(takes(&mut stream, 1), "one");
    assert_eq!(takes(&mut stream, 2), "two");

    // A message of bob's, sent again because its answer could have been lost.
    let message = packet(op::SEND, 1, 0, body_of(&to_user(&alice.uid, "three", "three")));
    stream.post(&[acked(2), message.clone()]);
    let reply = answer(&mut stream);
    assert_eq!((reply.op, reply.ack), (op::SEND_REPLY, 1));
    let log_id = ack_in(&reply.body).log_id;
    assert_eq!(stream.post_as(1, &[message]).status, 204, "answered");
    assert_eq!(stream.post_as(1, &[packet(op::PING, 0, 0, b"not this")]).status, 204);
    stream.post(&[packet(op::PING, 0, 0, b"a moment")]);
    assert_eq!(answer(&mut stream), packet(op::PONG, 0, 0, b"a moment"), "and not applied");

    let welcome = stream.cut();
    server.awaits_metric("comet_gateway_parked", 1);
    alices.ask_among(&to_user(&bob.uid, "four", "four"));
    let mut stream = Sse::open(at, &back(&bob, &welcome, 2, 1));
    assert!(stream.welcome.resumed);
    assert_eq!(stream.welcome.accepted, 1);
    assert_eq!(takes(&mut stream, 3), "three");
    let mut next = [stream.receive(), stream.receive()];
    next.sort_by_key(|packet| packet.op);
    let [four, repeated] = next;
    assert_eq!((four.op, four.seq, &*text_of(&four.body)), (op::DELIVER, 4, "four"));
    assert_eq!((repeated.op, repeated.ack), (op::SEND_REPLY, 1));
    assert_eq!(ack_in(&repeated.body).log_id, log_id, "the answer that may have been lost");
    stream.post(&[acked(4)]);

    // The same session on a WebSocket: the stream ends.
    let mut socket = connect(Transport::WebSocket, &server.addresses);
    socket.ask(&back(&bob, &stream.welcome, 4, 2)).expect("a session");
    assert!(socket.welcome.resumed);
    socket.beat();
    assert!(stream.events().end(), "replaced");
    clock::eventually("nothing is left of it", || {
        request(at, "GET", &stream.path(), &[], b"").status == 404
    });
    server.awaits_metric("comet_gateway_connections", 2);
}

#[test]
fn requests_that_are_wrong_are_told_so_and_cost_nothing() {
    let server = Server::start();
    let bob = Person::new("bob");
    let at = server.addresses.http;
    let refused = ask(at, &[], &Wire::Comet.bytes(&Hello::new("nonsense", "").frame(7)));
    let (reply, id) = granted(&refused);
    assert_eq!((refused.status, id), (403, None));
    assert_eq!((Failure::of(&reply).op, reply.ack), (op::REFUSED, 7));
    let auth = Wire::Comet.bytes(&hello(&bob).frame(1));
    let twice = [&auth[..], &auth].concat();
    for garbage in [&b""[..], b"hello", &auth[..30], &twice, &[0xff; 40]] {
        assert_eq!(ask(at, &[], garbage).status, 400, "{garbage:?}");
    }
    assert_eq!(ask(at, &[], &vec![0; 20_000]).status, 413);
    // Another dialect, which has no tickets.
    let dtalk = comet_server_testkit::client::auth(1, &bob.token(), None).encode();
    assert_eq!(ask(at, &[], &dtalk).status, 400);
    let unknown = "/comet/sse/AAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(request(at, "GET", unknown, &[], b"").status, 404);
    assert_eq!(request(at, "POST", &format!("{unknown}?n=1"), &[], b"").status, 404);
    assert_eq!(request(at, "GET", "/comet/sse/short", &[], b"").status, 404);
    assert_eq!(request(at, "GET", OPEN, &[], b"").status, 405);

    let mut stream = Sse::begin(at, &hello(&bob));
    assert_eq!(request(at, "HEAD", &stream.path(), &[], b"").status, 405);
    stream.events();
    assert_eq!(request(at, "GET", &stream.path(), &[], b"").status, 409, "one GET");
    for query in ["", "?n=0", "?n=-1", "?n=x", "?m=1"] {
        let path = format!("{}{query}", stream.path());
        assert_eq!(request(at, "POST", &path, &[], b"").status, 400, "{query}");
    }
    assert_eq!(stream.post_as(100, &[]).status, 409, "far beyond a hole");
    let path = format!("{}?n=1", stream.path());
    assert_eq!(request(at, "POST", &path, &[], &vec![0; 100_000]).status, 413);
    // None of it was applied.
    stream.post(&[packet(op::PING, 0, 0, b"a moment")]);
    assert_eq!(stream.receive(), packet(op::PONG, 0, 0, b"a moment"));
    // Bytes that are no packets end the connection, as on any transport.
    assert_eq!(request(at, "POST", &format!("{}?n=2", stream.path()), &[], &[9; 40]).status, 204);
    assert_eq!(stream.receive().op, op::ERROR);
    assert!(stream.events().end());
}

#[test]
fn posts_wait_for_those_before_them() {
    let server = Server::start();
    let stream = &mut Sse::open(server.addresses.http, &hello(&Person::new("bob")));
    let ping = |number: u64| packet(op::PING, 0, 0, format!("ping {number:03}"));
    std::thread::scope(|scope| {
        let shared = &*stream;
        let posts = [3, 2, 1].map(|number| {
            let post = scope.spawn(move || shared.post_as(number, &[ping(number)]).status);
            // So that the later ones come first.
            assert_eq!(server.get("/ping").status, 200);
            post
        });
        posts.into_iter().for_each(|post| assert_eq!(post.join().unwrap(), 204));
    });
    for number in 1..=3 {
        let pong = Frame { op: op::PONG, ..ping(number) };
        assert_eq!(stream.receive(), pong);
    }
}

/// What waits for a reader is bounded: it ends as slow, its session parks, keeps what it may, and
/// is told where something is missing. Clients of this dialect pull that from the record, phones
/// too: it is not repeated behind the gap.
#[test]
fn a_reader_that_does_not_read_parks_is_told_what_it_misses_and_pulls_it() {
    for device in [browser("b-1"), phone("p-1")] {
        let server = Server::start();
        let bob = Person::new("bob");
        let (welcome, said) = too_slow(&server, &hello_of(&bob, &device), &bob);
        let ticket = welcome.ticket;
        let hello = Hello { ticket, first_send: 1, ..hello_of(&bob, &again(&device)) };
        let mut stream = Sse::open(server.addresses.http, &hello);
        assert!(stream.welcome.resumed);
        let (mut seen, mut missing, mut last_seen, mut pulled_from) = (0, Vec::new(), 0, 0);
        while seen < said {
            let got = stream.receive();
            if got.op == op::GAP {
                let count = u32::try_from(Gap::of(&got).count).unwrap();
                missing.extend(seen + 1..=seen + count);
                seen += count;
                pulled_from = last_seen;
            } else {
                seen += 1;
                assert_eq!(got.op, op::DELIVER);
                assert!(text_of(&got.body) == long(seen), "message {seen}");
                last_seen = Delivered::read(&got.body).message().log_id;
            }
            stream.post(&[acked(got.seq)]);
        }
        assert!(seen == said && !missing.is_empty(), "{missing:?} of {said}");
        assert!(missing[0] > 60, "{missing:?} of {said}");
        let request = json!({ "count": 1_000, "start": pulled_from }).to_string();
        let pulled = server.post("/app/record/sync-record", Some(&bob), &request).data();
        let records = pulled["records"].as_array().expect("records").iter();
        let texts = records
            .map(|it| text_of(&STANDARD.decode(it.as_str().expect("a text")).expect("base64")));
        let pulled: Vec<String> = texts.take(missing.len()).collect();
        assert!(pulled.into_iter().eq(missing.into_iter().map(long)), "what was missing");
    }
}

/// Opens a stream and has bob sent messages until it parks as nobody reads it; how many.
fn too_slow(server: &Server, hello: &Hello, bob: &Person) -> (Welcome, u32) {
    let at = server.addresses.http;
    let begun = Sse::begin(at, hello);
    let mut narrow = Socket::connect_narrow(at);
    Events::ask(&mut narrow, at, &begun.id);
    assert_eq!(status(&response(&mut narrow)), 200);
    let mut alices = server.client(Transport::WebSocket, &Person::new("alice"), None);
    let mut said = 0;
    while server.metric("comet_gateway_parked") == 0 {
        assert!(said < 2_000, "it must be too slow at some time");
        said += 1;
        alices.ask_among(&to_user(&bob.uid, &said.to_string(), long(said)));
    }
    (begun.welcome, said)
}

fn long(number: u32) -> String {
    format!("{number} {}", "x".repeat(15_000))
}

#[test]
fn streams_that_are_not_read_are_few_and_go_away() {
    let setup = Setup::default().set("http.sse_unread_streams=2").set("http.sse_streams=3");
    let server = setup.start();
    let at = server.addresses.http;
    let people = ["a", "b", "c", "d", "e"].map(Person::new);
    let one = Sse::begin(at, &hello(&people[0]));
    let mut two = Sse::begin(at, &hello(&people[1]));
    let refused = || ask(at, &[], &Wire::Comet.bytes(&hello(&people[2]).frame(1)));
    let full = refused();
    assert_eq!((full.status, full.header("retry-after")), (503, Some("2")));
    two.events();
    let three = Sse::begin(at, &hello(&people[3]));
    assert_eq!(refused().status, 503);
    // Nobody reads them: their sessions park.
    server.awaits_metric("comet_gateway_parked", 2);
    for stream in [&one, &three] {
        assert_eq!(request(at, "GET", &stream.path(), &[], b"").status, 404);
    }
    let _three = Sse::open(at, &hello(&people[2]));
    two.post(&[packet(op::PING, 0, 0, b"a moment")]);
    assert_eq!(two.receive().op, op::PONG);
}

#[test]
fn a_client_behind_a_proxy_has_the_share_of_its_address_and_ids_are_not_logged() {
    let config = tempfile::NamedTempFile::new().expect("a file");
    let text = "[[trusted_proxies]]\nnet = \"127.0.0.1/32\"\nheader = \"x-forwarded-for\"\n";
    std::fs::write(config.path(), text).expect("written");
    let setup = Setup::default().flag("config", &config.path().display()).flag("log", &"debug");
    let server = setup.set("gateway.connections_per_address=1").start();
    let at = server.addresses.http;
    let open = |name: &str, forwarded: &str| {
        let auth = Wire::Comet.bytes(&hello(&Person::new(name)).frame(1));
        let forged = ("Forwarded", "for=203.0.113.9");
        ask(at, &[("X-Forwarded-For", forwarded), forged], &auth)
    };
    let first = open("a", "203.0.113.9, 198.51.100.7");
    let id = granted(&first).1.expect("an id");
    assert_eq!(open("b", "198.51.100.7").status, 429);
    assert_eq!(open("b", "198.51.100.8").status, 200);
    drop(Events::of(at, &id));
    clock::eventually("the share is given back", || open("b", "198.51.100.7").status == 200);
    let errors = || server.process.errors();
    clock::eventually("it is logged", || errors().contains("path=\"/comet/sse/..\""));
    assert!(!errors().contains(&id), "{}", errors());
}

/// Longer than the interval of comments.
#[test]
fn a_silent_stream_shows_that_it_is_alive() {
    let server = Server::start();
    let mut stream = Sse::open(server.addresses.http, &hello(&Person::new("bob")));
    let events = stream.events();
    assert!(events.next(clock::now() + Duration::from_millis(300)).is_none());
    assert_eq!(events.comments, 1, "the stream begins with one");
}
