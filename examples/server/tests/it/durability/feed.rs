//! The deliveries of one connection.

use std::time::{Duration, Instant};

use comet_dtalk::message::{Common, MsgType};
use comet_server_testkit::client::{Client, Next};
use comet_server_testkit::message::Delivered;
use comet_testkit::clock;
use comet_testkit::frame::{DELIVER, Frame, ack};

use super::round::Round;

/// Interval at which a receiver without deliveries looks whether the round is over.
const LOOK: Duration = Duration::from_millis(20);

/// A connection that acknowledges every delivery at once.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) client: Client,
    /// Deliveries in the order of their numbers, from 1.
    deliveries: Vec<Frame>,
    /// The messages among them, without notices.
    pub(super) messages: Vec<Common>,
}

impl Feed {
    pub(super) fn new(client: Client) -> Self {
        Self { client, deliveries: Vec::new(), messages: Vec::new() }
    }

    /// The next frame that is no delivery, the end, or nothing until the deadline. Deliveries
    /// before it are taken; an ack may find the server gone.
    pub(super) fn next(&mut self, deadline: Instant) -> Next {
        loop {
            match self.client.next(deadline) {
                Next::Frame(frame) if frame.op == DELIVER => self.take(frame),
                other => return other,
            }
        }
    }

    /// Takes deliveries until one satisfies the condition. Each comes in time, but there may be
    /// many.
    pub(super) fn until(&mut self, is_it: impl Fn(&Common) -> bool) {
        while !self.messages.last().is_some_and(&is_it) {
            match self.client.next(clock::deadline()) {
                Next::Frame(frame) => self.take(frame),
                other => panic!("a delivery was expected, not {other:?}"),
            }
        }
    }

    /// Takes deliveries until the connection ends, and leaves after `patience` of them; or until
    /// all senders are done, if the server lives on.
    pub(super) fn rest(mut self, patience: usize, round: &Round) -> Self {
        for _ in 0..patience {
            let next = clock::until("a delivery, or the end", || {
                let next = self.client.next(clock::now() + LOOK);
                (next != Next::Nothing || round.is_done()).then_some(next)
            });
            match next {
                Next::Frame(frame) => self.take(frame),
                Next::Ended(how) => {
                    assert!(!round.stays, "the server lives on, and a connection ends: {how:?}");
                    break;
                }
                Next::Nothing => break,
            }
        }
        self
    }

    fn take(&mut self, frame: Frame) {
        let delivery = frame.seq;
        let number = delivery as usize;
        match self.deliveries.get(number.wrapping_sub(1)) {
            Some(first) => assert_eq!(&frame, first, "sent again, it is the same frame"),
            None => {
                assert_eq!(number, self.deliveries.len() + 1, "no number is left out");
                if let Delivered::Message(common) = Delivered::by(&frame)
                    && common.msg_type != MsgType::Notice as i32
                {
                    self.messages.push(*common);
                }
                self.deliveries.push(frame);
            }
        }
        let seq = self.client.next_seq();
        let ack = Frame { seq, ..ack(delivery) };
        // A killed server is detected by reading.
        let _ = self.client.try_send_all(&[ack]);
    }
}
