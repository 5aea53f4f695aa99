//! Clients that stop reading while many messages are sent to them, and reconnect.

use bytes::Bytes;
use comet_dtalk::message::{Device, Login};
use comet_server_testkit::client::{Client, Transport};
use comet_server_testkit::message::{Delivered, to_user};
use comet_server_testkit::person::{Person, again, device, phone};
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::socket::Socket;

/// More than window, queue and socket buffers hold.
const MESSAGES: usize = 500;
const LEN: usize = 16_000;

/// Signs in and never reads again, until `MESSAGES` have been written to it.
fn misses(server: &Server, bob: &Person, login: &Login, authors: &mut [Client]) -> Vec<String> {
    let socket = Socket::connect_narrow(server.addresses.tcp);
    let mut sleeper = Client::over(Transport::Tcp, socket);
    sleeper.sign_in(bob, Some(login));
    let written = (0..MESSAGES).map(|n| {
        let author = &mut authors[n % authors.len()];
        let msg_id = format!("m-{n}");
        write(author, bob, &msg_id);
        msg_id
    });
    let written = written.collect();
    server.awaits_metric("comet_gateway_parked", 1);
    written
}

/// One message, which is stored when this returns.
fn write(author: &mut Client, bob: &Person, msg_id: &str) {
    let seq = author.post(&to_user(&bob.uid, msg_id, Bytes::from(vec![b'x'; LEN])));
    loop {
        let next = author.receive();
        if next.ack == seq {
            return;
        }
        author.ack(next.seq);
    }
}

/// Reads and acknowledges until everything has arrived; returns the order of first arrival.
fn catches_up(client: &mut Client, count: usize, mut meanwhile: impl FnMut(usize)) -> Vec<String> {
    let mut got = Vec::new();
    let mut highest = 0;
    while got.len() < count {
        let next = client.receive();
        client.ack(next.seq);
        // The same number is the same delivery, sent again.
        if next.seq > highest {
            highest = next.seq;
            got.push(Delivered::by(&next).message().msg_id);
            meanwhile(got.len());
        }
    }
    got
}

#[test]
fn what_a_phone_missed_while_it_read_nothing_comes_in_the_order_of_its_sending() {
    for login in [phone("p-1"), device(Device::Windows, "d-1")] {
        let server = Server::start();
        let [alice, bob] = ["alice", "bob"].map(Person::new);
        let mut authors = [server.client(Transport::Tcp, &alice, None)];
        let written = misses(&server, &bob, &login, &mut authors);

        let mut client = server.client(Transport::Tcp, &bob, Some(&again(&login)));
        assert_eq!(catches_up(&mut client, MESSAGES, |_| {}), written);
        client.beat();
    }
}

#[test]
fn what_is_written_while_it_catches_up_comes_after_what_it_missed() {
    let server = Setup::default().variable("COMET_GATEWAY__WINDOW", &8).start();
    let [alice, carol, bob] = ["alice", "carol", "bob"].map(Person::new);
    let mut authors = [&alice, &carol].map(|it| server.client(Transport::Tcp, it, None));
    let login = phone("p-1");
    let mut written = misses(&server, &bob, &login, &mut authors);

    let mut client = server.client(Transport::Tcp, &bob, Some(&again(&login)));
    written.extend((0..100).map(|n| format!("late-{n}")));
    let late = &written[MESSAGES..];
    let got = catches_up(&mut client, written.len(), |count| {
        if let Some(msg_id) = late.get(count) {
            write(&mut authors[count % 2], &bob, msg_id);
        } else if count == late.len() {
            write(&mut authors[0], &bob, &late[0]);
        }
    });
    // A server has one order for all senders.
    let mut expected = written[..MESSAGES].to_vec();
    expected.extend(late[1..].iter().cloned());
    expected.push(late[0].clone());
    assert_eq!(got, expected);
    client.beat();
}
