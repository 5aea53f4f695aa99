//! The smallest gateway.

use std::process::Command;

use comet_testkit::client::{Next, Transport};
use comet_testkit::clock;
use comet_testkit::frame::{ack, auth, delivery, reply, say};
use comet_testkit::ports::ANYWHERE;

use crate::example::Example;

fn start() -> Example {
    let both = ["--tcp", ANYWHERE, "--ws", ANYWHERE];
    Example::start(Command::new(env!("CARGO_BIN_EXE_echo")).args(both))
}

#[test]
fn every_message_comes_back_acked_and_numbered() {
    let echo = start();
    let (tcp, ws) = (echo.address(Transport::Tcp), echo.address(Transport::WebSocket));
    assert_eq!(echo.line, format!("listening tcp={tcp} ws={ws}"));
    for transport in [Transport::Tcp, Transport::WebSocket] {
        let mut client = echo.client(transport, "alice", "lobby");
        let mut same_user = echo.client(transport, "alice", "lobby");
        for number in 1..=50 {
            client.send(&say(number + 7, number.to_string()));
            let mut frames = client.receive_all(2);
            frames.sort_by_key(|frame| frame.op);
            let expected = [reply(number + 7, b""), delivery(number, number.to_string())];
            assert_eq!(frames, expected);
            client.send(&ack(number));
        }
        same_user.beat(2);
    }
}

#[test]
fn nobody_is_let_in_without_a_name() {
    let echo = start();
    for transport in [Transport::Tcp, Transport::WebSocket] {
        let mut client = echo.connect(transport);
        client.send(&auth(1, "", ""));
        assert_eq!(client.next(clock::deadline()), Next::Ended(transport.goodbye(1008)));
    }
}
