//! Writes continuously, also while the server is down.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use comet_dtalk::message::Common;
use parking_lot::RwLock;

use crate::support::client::{Client, Next, Transport};
use crate::support::clock;
use crate::support::common::{ack_in, body_of, to_user};
use crate::support::frame::{SEND, SEND_REPLY, ack, frame};
use crate::support::person::Person;
use crate::support::server::Addresses;

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
    client.try_send(&[frame(SEND, seq, body_of(common))]).ok()?;
    loop {
        match client.next(clock::deadline()) {
            Next::Frame(next) if next.op == SEND_REPLY => return Some(ack_in(&next.body).log_id),
            Next::Frame(echo) => {
                let ack = ack(client.next_seq(), echo.seq);
                client.try_send(&[ack]).ok()?;
            }
            Next::Ended(_) => return None,
            Next::Nothing => panic!("no answer"),
        }
    }
}
