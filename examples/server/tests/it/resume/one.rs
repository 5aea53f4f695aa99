//! Deliveries after a lost connection, frame by frame.

use comet_dtalk::message::{Common, Device, Login, SignalReceived, SignalType};
use comet_server_testkit::client::{Client, Ending, Transport};
use comet_server_testkit::http;
use comet_server_testkit::message::{Delivered, to_user};
use comet_server_testkit::person::{Person, again, browser, device, phone};
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::clock;

use super::Cut;

struct Scene {
    server: Server,
    bob: Person,
    author: Client,
    written: u32,
}

impl Scene {
    fn new(setup: Setup) -> Self {
        let server = setup.start();
        let [alice, bob] = ["alice", "bob"].map(Person::new);
        let author = server.client(Transport::Tcp, &alice, None);
        Self { server, bob, author, written: 0 }
    }

    /// Alice writes to bob; the messages' client ids.
    fn write(&mut self, count: u32) -> Vec<String> {
        (0..count)
            .map(|_| {
                self.written += 1;
                let msg_id = format!("m-{}", self.written);
                let seq = self.author.post(&to_user(&self.bob.uid, &msg_id, "hi"));
                // Her own deliveries come between the replies.
                loop {
                    let next = self.author.receive();
                    if next.ack == seq {
                        break;
                    }
                    self.author.ack(next.seq);
                }
                msg_id
            })
            .collect()
    }

    fn connect(&self, transport: Transport, login: &Login) -> Client {
        self.server.client(transport, &self.bob, Some(login))
    }
}

/// The next deliveries are these messages, numbered from `first`.
fn gets(client: &mut Client, first: u32, expected: &[String]) {
    let got: Vec<String> =
        (first..).take(expected.len()).map(|seq| seen(client, seq).msg_id).collect();
    assert_eq!(got, expected);
}

fn seen(client: &mut Client, seq: u32) -> Common {
    client.sees(seq).message()
}

fn acks(client: &mut Client, seqs: std::ops::RangeInclusive<u32>) {
    seqs.for_each(|seq| client.ack(seq));
    // The reply shows that the server has processed them.
    client.beat();
}

#[test]
fn a_desktop_gets_what_it_did_not_acknowledge_and_what_came_meanwhile() {
    for transport in Transport::ALL {
        for cut in Cut::ALL {
            let mut scene = Scene::new(Setup::default());
            let login = device(Device::MacOs, "d-1");
            let mut client = scene.connect(transport, &login);
            let first = scene.write(4);
            gets(&mut client, 1, &first);
            acks(&mut client, 1..=2);
            let _kept = cut.make(client.into_socket());
            let second = scene.write(3);

            let mut client = scene.connect(transport, &again(&login));
            let missed = [&first[2..], &second].concat();
            gets(&mut client, 1, &missed);
            acks(&mut client, 1..=5);
            let third = scene.write(1);
            gets(&mut client, 6, &third);
            acks(&mut client, 6..=6);
            assert_eq!(scene.server.metric("comet_gateway_resumed_total"), 1);
            assert_eq!(scene.server.metric("comet_gateway_deliveries_lost_total"), 0);
        }
    }
}

#[test]
fn the_session_goes_on_over_another_transport() {
    let mut scene = Scene::new(Setup::default());
    let login = browser("b-1");
    let client = scene.connect(Transport::Tcp, &login);
    Cut::Reset.make(client.into_socket());
    let first = scene.write(2);
    let mut client = scene.connect(Transport::WebSocket, &again(&login));
    gets(&mut client, 1, &first);
    let mut old = client;
    let mut client = scene.connect(Transport::HttpPort, &again(&login));
    gets(&mut client, 1, &first);
    acks(&mut client, 1..=2);
    assert_eq!(old.ends(), Ending::Close(Some(1008)), "only the newest connection counts");
}

#[test]
fn a_phone_that_is_back_gets_no_second_replay() {
    for cut in Cut::ALL {
        let mut scene = Scene::new(Setup::default());
        let login = phone("p-1");
        let before = scene.write(3);
        let mut client = scene.connect(Transport::Tcp, &login);
        gets(&mut client, 1, &before);
        acks(&mut client, 1..=1);
        let _kept = cut.make(client.into_socket());

        let mut client = scene.connect(Transport::Tcp, &again(&login));
        gets(&mut client, 1, &before[1..]);
        acks(&mut client, 1..=2);
        let after = scene.write(1);
        gets(&mut client, 3, &after);
        acks(&mut client, 3..=3);
        drop(client);

        // All of it is received: another phone gets none of it.
        let mut other = scene.connect(Transport::Tcp, &phone("p-2"));
        other.beat();
    }
}

#[test]
fn a_phone_that_is_back_too_late_gets_its_replay() {
    let setup = Setup::default().variable("COMET_GATEWAY__RESUME_SECONDS", &1);
    let mut scene = Scene::new(setup);
    let login = phone("p-1");
    let mut client = scene.connect(Transport::Tcp, &login);
    let first = scene.write(2);
    gets(&mut client, 1, &first);
    acks(&mut client, 1..=1);
    Cut::Reset.make(client.into_socket());
    scene.server.awaits_metric("comet_gateway_parked", 1);
    scene.server.awaits_metric("comet_gateway_parked", 0);
    let second = scene.write(1);
    let mut client = scene.connect(Transport::Tcp, &again(&login));
    gets(&mut client, 1, &[&first[1..], &second].concat());
    acks(&mut client, 1..=2);
    assert_eq!(scene.server.metric("comet_gateway_resumed_total"), 0);
}

