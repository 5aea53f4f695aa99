//! Login: acceptance and refusal, the reply, and other frames around it.

use comet_dtalk::clock::unix_ms;
use comet_dtalk::message::{Device, Login, SignalEndpointLogin, SignalType};
use comet_server_testkit::client::{Client, Ending, Transport, auth};
use comet_server_testkit::message::to_user;
use comet_server_testkit::person::{Person, again, browser, device, phone};
use comet_server_testkit::server::{Addresses, Server};
use comet_testkit::frame::{AUTH_REPLY, DISCONNECT, Frame, HEARTBEAT, SEND, auth_of, frame};
use comet_testkit::protobuf::{field, hex, varint};
use prost::Message as _;

/// The token of the specification: validly signed, in 2023.
const OLD_TOKEN: &str = "qfHNnWgK+h8yR92iInyHdVeBokdYruKnzfs0+HsLKpxWnxNtfk6fg4xqYyssil5oSX9He5gHzET\
                         67JNso/KxlwA=#1700000000123*dtalk#03bb253699df1eeb18285e431c3ad9e2e4ab6ea7\
                         52f920636a6aaa1bc6048d1c9a";

/// The user whose key the specification gives.
fn alice() -> Person {
    Person::new("dtalk acceptance test key 1")
}

#[test]
fn the_specified_auth_frame_is_answered_by_the_specified_bytes() {
    let server = Server::start();
    for transport in Transport::ALL {
        let mut client = Client::connect(transport, &server.addresses);
        let head = hex("000000e5 0014 0001 00000001 00000001 00000000 0a05 6474616c6b 12af01");
        let login = hex("1a16 08051205616c6963652a03752d3132064368726f6d65");
        let bytes = [head, alice().token().into_bytes(), login].concat();
        client.send(&Frame::decode(&bytes));
        let reply = client.receive().encode();
        assert_eq!(reply, hex("0000001400140001000000020000000100000000"));
    }
}

#[test]
fn tokens_are_good_from_ten_minutes_ahead_to_two_minutes_behind() {
    let server = Server::start();
    for age_ms in [-590_000, 0, 120_000] {
        let mut client = Client::connect(Transport::Tcp, &server.addresses);
        client.send(&auth(0, &alice().token_of_age(age_ms), None));
        assert_eq!(client.receive(), frame(AUTH_REPLY, 0, ""), "{age_ms}");
    }
    let mut client = Client::connect(Transport::Tcp, &server.addresses);
    client.send(&auth(7, &alice().token_without_text(), None));
    assert_eq!(client.receive(), frame(AUTH_REPLY, 7, ""), "as the desktop signs");
}

#[test]
fn whoever_has_no_good_token_is_closed_without_a_word() {
    let server = Server::start();
    let expired = alice().token_of_age(126_000);
    let early = alice().token_of_age(-610_000);
    let forged = {
        let (mine, others) = (alice().token(), Person::new("mallory").token());
        let signature = others.split('#').next().expect("a signature");
        mine.replacen(mine.split('#').next().expect("a signature"), signature, 1)
    };
    for token in [&expired, &early, &forged, OLD_TOKEN, "MOCK", "MOCK2", ""] {
        for transport in Transport::ALL {
            let mut client = Client::connect(transport, &server.addresses);
            client.send(&auth(1, token, Some(&phone("p-1"))));
            assert_eq!(client.ends(), silently(transport), "{token}");
        }
    }
}

#[test]
fn another_application_is_closed_without_a_word() {
    let server = Server::start();
    for app in ["mock", "echo", ""] {
        let mut client = Client::connect(Transport::Tcp, &server.addresses);
        client.send(&auth_of(app, 1, &alice().token(), ""));
        assert_eq!(client.ends(), Ending::Fin, "{app}");
    }
}

#[test]
fn the_other_devices_learn_of_a_login_and_the_new_one_hears_only_its_reply() {
    let server = Server::start();
    let before = unix_ms();
    let mut first = server.client(Transport::WebSocket, &alice(), Some(&browser("b-1")));
    let mut without_device = server.client(Transport::Tcp, &alice(), None);
    let mut second = server.client(Transport::Tcp, &alice(), Some(&device(Device::Ios, "p-1")));
    second.beat();
    for other in [&mut first, &mut without_device] {
        let signal: SignalEndpointLogin = other.takes(1).signal(SignalType::EndpointLogin);
        assert!((before..=unix_ms()).contains(&signal.datetime));
        let expected = SignalEndpointLogin {
            uuid: "p-1".into(),
            device: Device::Ios as i32,
            device_name: "name of p-1".into(),
            datetime: signal.datetime,
        };
        assert_eq!(signal, expected);
        other.beat();
    }
}

