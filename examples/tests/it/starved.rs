//! A gateway without free file descriptors.

use std::process::Command;
use std::time::Duration;

use comet_testkit::client::{Client, Next, Transport};
use comet_testkit::frame::{auth, frame};
use comet_testkit::ports::ANYWHERE;
use comet_testkit::{clock, usage};

use crate::example::Example;

/// A relay with a limit on open files.
fn relay(files: u32, shards: &str) -> Example {
    let script = format!("ulimit -n {files}; exec \"$0\" \"$@\"");
    let flags = ["--tcp", ANYWHERE, "--ws", ANYWHERE, "--shards", shards];
    let relay = env!("CARGO_BIN_EXE_relay");
    Example::start(Command::new("sh").args(["-c", &script, relay]).args(flags))
}

fn asks(relay: &Example) -> Client {
    let mut client = relay.connect(Transport::Tcp);
    client.send(&auth(1, "somebody", ""));
    client
}

#[test]
fn whoever_waits_for_a_descriptor_is_let_in_when_there_is_one_and_nothing_spins_till_then() {
    for shards in ["1", "2"] {
        let relay = relay(64, shards);
        let (mut inside, mut waiting) = (Vec::new(), Vec::new());
        while waiting.len() < 8 {
            assert!(inside.len() < 80, "more sessions than descriptors");
            let mut client = asks(&relay);
            match client.next(clock::now() + Duration::from_millis(300)) {
                Next::Frame(answer) => {
                    assert_eq!(answer, frame(2, 1, b""));
                    inside.push(client);
                }
                Next::Nothing => waiting.push(client),
                Next::Ended(ending) => panic!("{ending:?} with {} inside", inside.len()),
            }
        }
        assert!(inside.len() > 30, "{} inside", inside.len());

        let used = || usage::cpu(relay.id()).unwrap();
        let (start, before) = (clock::now(), used());
        let mut seq = 0;
        while clock::now() - start < Duration::from_secs(1) {
            seq += 1;
            inside[0].beat(seq);
            inside[1].hears_nothing_for(Duration::from_millis(50));
        }
        let used = used() - before;
        assert!(used < Duration::from_millis(300), "{used:?} of a second without anything to do");

        inside.drain(2..20);
        for client in &mut waiting {
            assert_eq!(client.receive(), frame(2, 1, b""));
            client.beat(2);
        }
        inside.iter_mut().for_each(|client| client.beat(99));
    }
}
