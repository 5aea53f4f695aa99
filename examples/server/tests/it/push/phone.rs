//! A phone as a process of its own, so that it can be frozen as its system would.

use std::env;
use std::process::Command;

use comet_dtalk::message::Device;
use comet_server_testkit::client::{Client, Next, Transport, auth};
use comet_server_testkit::person::Person;
use comet_server_testkit::server::Server;
use comet_testkit::clock::deadline;
use comet_testkit::frame::{AUTH_REPLY, DELIVER};
use comet_testkit::program::{Program, Signal};
use comet_testkit::socket::Socket;

use super::reachable;

/// Variable with the address to which the phone connects.
const TCP: &str = "PHONE_TCP";
/// Variable with the name of its user.
const USER: &str = "PHONE_USER";

/// A phone that acknowledges everything at once.
pub(super) struct PhoneProcess(Program);

impl PhoneProcess {
    /// Starts one, which has a session then.
    pub(super) fn start(server: &Server, user: &str) -> Self {
        let mut command = Command::new(env::current_exe().expect("the path of the test"));
        command.args(["push::phone::phone", "--exact", "--ignored", "--nocapture"]);
        command.env(TCP, server.addresses.tcp.to_string()).env(USER, user);
        let program = Program::start(&mut command);
        let is_ready = |line: &str| line.ends_with("has a session").then_some(());
        assert!(program.line(is_ready).is_some(), "a session of {user}");
        Self(program)
    }

    /// SIGSTOP
    pub(super) fn freeze(&self) {
        self.0.signal(Signal::STOP);
    }

    /// SIGCONT
    pub(super) fn thaw(&self) {
        self.0.signal(Signal::CONT);
    }
}

#[test]
#[ignore = "a program that other tests start"]
fn phone() {
    let address = env::var(TCP).expect("an address").parse().expect("an address");
    let user = env::var(USER).expect("a user");
    let person = Person::new(&user);
    let mut client = Client::over(Transport::Tcp, Socket::connect(address));
    let seq = client.next_seq();
    let login = reachable(Device::Android, &format!("phone of {user}"));
    client.send(&auth(seq, &person.token(), Some(&login)));
    assert_eq!(client.receive().op, AUTH_REPLY);
    println!("{user} has a session");
    // Until it is killed.
    loop {
        match client.next(deadline()) {
            Next::Frame(frame) if frame.op == DELIVER && frame.seq > 0 => client.ack(frame.seq),
            Next::Frame(_) | Next::Nothing => {}
            Next::Ended(_) => return,
        }
    }
}