#[test]
fn the_author_learns_once_that_a_phone_has_it() {
    let mut scene = Scene::new(Setup::default());
    let login = phone("p-1");
    let mut client = scene.connect(Transport::Tcp, &login);
    let alice = Person::new("alice");
    let mut watching = scene.server.client(Transport::Tcp, &alice, Some(&browser("b-1")));
    scene.author.receive();
    let first = scene.write(1);
    gets(&mut client, 1, &first);
    Cut::Reset.make(client.into_socket());
    let mut client = scene.connect(Transport::Tcp, &again(&login));
    gets(&mut client, 1, &first);
    acks(&mut client, 1..=1);
    let log_id = watching.takes(1).message().log_id;
    let received: SignalReceived = watching.takes(2).signal(SignalType::Received);
    assert_eq!(received.logs, [log_id]);
    watching.beat();
}

#[test]
fn without_a_time_to_come_back_nothing_is_kept() {
    let setup = Setup::default().variable("COMET_GATEWAY__RESUME_SECONDS", &0);
    let mut scene = Scene::new(setup);
    let login = browser("b-1");
    let client = scene.connect(Transport::Tcp, &login);
    Cut::Reset.make(client.into_socket());
    scene.server.awaits_metric("comet_gateway_sessions", 1);
    assert_eq!(scene.server.metric("comet_gateway_parked"), 0);
    scene.write(1);
    scene.connect(Transport::Tcp, &again(&login)).beat();
}

#[test]
fn more_than_the_gateway_would_keep_comes_in_order_all_the_same() {
    let mut scene = Scene::new(Setup::default());
    let login = device(Device::Windows, "d-1");
    let client = scene.connect(Transport::WebSocket, &login);
    Cut::Reset.make(client.into_socket());
    scene.server.awaits_metric("comet_gateway_parked", 1);
    let missed = scene.write(1_500);
    let mut client = scene.connect(Transport::WebSocket, &again(&login));
    for (seq, expected) in (1..).zip(&missed) {
        let next = loop {
            let next = client.receive();
            if next.seq == seq {
                break next;
            }
            assert!(next.seq < seq, "sent again, at most: {next:?}");
        };
        let got = Delivered::by(&next).message();
        assert_eq!(&got.msg_id, expected);
        client.ack(seq);
    }
    assert_eq!(scene.server.metric("comet_gateway_deliveries_lost_total"), 0);
    assert_eq!(scene.server.metric("comet_gateway_gaps_total"), 0);
}

/// The queue of a session holds 1,024 deliveries.
#[test]
fn what_is_given_up_for_a_slow_reader_comes_when_it_reads_again() {
    let setup = Setup::default().variable("COMET_GATEWAY__WINDOW", &1);
    let mut scene = Scene::new(setup.variable("COMET_GATEWAY__OVERFLOW", &"drop-oldest"));
    let mut client = scene.connect(Transport::Tcp, &device(Device::Windows, "d-1"));
    let written = scene.write(1_100);
    let mut got = Vec::new();
    while got.len() < written.len() {
        let next = client.receive();
        client.ack(next.seq);
        // Meanwhile the first one was sent again.
        if next.seq as usize == got.len() + 1 {
            got.push(Delivered::by(&next).message().msg_id);
        }
    }
    assert!(scene.server.metric("comet_gateway_deliveries_lost_total") > 0);
    assert!(scene.server.metric("comet_store_repaired_total") > 0);
    assert_eq!(got, written);
    client.beat();
}

#[test]
fn the_operator_says_how_many_devices_a_user_may_have() {
    let setup = Setup::default().variable("COMET_DEVICES__WEB", &1);
    let scene = Scene::new(setup);
    let mut first = scene.connect(Transport::WebSocket, &browser("b-1"));
    let mut desktop = scene.connect(Transport::Tcp, &device(Device::Linux, "d-1"));
    first.receive();
    let mut second = scene.connect(Transport::WebSocket, &browser("b-2"));
    first.receive();
    desktop.receive();
    assert_eq!(first.ends(), Ending::Close(Some(1008)));
    second.beat();
    desktop.beat();
}

#[test]
fn what_is_kept_can_be_seen_on_the_metrics_page() {
    let mut scene = Scene::new(Setup::default());
    let client = scene.connect(Transport::Tcp, &browser("b-1"));
    scene.write(1);
    clock::eventually("what was written is kept", || {
        scene.server.metric("comet_gateway_memory") > 0
    });
    drop(client);
    scene.server.awaits_metric("comet_gateway_parked", 1);
    let page = http::get(scene.server.addresses.admin, "/metrics");
    for gauge in ["parked", "memory", "sessions"] {
        let line = format!("# TYPE comet_gateway_{gauge} gauge");
        assert!(page.text().lines().any(|it| it == line), "{line}");
    }
    for counter in ["resumed", "gaps", "deliveries_lost", "sheds", "turned_away"] {
        let line = format!("# TYPE comet_gateway_{counter} counter");
        assert!(page.text().lines().any(|it| it == line), "{line}");
    }
}
