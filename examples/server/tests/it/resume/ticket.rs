//! Clients of the comet dialect, which resume by ticket.

use comet_dtalk::message::Device;
use comet_server_testkit::client::Transport;
use comet_server_testkit::comet::{connect, sign_in};
use comet_server_testkit::person::{Person, again, browser, device, phone};
use comet_server_testkit::server::Server;

use super::Cut;

#[test]
fn who_comes_back_by_a_ticket_is_told_of_no_gap() {
    for transport in Transport::ALL {
        for cut in Cut::ALL {
            let server = Server::start();
            let bob = Person::new("bob");
            for login in [phone("p-1"), device(Device::Linux, "d-1"), browser("b-1")] {
                let mut client = connect(transport, &server.addresses);
                let mut welcome = sign_in(&mut client, &bob, &login, b"");
                assert!(!welcome.resumed);
                client.beat();
                for _ in 0..3 {
                    let _kept = cut.make(client.client.socket);
                    client = connect(transport, &server.addresses);
                    welcome = sign_in(&mut client, &bob, &again(&login), &welcome.ticket);
                    assert!(welcome.resumed);
                    client.beat();
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
    let mut client = connect(Transport::Tcp, &server.addresses);
    let welcome = sign_in(&mut client, &bob, &login, b"");
    client.reset();
    server.awaits_metric("comet_gateway_parked", 1);
    server.client(Transport::Tcp, &bob, Some(&browser("b-2"))).beat();

    let mut client = connect(Transport::Tcp, &server.addresses);
    assert!(sign_in(&mut client, &bob, &again(&login), &welcome.ticket).resumed);
    client.beat();
}
