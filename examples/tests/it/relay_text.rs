//! The relay for simple pages: JSON over WebSocket.

use comet_testkit::client::{Client, Transport};
use comet_testkit::websocket::{self, FIN, TEXT, masked};

use crate::example::Example;

fn say(client: &mut Client, json: &str) {
    client.socket.write(masked(FIN | TEXT, json.as_bytes()));
}

/// The next message, without the spaces before numbers.
fn hear(client: &mut Client) -> String {
    String::from_utf8(client.receive_ws().payload).expect("text").replace(' ', "")
}

#[test]
fn pages_join_rooms_and_publish_to_them_beside_clients_of_other_dialects() {
    for delivery in ["acked", "best-effort"] {
        let relay = Example::relay(&["--dialect", "text", "--delivery", delivery]);
        let connect = |user: &str, ext: &str| {
            let address = relay.address(Transport::WebSocket);
            let mut client =
                Client::over(Transport::WebSocket, websocket::upgrade(address, "/sub"));
            say(&mut client, &format!(r#"{{"t":"connect","token":"{user}","ext":"{ext}"}}"#));
            assert!(hear(&mut client).contains(r#""t":"connected""#));
            client
        };
        let (mut alice, mut bob) = (connect("alice", "lobby"), connect("bob", ""));
        say(&mut bob, r#"{"t":"join","room":"lobby","id":1}"#);
        assert_eq!(hear(&mut bob), r#"{"id":1,"t":"ok"}"#);
        let mut dtalk = relay.client(Transport::Tcp, "carol", "lobby");
        say(&mut bob, r#"{"t":"publish","id":2,"room":"lobby","text":"hi"}"#);
        let seq = if delivery == "acked" { 1 } else { 0 };
        let delivered = format!(r#"{{"t":"deliver","seq":{seq},"room":"lobby","text":"hi"}}"#);
        assert_eq!(hear(&mut alice), delivered);
        let mut heard = [hear(&mut bob), hear(&mut bob)];
        heard.sort();
        assert_eq!(heard, [r#"{"id":2,"t":"ok"}"#.to_owned(), delivered]);
        dtalk.takes(seq, b"hi");
        say(&mut bob, r#"{"t":"leave","room":"lobby","id":3}"#);
        assert_eq!(hear(&mut bob), r#"{"id":3,"t":"ok"}"#);
        say(&mut bob, r#"{"t":"publish","id":4,"room":"lobby","text":"hi"}"#);
        assert_eq!(hear(&mut bob), r#"{"code":1000,"id":4,"t":"error","text":"refused"}"#);
    }
}
