//! Clients of the comet dialect, which come back by their tickets.

use comet_dtalk::message::{Device, Login};
use comet_protocol::Head;
use comet_protocol::comet::message::capability;
use comet_protocol::comet::{Auth, ClientFrame, Ping, ServerFrame, Welcome};
use prost::Message as _;

use super::Cut;
use crate::support::client::{Client, Transport};
use crate::support::person::{Person, again, browser, device, phone};
use crate::support::server::Server;

/// Asks for a session, for the one of a ticket if there is one; the answer must come first.
fn sign_in(client: &mut Client, bob: &Person, login: &Login, ticket: &[u8]) -> Welcome {
    let auth = Auth {
        app_id: "dtalk".into(),
        token: bob.token(),
        ext: login.encode_to_vec().into(),
        capabilities: capability::RESUME,
        ticket: ticket.to_vec().into(),
        ..Auth::default()
    };
    say(client, &ClientFrame::Auth { seq: client_number(), auth: Box::new(auth) });
    match hear(client) {
        ServerFrame::Welcome { welcome, .. } => *welcome,
        other => panic!("a welcome was expected, not {other:?}"),
    }
}

/// Attempts are numbered over all connections.
fn client_number() -> u32 {
    static LAST: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1
}

fn say(client: &mut Client, frame: &ClientFrame<'_>) {
    let mut packet = Vec::new();
    frame.write(&mut packet);
    client.send_bytes(&packet);
}

fn hear(client: &mut Client) -> ServerFrame {
    let frame = client.receive();
    let head = Head { ver: frame.ver, op: frame.op, seq: frame.seq, ack: frame.ack };
    ServerFrame::decode(head, frame.body).expect("a frame of the dialect")
}

/// A ping and its pong, between which nothing may come.
fn beat(client: &mut Client) {
    say(client, &ClientFrame::Ping(Ping { stamp: *b"a moment", round_trip_us: None }));
    assert_eq!(hear(client), ServerFrame::Pong { stamp: *b"a moment" });
}

#[test]
fn who_comes_back_by_a_ticket_is_told_of_no_gap() {
    for transport in Transport::ALL {
        for cut in Cut::ALL {
            let server = Server::start();
            let bob = Person::new("bob");
            for login in [phone("p-1"), device(Device::Linux, "d-1"), browser("b-1")] {
                let mut client = Client::connect(transport, &server.addresses);
                let mut welcome = sign_in(&mut client, &bob, &login, b"");
                assert!(!welcome.resumed);
                beat(&mut client);
                for _ in 0..3 {
                    let _kept = cut.make(client);
                    client = Client::connect(transport, &server.addresses);
                    welcome = sign_in(&mut client, &bob, &again(&login), &welcome.ticket);
                    assert!(welcome.resumed);
                    beat(&mut client);
                }
            }
        }
    }
}

#[test]
fn who_was_away_while_another_device_logged_in_is_told_of_no_gap_either() {
    let server = Server::start();
    let bob = Person::new("bob");
    let login = browser("b-1");
    let mut client = Client::connect(Transport::Tcp, &server.addresses);
    let welcome = sign_in(&mut client, &bob, &login, b"");
    Cut::Reset.make(client);
    server.awaits_metric("comet_gateway_parked", 1);
    server.client(Transport::Tcp, &bob, Some(&browser("b-2"))).beat();

    let mut client = Client::connect(Transport::Tcp, &server.addresses);
    assert!(sign_in(&mut client, &bob, &again(&login), &welcome.ticket).resumed);
    beat(&mut client);
}
