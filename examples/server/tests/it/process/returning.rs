//! Clients of the comet dialect across a restart: the reconnect time they are told, and their
//! return.

use comet_server_testkit::client::Transport;
use comet_server_testkit::comet::{connect, sign_in};
use comet_server_testkit::person::{Person, again, browser};
use comet_server_testkit::server::{Server, Setup};
use comet_testkit::comet::{Comet, GoingAway};
use comet_testkit::program::Signal;

/// Milliseconds in which a drain tells all clients; a lone client is told no later time.
const AT_ONCE: u64 = 100;

fn goes_away(client: &mut Comet) -> GoingAway {
    GoingAway::of(&client.receive())
}

#[test]
fn a_lone_client_is_told_to_come_back_at_once_and_is_let_in_after_the_restart() {
    for transport in Transport::ALL {
        let mut server = Server::start();
        let (bob, login) = (Person::new("bob"), browser("b-1"));
        let mut client = connect(transport, &server.addresses);
        let welcome = sign_in(&mut client, &bob, &login, b"");
        server.process.signal(Signal::TERM);
        let away = goes_away(&mut client);
        assert!(away.return_after_ms <= AT_ONCE, "{transport:?}: {away:?}");
        client.ends();
        assert_eq!(server.process.ended().code(), Some(0));

        server.restart();
        let ticket = if away.ticket.is_empty() { welcome.ticket } else { away.ticket };
        let mut client = connect(transport, &server.addresses);
        let welcome = sign_in(&mut client, &bob, &again(&login), &ticket);
        assert!(!welcome.resumed, "the sessions of the last process are gone");
    }
}

/// The latest time, in milliseconds, told to one of 20 clients of a server.
fn latest_of_a_crowd(setup: Setup) -> u64 {
    let server = setup.set("gateway.shards=1").start();
    let clients = (0..20).map(|number| {
        let mut client = connect(Transport::Tcp, &server.addresses);
        let bob = Person::new(&format!("bob {number}"));
        sign_in(&mut client, &bob, &browser("b-1"), b"");
        client
    });
    let mut clients: Vec<Comet> = clients.collect();
    server.process.signal(Signal::TERM);
    let times = clients.iter_mut().map(|client| goes_away(client).return_after_ms);
    times.max().expect("clients")
}

#[test]
fn a_crowd_is_told_times_at_the_rate_and_within_the_spread_of_the_settings() {
    // 20 clients at 2 a second, the first at once; a drain takes half a second to tell them.
    let at_the_rate = latest_of_a_crowd(Setup::default().set("gateway.return_rate=2"));
    assert!((9_500..10_500).contains(&at_the_rate), "{at_the_rate}");
    let within = Setup::default().set("gateway.return_rate=2");
    let within = latest_of_a_crowd(within.set("gateway.return_spread_seconds=1"));
    assert!((950..2_000).contains(&within), "{within}");
    let together = latest_of_a_crowd(Setup::default().set("gateway.return_rate=0"));
    assert!(together < 1_000, "{together}");
}
