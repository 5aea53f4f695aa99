//! What clients in the comet dialect do and print: two users chat in a room, one of them is cut,
//! misses a message, and comes back with its ticket.

use std::process::Command;

use comet_testkit::ports::ANYWHERE;

use crate::secured::Secured;

/// Flags of the relay, which listens everywhere.
const FLAGS: [&str; 11] = [
    "--ws",
    ANYWHERE,
    "--wss",
    ANYWHERE,
    "--quic",
    ANYWHERE,
    "--deflate",
    "--resume-ttl",
    "60",
    "--shards",
    "2",
];

const BEFORE: &str = "\
alice is in, resumed: false
bob is in, resumed: false
alice heard 1 hello
bob heard 1 hello
alice is cut
bob heard 2 where are you
alice is in, resumed: true
alice heard 2 where are you
";

const MOVING: &str = "\
alice came by early data: true
alice heard 3 moving
bob heard 3 moving
alice has moved
alice heard 4 here again
bob heard 4 here again
";

const AFTER: &str = "\
alice heard 3 here again
bob heard 3 here again
";

/// Runs a client, whose arguments are an address and a certificate, against a listener.
pub(super) fn check_chat(client: &mut Command, listener: &str) {
    plays(client, listener, AFTER);
}

/// The same for a client that moves to another address when it has come back.
pub(super) fn check_moving_chat(client: &mut Command, listener: &str) {
    plays(client, listener, MOVING);
}

fn plays(client: &mut Command, listener: &str, after: &str) {
    let relay = Secured::relay(&FLAGS);
    client.arg(relay.at(listener).to_string()).arg(relay.certificate());
    let output = client.output().expect("a client");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), [BEFORE, after].concat(), "{errors}");
    assert!(output.status.success(), "{errors}");
}
