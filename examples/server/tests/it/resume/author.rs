//! Writes continuously, also while the server is down.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use comet_dtalk::message::Common;
use comet_server_testkit::client::{Client, Next, Transport};
use comet_server_testkit::message::{ack_in, body_of, to_user};
use comet_server_testkit::person::Person;
use comet_server_testkit::server::Addresses;
use comet_testkit::clock;
use comet_testkit::frame::{Frame, SEND, SEND_REPLY, ack, frame};
use parking_lot::RwLock;

/// Interval between an answer and the next message.
const PAUSE: Duration = Duration::from_millis(5);

/// Writes to `target` until told to stop. Every message is repeated until it is answered, and sent
/// only after the previous one is answered. Returns their ids as answered.
pub(super) fn write_on(at: &RwLock<Addresses>, target: &str, stop: &AtomicBool) -> Vec<i64> {
    let person = Person::new("alice");
    let mut log_ids = Vec::new();
    let mut known = *at.read();
    let mut client = Client::signed_in(Transport::Tcp, &known, &person, None);
    while !stop.load(Ordering::Acquire) {
        let common = to_user(target, &format!("m-{}", log_ids.len()), "hi");
        log_ids.push(loop {
            if let Some(log_id) = answer(&mut client, &common) {
                break log_id;
            }
            // It has been killed, and will soon have another address.
            clock::eventually("the server is back", || at.read().tcp != known.tcp);
            known = *at.read();
            client = Client::signed_in(Transport::Tcp, &known, &person, None);
        });
        std::thread::park_timeout(PAUSE);
    }
    log_ids
}

fn answer(client: &mut Client, common: &Common) -> Option<i64> {
    let seq = client.next_seq();
    client.try_send_all(&[frame(SEND, seq, body_of(common))]).ok()?;
    loop {
        match client.next(clock::deadline()) {
            Next::Frame(next) if next.op == SEND_REPLY => return Some(ack_in(&next.body).log_id),
            Next::Frame(echo) => {
                let ack = Frame { seq: client.next_seq(), ..ack(echo.seq) };
                client.try_send_all(&[ack]).ok()?;
            }
            Next::Ended(_) => return None,
            Next::Nothing => panic!("no answer"),
        }
    }
}
