//! A server of one user: numbers, keeps, resends, resumes, and forgets when it is told to.

use std::collections::{BTreeMap, BTreeSet};

use comet_protocol::comet::{
    ClientFrame, Gap, Received, Refusal, Seq, ServerFrame, Welcome, is_auth,
};
use comet_protocol::{Decoder, Frame, Layout};

use crate::world::Rng;

/// How long a delivery may be without an ack, in milliseconds.
const RESEND: u64 = 400;
const WINDOW: u32 = 16;

/// What stands under a number.
#[derive(Clone, Copy)]
enum Slot {
    Body,
    Gone { first: u32, last: u32 },
}

#[derive(Default)]
struct Session {
    slots: Vec<Slot>,
    /// Everything up to this number has arrived.
    up_to: u32,
    /// Numbers beyond it that have arrived.
    beyond: BTreeSet<u32>,
    sent: BTreeMap<u32, u64>,
    accepted: u32,
    first_send: u32,
    /// Messages of which the answer is due at a time, and answers that were given.
    pending: BTreeMap<u32, u64>,
    answers: BTreeMap<u32, ServerFrame>,
}

pub(crate) struct Server {
    session: Option<Session>,
    id: u64,
    epoch: u32,
    decoder: Option<Decoder>,
    open: bool,
    rng: Rng,
    shuffle: bool,
    mislay: bool,
    pub(crate) acks: u64,
    /// Every message that the application was given, by session and number.
    pub(crate) taken: Vec<(u64, u32)>,
}

pub(crate) fn delivery(session: u64, number: u32) -> String {
    format!("delivery {number} of {session}")
}

pub(crate) fn message(number: u32) -> String {
    format!("message {number}")
}

impl Server {
    pub(crate) fn new(rng: Rng, shuffle: bool, mislay: bool) -> Self {
        let (session, decoder, taken) = (None, None, Vec::new());
        Self {
            session,
            id: 0,
            epoch: 0,
            decoder,
            open: false,
            rng,
            shuffle,
            mislay,
            acks: 0,
            taken,
        }
    }

