//! A gateway without free file descriptors.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::support::client::{Client, Next, Transport};
use crate::support::clock;
use crate::support::frame::{auth, frame};
use crate::support::program::{ANYWHERE, Program};

/// A relay with a limit on open files.
fn relay(files: u32, shards: &str) -> Program {
    let script = format!("ulimit -n {files}; exec \"$0\" \"$@\"");
    let flags = ["--tcp", ANYWHERE, "--ws", ANYWHERE, "--shards", shards];
    let relay = env!("CARGO_BIN_EXE_relay");
    Program::start(Command::new("sh").args(["-c", &script, relay]).args(flags))
}

/// CPU time used by a process, in hundredths of a second.
fn cpu_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name, in parentheses, may contain anything; the times are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn asks(relay: &Program) -> Client {
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

        let (start, before) = (clock::now(), cpu_ticks(relay.pid()));
        let mut seq = 0;
        while clock::now() - start < Duration::from_secs(1) {
            seq += 1;
            inside[0].beat(seq);
            inside[1].hears_nothing_for(Duration::from_millis(50));
        }
        let used = cpu_ticks(relay.pid()) - before;
        assert!(used < 30, "{used} hundredths of a second of one while nothing could be done");

        inside.drain(2..20);
        for client in &mut waiting {
            assert_eq!(client.receive(), frame(2, 1, b""));
            client.beat(2);
        }
        inside.iter_mut().for_each(|client| client.beat(99));
    }
}