#[test]
fn a_phone_that_reconnects_by_itself_gives_way_to_a_newer_one() {
    let server = Server::start();
    let (old, new) = (phone("old"), device(Device::Ios, "new"));
    for transport in Transport::ALL {
        drop(server.client(transport, &alice(), Some(&old)));
        drop(server.client(transport, &alice(), Some(&new)));

        let mut client = Client::connect(transport, &server.addresses);
        client.send(&auth(5, &alice().token(), Some(&again(&old))));
        let refusal = client.receive();
        let newer = SignalEndpointLogin::decode(&*refusal.body).expect("a device");
        let expected = [
            field(1, b"new"),
            vec![0x10, 1],
            field(3, b"name of new"),
            [&[0x20][..], &varint(newer.datetime)].concat(),
        ];
        assert_eq!(refusal, frame(AUTH_REPLY, 5, expected.concat()));

        // The user forces the login, on the same connection.
        client.send(&auth(6, &alice().token(), Some(&old)));
        assert_eq!(client.receive(), frame(AUTH_REPLY, 6, ""));
        client.beat();
    }
}

#[test]
fn the_newest_phone_and_every_desktop_may_reconnect() {
    let server = Server::start();
    let newest = phone("newest");
    drop(server.client(Transport::Tcp, &alice(), Some(&phone("old"))));
    drop(server.client(Transport::Tcp, &alice(), Some(&newest)));
    let may = |login: &Login| {
        let mut client = server.client(Transport::Tcp, &alice(), Some(&again(login)));
        client.beat();
    };
    may(&newest);
    for kind in [Device::Windows, Device::Linux, Device::MacOs, Device::Web] {
        may(&device(kind, "never seen"));
    }
}

#[test]
fn a_phone_that_was_refused_five_times_is_closed() {
    let server = Server::start();
    drop(server.client(Transport::Tcp, &alice(), Some(&phone("new"))));
    let mut client = Client::connect(Transport::Tcp, &server.addresses);
    for seq in 1..=5 {
        client.send(&auth(seq, &alice().token(), Some(&again(&phone("old")))));
        let refusal = client.receive();
        assert_eq!((refusal.op, refusal.seq, refusal.body.is_empty()), (AUTH_REPLY, seq, false));
    }
    assert_eq!(client.ends(), Ending::Fin);
}

#[test]
fn a_second_auth_with_a_good_token_is_answered_and_changes_nothing() {
    let server = Server::start();
    let bob = Person::new("bob");
    for transport in Transport::ALL {
        let carol = Person::new(&format!("carol over {transport:?}"));
        let mut client = server.client(transport, &carol, Some(&browser("b-1")));
        let msg_id = format!("first, {transport:?}");
        let log_id = client.ask(&to_user(&bob.uid, &msg_id, "1")).log_id;
        assert_eq!(client.takes(1).message().log_id, log_id);
        // The same token, and a new one.
        for token in [carol.token_of_age(60_000), carol.token()] {
            client.send(&auth(70, &token, Some(&browser("b-1"))));
            assert_eq!(client.receive(), frame(AUTH_REPLY, 70, ""));
        }
        let log_id = client.ask(&to_user(&bob.uid, &format!("second, {transport:?}"), "2")).log_id;
        assert_eq!(client.takes(2).message().log_id, log_id, "numbers go on");
    }
    let logins = |outcome| server.metric(&format!("comet_logins_total{{outcome=\"{outcome}\"}}"));
    assert_eq!((logins("accepted"), logins("renewed")), (3, 6));
}

#[test]
fn a_second_auth_is_neither_announced_nor_registered() {
    let server = Server::start();
    let mut page = server.client(Transport::WebSocket, &alice(), Some(&browser("b-1")));
    let mut old = server.client(Transport::Tcp, &alice(), Some(&phone("old")));
    let mut new = server.client(Transport::Tcp, &alice(), Some(&phone("new")));
    old.receive();
    old.send(&auth(7, &alice().token(), Some(&phone("old"))));
    assert_eq!(old.receive(), frame(AUTH_REPLY, 7, ""));
    new.beat();
    for (seq, login) in [(1, "old"), (2, "new")] {
        let signal: SignalEndpointLogin = page.takes(seq).signal(SignalType::EndpointLogin);
        assert_eq!(signal.uuid, login);
    }
    page.beat();
    // The phone that logged in last is still the one that may reconnect by itself.
    drop(server.client(Transport::Tcp, &alice(), Some(&again(&phone("new")))));
}

