//! The chat behind axum: one port for the page and the sessions, and an end that includes both.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use comet_testkit::client::{Client, Ending, Transport};
use comet_testkit::ports::ANYWHERE;
use comet_testkit::program::Signal;
use comet_testkit::websocket::{self, FIN, TEXT, masked};

use crate::example::Example;

fn say(client: &mut Client, json: &str) {
    client.socket.write(masked(FIN | TEXT, json.as_bytes()));
}

fn hear(client: &mut Client) -> String {
    String::from_utf8(client.receive_ws().payload).expect("text").replace(' ', "")
}

#[test]
fn a_chat_shares_the_port_of_its_page_and_ends_with_it() {
    let program = Example::start(Command::new(env!("CARGO_BIN_EXE_axum-chat")).arg(ANYWHERE));
    let address = program.line.strip_prefix("http://").expect("an URL");
    let address: SocketAddr = address.parse().expect("an address");

    let mut page = TcpStream::connect(address).unwrap();
    page.write_all(b"GET / HTTP/1.1\r\nHost: chat.test\r\nConnection: close\r\n\r\n").unwrap();
    let mut html = String::new();
    page.read_to_string(&mut html).unwrap();
    assert!(html.starts_with("HTTP/1.1 200") && html.contains("new WebSocket("), "{html}");

    let connect = |user: &str| {
        let socket = websocket::upgrade(address, "/chat");
        let mut client = Client::over(Transport::WebSocket, socket);
        say(&mut client, &format!(r#"{{"t":"connect","token":"{user}"}}"#));
        assert!(hear(&mut client).contains(r#""t":"connected""#));
        client
    };
    let (mut alice, mut bob) = (connect("alice"), connect("bob"));
    say(&mut alice, r#"{"t":"publish","id":1,"text":"hi"}"#);
    let delivered = r#"{"t":"deliver","seq":1,"room":"lobby","text":"alice:hi"}"#;
    assert_eq!(hear(&mut bob), delivered);
    let mut heard = [hear(&mut alice), hear(&mut alice)];
    heard.sort();
    assert_eq!(heard, [r#"{"id":1,"t":"ok"}"#, delivered]);

    for client in [&mut alice, &mut bob] {
        say(client, r#"{"t":"ack","seq":1}"#);
    }
    program.signal(Signal::INT);
    for client in [&mut alice, &mut bob] {
        let bye = hear(client);
        assert!(bye.contains(r#""t":"bye""#), "{bye}");
        assert_eq!(client.ending(), Ending::Close(Some(1001)));
    }
    assert!(program.ended().success());
}
