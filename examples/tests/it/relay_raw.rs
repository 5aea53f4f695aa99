//! The relay for products with their own format: the path selects the handling of messages.

use comet_testkit::client::{Client, Transport};
use comet_testkit::socket::Socket;
use comet_testkit::websocket::{
    self, BINARY, CLOSE, CONTINUATION, FIN, TEXT, WsFrame, masked, request, response, status,
};

use crate::example::Example;

fn relays(scenario: impl Fn(&Example)) {
    for shards in ["1", "2"] {
        for delivery in ["acked", "best-effort"] {
            let flags = ["--dialect", "raw", "--shards", shards, "--delivery", delivery];
            scenario(&Example::relay(&flags));
        }
    }
}

fn connect(relay: &Example, path: &str) -> Client {
    let socket = websocket::upgrade(relay.address(Transport::WebSocket), path);
    Client::over(Transport::WebSocket, socket)
}

fn message(opcode: u8, payload: &[u8]) -> WsFrame {
    WsFrame { first: FIN | opcode, payload: payload.to_vec() }
}

#[test]
fn a_room_is_a_path_and_its_members_get_messages_unchanged_and_with_their_type() {
    relays(|relay| {
        let mut members: Vec<Client> = (0..4).map(|_| connect(relay, "/room/lobby")).collect();
        let mut other = connect(relay, "/room/lobby2");
        let said = [(TEXT, "h\u{e9}llo".as_bytes()), (BINARY, &[0, 255, 128]), (TEXT, b"")];
        for (number, (opcode, payload)) in said.into_iter().enumerate() {
            members[number].socket.write(masked(FIN | opcode, payload));
            for member in &mut members {
                assert_eq!(member.receive_ws(), message(opcode, payload));
            }
        }
        other.socket.write(masked(FIN | CLOSE, &1000u16.to_be_bytes()));
        assert_eq!(other.receive_ws(), message(CLOSE, &1000u16.to_be_bytes()));
    });
}

#[test]
fn an_echo_goes_to_its_sender_alone() {
    relays(|relay| {
        let mut one = connect(relay, "/echo");
        let mut two = connect(relay, "/echo");
        for round in 0..100u8 {
            one.socket.write(masked(FIN | BINARY, &[1, round]));
            two.socket.write(masked(FIN | TEXT, b"two"));
            assert_eq!(one.receive_ws(), message(BINARY, &[1, round]));
            assert_eq!(two.receive_ws(), message(TEXT, b"two"));
        }
        let pieces = [masked(TEXT, b"in "), masked(FIN | CONTINUATION, b"pieces")];
        one.socket.write(pieces.concat());
        assert_eq!(one.receive_ws(), message(TEXT, b"in pieces"));
    });
}

#[test]
fn other_paths_are_refused() {
    relays(|relay| {
        for path in ["/", "/room/", "/room", "/echo/", "/sub"] {
            let mut socket = Socket::connect(relay.address(Transport::WebSocket));
            socket.write(request(path, ""));
            assert_eq!(status(&response(&mut socket)), 403, "{path}");
        }
    });
}