#[test]
fn a_second_auth_that_proves_something_else_closes_the_connection() {
    let server = Server::start();
    let bob = Person::new("bob");
    let login = browser("b-1");
    let cases = [
        ("MOCK".to_owned(), &login),
        (alice().token_of_age(126_000), &login),
        (bob.token(), &login),
        (alice().token(), &browser("b-2")),
    ];
    for transport in Transport::ALL {
        for (token, login) in &cases {
            let mut client = server.client(transport, &alice(), Some(&browser("b-1")));
            client.send(&auth(70, token, Some(login)));
            assert_eq!(client.ends(), silently(transport), "{token}");
        }
    }
    assert_eq!(server.metric("comet_gateway_closed_total{reason=\"not_renewed\"}"), 12);
    assert_eq!(server.metric("comet_gateway_sessions"), 0);
}

#[test]
fn what_comes_before_auth_is_ignored() {
    let server = Server::start();
    for transport in Transport::ALL {
        let mut client = Client::connect(transport, &server.addresses);
        for op in [HEARTBEAT, SEND, 10, 99] {
            client.send(&frame(op, 1, ""));
        }
        client.sign_in(&alice(), None);
        client.beat();
    }
}

#[test]
fn the_heartbeat_is_answered_by_the_specified_bytes() {
    let server = Server::start();
    for transport in Transport::ALL {
        let mut client = server.client(transport, &alice(), None);
        client.send(&Frame::decode(&hex("0000001400140001000000030000000700000000")));
        let reply = client.receive().encode();
        assert_eq!(reply, hex("000000180014000100000004000000070000000000000000"));
    }
}

#[test]
fn unknown_ops_are_never_echoed() {
    let server = Server::start();
    for transport in Transport::ALL {
        let mut client = server.client(transport, &alice(), None);
        for op in [0, 2, 4, 6, 8, 9, 11, 12, 13, 14, 15, 16, 20, 23, 1000, u32::MAX] {
            client.send(&frame(op, 1, "anything"));
        }
        client.beat();
    }
}

#[test]
fn whoever_says_goodbye_is_closed() {
    let server = Server::start();
    for transport in Transport::ALL {
        let mut client = server.client(transport, &alice(), None);
        client.send(&Frame::decode(&hex("0000001400140001000000050000000500000000")));
        let expected = match transport {
            Transport::Tcp => Ending::Fin,
            Transport::WebSocket | Transport::HttpPort => Ending::Close(Some(1000)),
        };
        assert_eq!(client.ends(), expected);
        assert_eq!(DISCONNECT, 5);
    }
}

/// Invalid lengths in a head never make the server wait for more.
#[test]
fn impossible_heads_are_closed() {
    let server = Server::start();
    let heads = [
        ("00000013 0014 0001 00000003 00000001 00000000", 1002),
        ("ffffffff 0014 0001 00000003 00000001 00000000", 1002),
        ("00004015 0014 0001 00000003 00000001 00000000", 1009),
        ("00000014 0015 0001 00000003 00000001 00000000", 1002),
        ("00000014 0010 0001 00000003 00000001 00000000", 1002),
    ];
    for (head, code) in heads {
        is_closed_after(&server.addresses, &hex(head), code);
    }
}

fn is_closed_after(addresses: &Addresses, bytes: &[u8], code: u16) {
    for transport in Transport::ALL {
        let mut client = Client::signed_in(transport, addresses, &alice(), None);
        let expected = match transport {
            Transport::Tcp => Ending::Fin,
            Transport::WebSocket | Transport::HttpPort => Ending::Close(Some(code)),
        };
        client.send_bytes(bytes);
        assert_eq!(client.ends(), expected, "{bytes:02x?} over {transport:?}");
    }
}

/// The end of a connection of a refused peer: on WebSocket, with a close frame.
fn silently(transport: Transport) -> Ending {
    match transport {
        Transport::Tcp => Ending::Fin,
        Transport::WebSocket | Transport::HttpPort => Ending::Close(Some(1008)),
    }
}
