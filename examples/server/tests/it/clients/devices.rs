//! Limits on a user's phones, and the winner when there is one too many.

use comet_dtalk::message::{Login, SignalEndpointLogin, SignalType};
use comet_server_testkit::client::{Client, Ending, Next, Transport, auth};
use comet_server_testkit::message::Delivered;
use comet_server_testkit::person::{Person, again, browser, phone};
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::clock;
use comet_testkit::frame::{AUTH_REPLY, frame};
use prost::Message as _;

/// A server that allows one phone per user.
fn one_phone(winner: &str) -> Server {
    let policy = format!("devices = {{ phone = 1, desktop = 0, web = 0, winner = '{winner}' }}");
    Setup::default().flag("set", &policy).start()
}

/// The device that conflicts with a login of this number, from the next frame.
fn told(client: &mut Client, seq: u32) -> SignalEndpointLogin {
    let refusal = client.receive();
    assert_eq!((refusal.op, refusal.seq, refusal.ack), (AUTH_REPLY, seq, 0), "{refusal:?}");
    assert!(!refusal.body.is_empty(), "accepted");
    SignalEndpointLogin::decode(&*refusal.body).expect("a device")
}

/// A login that is refused, on its own connection.
fn refused(server: &Server, transport: Transport, person: &Person, login: &Login) -> Client {
    let mut client = Client::connect(transport, &server.addresses);
    client.send(&auth(5, &person.token(), Some(login)));
    let stays = told(&mut client, 5);
    assert_eq!((&*stays.uuid, stays.device), ("first", 0));
    assert_eq!(stays.device_name, "name of first");
    assert!(stays.datetime > 1_600_000_000_000, "{stays:?}");
    client
}

#[test]
fn where_the_oldest_phone_stays_a_second_one_learns_which_and_changes_nothing() {
    let server = one_phone("oldest");
    let alice = Person::new("alice");
    for transport in Transport::ALL {
        let mut first = server.client(transport, &alice, Some(&phone("first")));
        for login in [phone("second"), again(&phone("second"))] {
            let mut second = refused(&server, transport, &alice, &login);
            // It may authenticate again on the same connection, with the same answer.
            second.send(&auth(6, &alice.token(), Some(&phone("second"))));
            assert_eq!(told(&mut second, 6).uuid, "first");
        }
        // The first was told nothing,
        first.beat();
        drop(first);
        // and reconnects by itself, into its own slot.
        let mut first = server.client(transport, &alice, Some(&again(&phone("first"))));
        first.beat();
        drop(refused(&server, transport, &alice, &phone("second")));
    }
    // The end of the last connection may still be in transit, for instance behind a proxy.
    server.awaits_metric("comet_gateway_parked", 1);
    assert_eq!(server.metric("comet_gateway_sessions"), 0);
    let crowded = "comet_logins_total{outcome=\"crowded\"}";
    assert_eq!(server.metric(crowded), 15);
}

#[test]
fn where_the_oldest_phone_stays_its_place_is_free_once_it_has_left() {
    let policy = "devices = { phone = 1, desktop = 0, web = 0, winner = 'oldest' }";
    let server = Setup::default().flag("set", &policy).variable(RESUME, &0).start();
    let alice = Person::new("alice");
    drop(server.client(Transport::Tcp, &alice, Some(&phone("first"))));
    server.awaits_metric("comet_gateway_sessions", 0);
    let mut second = server.client(Transport::Tcp, &alice, Some(&phone("second")));
    second.beat();
    // By the rule for phones that reconnect by themselves, the second counts now.
    let mut first = Client::connect(Transport::Tcp, &server.addresses);
    first.send(&auth(1, &alice.token(), Some(&again(&phone("first")))));
    assert_eq!(told(&mut first, 1).uuid, "second");
}

const RESUME: &str = "COMET_GATEWAY__RESUME_SECONDS";

#[test]
fn of_two_phones_that_come_at_once_one_is_let_in_and_the_other_is_not_registered() {
    let server = one_phone("oldest");
    for round in 0..10 {
        let person = Person::new(&format!("somebody {round}"));
        let logins = [phone("a"), phone("b")];
        let mut clients = [0, 1].map(|_| Client::connect(Transport::Tcp, &server.addresses));
        for (client, login) in clients.iter_mut().zip(&logins) {
            client.send(&auth(1, &person.token(), Some(login)));
        }
        let replies = clients.each_mut().map(|client| client.receive());
        let accepted = replies.each_ref().map(|reply| *reply == frame(AUTH_REPLY, 1, ""));
        assert!(accepted[0] != accepted[1], "{replies:?}");
        let winner = usize::from(accepted[1]);
        // It was told nothing, and it is the phone that may reconnect.
        clients[winner].beat();
        drop(clients);
        server.client(Transport::Tcp, &person, Some(&again(&logins[winner]))).beat();
    }
}

#[test]
fn where_the_newest_phone_stays_the_other_is_told_and_closed() {
    let server = one_phone("newest");
    let alice = Person::new("alice");
    for transport in Transport::ALL {
        let mut first = server.client(transport, &alice, Some(&phone("first")));
        let mut second = server.client(transport, &alice, Some(&phone("second")));
        let login: SignalEndpointLogin =
            Delivered::by(&first.receive()).signal(SignalType::EndpointLogin);
        assert_eq!(login.uuid, "second");
        assert_eq!(first.ends(), replaced(transport));
        second.beat();

        // The first does not reconnect by itself; a newer connection of the second does.
        let mut first = Client::connect(transport, &server.addresses);
        first.send(&auth(1, &alice.token(), Some(&again(&phone("first")))));
        assert_eq!(told(&mut first, 1).uuid, "second");
        let mut again = server.client(transport, &alice, Some(&again(&phone("second"))));
        assert_eq!(last_word(&mut second), replaced(transport));
        again.beat();
    }
}

/// The end of the connection, after any signals.
fn last_word(client: &mut Client) -> Ending {
    loop {
        match client.next(clock::deadline()) {
            Next::Frame(_) => {}
            Next::Ended(ending) => return ending,
            Next::Nothing => panic!("the connection did not end"),
        }
    }
}

fn replaced(transport: Transport) -> Ending {
    match transport {
        Transport::Tcp => Ending::Fin,
        Transport::WebSocket | Transport::HttpPort => Ending::Close(Some(1008)),
    }
}

#[test]
fn phones_do_not_compete_with_browsers_and_desktops() {
    let server = one_phone("oldest");
    let alice = Person::new("alice");
    let mut first = server.client(Transport::Tcp, &alice, Some(&phone("first")));
    let mut page = server.client(Transport::WebSocket, &alice, Some(&browser("b-1")));
    page.beat();
    let login: SignalEndpointLogin =
        Delivered::by(&first.receive()).signal(SignalType::EndpointLogin);
    assert_eq!(login.uuid, "b-1");
    first.beat();
}