    /// The last number given to a delivery.
    pub(crate) fn published(&self) -> u32 {
        self.session.as_ref().map_or(0, |session| session.last())
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| session.up_to == session.last() && session.pending.is_empty())
    }

    pub(crate) fn forget(&mut self) {
        self.session = None;
        self.open = false;
    }

    pub(crate) fn connected(&mut self) {
        self.decoder = Some(Decoder::new(Layout::Dtalk, 65_536));
        self.open = false;
    }

    pub(crate) fn disconnected(&mut self) {
        self.decoder = None;
        self.open = false;
    }

    pub(crate) fn publish(&mut self) {
        if let Some(session) = &mut self.session {
            session.slots.push(Slot::Body);
        }
    }

    /// Gives up what has not arrived beyond a number that has.
    pub(crate) fn drop_some(&mut self) {
        let Some(session) = &mut self.session else { return };
        let Some(first) = session.missing().next() else {
            return;
        };
        let last = (first + u32::try_from(self.rng.below(4)).unwrap_or(0)).min(session.last());
        for number in first..=last {
            session.slots[number as usize - 1] = Slot::Gone { first, last };
            session.sent.remove(&number);
        }
    }

    /// Reads what came, and writes what is due.
    pub(crate) fn handle(&mut self, now: u64, bytes: &[u8], out: &mut Vec<u8>) {
        let Some(mut decoder) = self.decoder.take() else { return };
        decoder.push(bytes);
        while let Some(frame) = decoder.next_frame().expect("the client keeps the format") {
            self.read(now, &frame, out);
        }
        self.decoder = Some(decoder);
        if self.open {
            self.pump(now, out);
        }
    }

    fn read(&mut self, now: u64, frame: &Frame, out: &mut Vec<u8>) {
        match ClientFrame::decode(frame.head, &frame.body).expect("the client keeps the dialect") {
            ClientFrame::Auth { seq, auth } => {
                assert!(is_auth(frame.head) && !self.open, "one auth, first");
                let resumed = self.session.is_some() && auth.ticket == self.id.to_be_bytes()[..];
                if resumed {
                    self.received(auth.received().expect("checked"));
                } else {
                    self.id += 1;
                    self.epoch = 0;
                    let accepted = auth.first_send().prev().get();
                    self.session = Some(Session { accepted, ..Default::default() });
                }
                self.welcome(seq, resumed, auth.first_send().get(), out);
            }
            ClientFrame::Ack(received) => {
                self.acks += 1;
                self.received(received);
            }
            ClientFrame::Send { seq, answered, body } => {
                self.send(now, seq.get(), answered.get(), body, out);
            }
            ClientFrame::Ping(ping) => ServerFrame::Pong { stamp: ping.stamp }.write(out),
            other => panic!("not expected: {other:?}"),
        }
    }

    fn welcome(&mut self, ack: u32, resumed: bool, first_send: u32, out: &mut Vec<u8>) {
        let Some(session) = &mut self.session else { return };
        self.epoch += 1;
        self.open = true;
        session.sent.clear();
        session.first_send = first_send;
        let welcome = Welcome {
            session: self.id,
            epoch: self.epoch,
            resumed,
            ticket: self.id.to_be_bytes().to_vec().into(),
            accepted: session.accepted,
            heartbeat_ms: 2_000,
            max_body: 65_536,
            send_window: 8,
            deliver_window: WINDOW,
            ..Default::default()
        };
        ServerFrame::Welcome { ack, welcome: Box::new(welcome) }.write(out);
        session.answers.retain(|number, _| *number >= first_send);
        session.answers.values().for_each(|answer| answer.write(out));
    }

    fn received(&mut self, received: Received<'_>) {
        let Some(session) = &mut self.session else { return };
        let last = session.last();
        assert!(received.up_to().get() <= last, "an ack of the future");
        session.up_to = session.up_to.max(received.up_to().get());
        for range in received.ranges() {
            assert!(range.last.get() <= last, "an ack of the future");
            session.beyond.extend(range.first.get()..=range.last.get());
        }
        session.advance();
    }

    fn send(&mut self, now: u64, number: u32, answered: u32, body: &[u8], out: &mut Vec<u8>) {
        let Some(session) = &mut self.session else { return };
        assert!(number <= session.accepted + 1, "{number} after {}", session.accepted);
        assert!(number >= session.first_send && number - answered <= 8, "beyond the window");
        assert_eq!(body, message(number).as_bytes());
        session.answers.retain(|seq, _| *seq > answered);
        if number == session.accepted + 1 {
            session.accepted = number;
            session.pending.insert(number, now + self.rng.below(300));
            self.taken.push((self.id, number));
        } else if let Some(answer) = session.answers.get(&number) {
            answer.write(out);
        }
    }

    fn pump(&mut self, now: u64, out: &mut Vec<u8>) {
        let Some(session) = &mut self.session else { return };
        while let Some((&number, &due)) = session.pending.first_key_value() {
            if due > now {
                break;
            }
            session.pending.remove(&number);
            let answer = answer(number);
            // Now and then an answer is mislaid: the client asks again.
            if !self.mislay || self.rng.below(20) != 0 {
                answer.write(out);
            }
            session.answers.insert(number, answer);
        }
        let mut due = session.due(now);
        if self.shuffle && self.rng.below(3) == 0 {
            due.reverse();
        }
        for number in due {
            session.sent.insert(number, now);
            session.frame(self.id, number).write(out);
        }
    }
}

impl Session {
    fn last(&self) -> u32 {
        u32::try_from(self.slots.len()).expect("few")
    }

    fn advance(&mut self) {
        while self.beyond.remove(&(self.up_to + 1)) {
            self.up_to += 1;
        }
        let up_to = self.up_to;
        self.beyond.retain(|number| *number > up_to);
    }

    fn missing(&self) -> impl Iterator<Item = u32> {
        (self.up_to + 1..=self.last()).filter(|number| !self.beyond.contains(number))
    }

    /// Numbers to be sent now; a gap stands under the first of them that is missing.
    fn due(&self, now: u64) -> Vec<u32> {
        let window = self.missing().take(WINDOW as usize);
        window.filter(|number| self.is_due(*number, now)).collect()
    }

    fn is_due(&self, number: u32, now: u64) -> bool {
        let is_sent = self.sent.get(&number).is_some_and(|at| now < at + RESEND);
        let stands = match self.slots[number as usize - 1] {
            Slot::Body => true,
            Slot::Gone { first, .. } => !self.missing().any(|n| first <= n && n < number),
        };
        stands && !is_sent
    }

    fn frame(&self, id: u64, number: u32) -> ServerFrame {
        match self.slots[number as usize - 1] {
            Slot::Body => {
                ServerFrame::Deliver { seq: Seq::new(number), body: delivery(id, number).into() }
            }
            Slot::Gone { first, last } => {
                let gap = Gap { from: first, ..Default::default() };
                ServerFrame::Gap { to: Seq::new(last), gap }
            }
        }
    }
}

fn answer(number: u32) -> ServerFrame {
    let ack = Seq::new(number);
    if number.is_multiple_of(7) {
        return ServerFrame::Refusal { ack, refusal: Refusal { code: -7, ..Default::default() } };
    }
    ServerFrame::SendReply { ack, body: format!("answer {number}").into() }
}
