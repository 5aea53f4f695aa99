//! The client, the server, and what lies between.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use comet_protocol::client::{ClientSession, Config, Event, Link, Time};

use crate::server::{Server, delivery, message};

/// Numbers drawn from a seed.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit.max(1)
    }

    fn up_to(&mut self, most: usize) -> usize {
        usize::try_from(self.below(most as u64 + 1)).expect("no more than a usize")
    }
}

/// What goes wrong.
pub(crate) struct Faults {
    /// The chance of a cut in a millisecond is one in this; 0 for never.
    pub(crate) cut: u64,
    /// Of this many cuts the server forgets the session at one; 0 for never.
    pub(crate) forget: u64,
    /// Deliveries overtake each other.
    pub(crate) shuffle: bool,
}

/// One connection: bytes under way, and until when the client does not know that it is cut.
struct Pipe {
    link: Link,
    to_server: VecDeque<(u64, Vec<u8>)>,
    to_client: VecDeque<(u64, Vec<u8>)>,
    cut: bool,
    told_at: Option<u64>,
}

pub(crate) struct World {
    now: u64,
    rng: Rng,
    faults: Faults,
    client: ClientSession,
    pub(crate) server: Server,
    pipe: Option<Pipe>,
    connecting: Option<(u64, Link)>,
    connects: u64,
    session: u64,
    next: u32,
    sent: u32,
    answered: BTreeSet<u32>,
    /// New sessions that the client was told of.
    pub(crate) opened: u64,
    pub(crate) deliveries: u64,
    pub(crate) answers: u64,
}

impl World {
    pub(crate) fn new(seed: u64, faults: Faults) -> Self {
        let config =
            Config { outbox: 20, early: 6, retry: Duration::from_secs(3), ..Config::default() };
        let server = Server::new(Rng(seed ^ 1), faults.shuffle, faults.cut > 0);
        Self {
            now: 0,
            rng: Rng(seed),
            client: ClientSession::new(Time::from_micros(0), config, seed),
            server,
            faults,
            pipe: None,
            connecting: None,
            connects: 0,
            session: 0,
            next: 1,
            sent: 0,
            answered: BTreeSet::new(),
            opened: 0,
            deliveries: 0,
            answers: 0,
        }
    }

    pub(crate) fn reconnects(&self) -> u64 {
        self.connects - 1
    }

    /// Messages that the application of one session was given twice.
    fn repeats_seen_by_application(&self) -> usize {
        let once: BTreeSet<_> = self.server.taken.iter().collect();
        self.server.taken.len() - once.len()
    }

    /// Traffic and faults for so many milliseconds.
    pub(crate) fn run(&mut self, millis: u64) {
        let end = self.now + millis;
        while self.now < end {
            if self.rng.below(15) == 0 {
                self.server.publish();
            }
            if self.rng.below(800) == 0 {
                self.server.drop_some();
            }
            if self.rng.below(40) == 0 {
                self.send();
            }
            if self.faults.cut > 0 && self.rng.below(self.faults.cut) == 0 {
                self.cut();
            }
            self.step();
        }
    }

    /// Peace, until everything has come to its end.
    pub(crate) fn settle(&mut self, millis: u64) {
        let end = self.now + millis;
        while !self.is_settled() {
            assert!(self.now < end, "not settled: {:?}", self.client);
            self.step();
        }
        assert_eq!(self.next, self.server.published() + 1, "every delivery was handed up");
        assert_eq!(self.answered.len(), self.sent as usize, "every message was answered");
        let taken: BTreeSet<u32> = self.server.taken.iter().map(|(_, number)| *number).collect();
        assert!((1..=self.sent).all(|number| taken.contains(&number)));
        assert_eq!(self.repeats_seen_by_application(), 0);
    }

    fn is_settled(&self) -> bool {
        let all_answered = self.answered.len() == self.sent as usize;
        self.pipe.is_some() && all_answered && self.server.is_settled()
    }

    fn send(&mut self) {
        let body = message(self.sent + 1);
        if let Ok(seq) = self.client.send(Time::from_micros(self.now * 1_000), body) {
            self.sent += 1;
            assert_eq!(seq.get(), self.sent);
        } else {
            assert!(self.sent as usize - self.answered.len() >= 1, "full of nothing");
        }
    }

    /// Some of the bytes under way still arrive; the client may learn of it late, or never.
    fn cut(&mut self) {
        let told_at = (self.rng.below(4) != 0).then(|| self.now + self.rng.below(3_000));
        let Some(pipe) = self.pipe.as_mut().filter(|pipe| !pipe.cut) else { return };
        for way in [&mut pipe.to_client, &mut pipe.to_server] {
            let keep = self.rng.up_to(way.len());
            way.truncate(keep);
            if let Some((_, bytes)) = way.back_mut() {
                bytes.truncate(self.rng.up_to(bytes.len()));
            }
        }
        (pipe.cut, pipe.told_at) = (true, told_at);
        if self.faults.forget > 0 && self.rng.below(self.faults.forget) == 0 {
            self.server.forget();
        }
    }

    fn step(&mut self) {
        self.now += 1;
        let now = Time::from_micros(self.now * 1_000);
        if self.client.poll_timeout().is_some_and(|due| due <= now) {
            self.client.handle_timeout(now);
        }
        self.connect(now);
        self.carry(now);
        self.drain(now);
    }

    fn connect(&mut self, now: Time) {
        let Some((_, link)) = self.connecting.take_if(|(due, _)| *due <= self.now) else { return };
        // The first attempt succeeds: the waits after refusals may be longer than all else.
        if self.faults.cut > 0 && self.connects > 0 && self.rng.below(4) == 0 {
            return self.client.handle_disconnected(now, link);
        }
        self.connects += 1;
        let (to_server, to_client) = (VecDeque::new(), VecDeque::new());
        self.pipe = Some(Pipe { link, to_server, to_client, cut: false, told_at: None });
        self.server.connected();
        self.client.handle_connected(now, link);
        // Said twice, and a word about an older connection: neither changes anything.
        self.client.handle_connected(now, link);
        self.client.handle_disconnected(now, Link::default());
    }

    fn carry(&mut self, now: Time) {
        let Some(pipe) = &mut self.pipe else { return };
        let mut up = Vec::new();
        while let Some((_, bytes)) = pipe.to_server.pop_front_if(|(due, _)| *due <= self.now) {
            up.extend(bytes);
        }
        let mut down = Vec::new();
        self.server.handle(self.now, &up, &mut down);
        if !down.is_empty() && !pipe.cut {
            pipe.to_client.push_back((self.now + 5, down));
        }
        while let Some((_, bytes)) = pipe.to_client.pop_front_if(|(due, _)| *due <= self.now) {
            let piece = 1 + self.rng.up_to(200);
            for piece in bytes.chunks(piece) {
                self.client.handle_bytes(now, pipe.link, piece);
            }
        }
        if pipe.told_at.is_some_and(|at| at <= self.now) {
            let link = pipe.link;
            self.close(link);
            self.client.handle_disconnected(now, link);
        }
    }

    fn close(&mut self, link: Link) {
        if self.pipe.take_if(|pipe| pipe.link == link).is_some() {
            self.server.disconnected();
        }
    }

    fn drain(&mut self, now: Time) {
        while let Some(bytes) = self.client.poll_transmit() {
            if let Some(pipe) = self.pipe.as_mut().filter(|pipe| !pipe.cut) {
                pipe.to_server.push_back((self.now + 5, bytes.to_vec()));
            }
        }
        while let Some(event) = self.client.poll_event() {
            self.check(event);
        }
        let due = self.client.poll_timeout();
        assert!(due.is_none_or(|due| due > now), "{due:?} is due after everything was polled");
    }

    fn check(&mut self, event: Event) {
        match event {
            Event::Connect(link) => {
                assert!(self.pipe.is_none() && self.connecting.is_none(), "one at a time");
                self.connecting = Some((self.now + self.rng.below(50), link));
            }
            Event::Disconnect(link) => self.close(link),
            Event::Waiting { until } => assert!(until.as_micros() > self.now * 1_000),
            Event::Opened { resumed, welcome } => {
                assert_eq!(resumed, welcome.session == self.session);
                if !resumed {
                    (self.session, self.next) = (welcome.session, 1);
                    self.opened += 1;
                }
            }
            Event::Delivery { seq, body } => {
                assert_eq!(seq.get(), self.next, "in order and once");
                assert_eq!(body, delivery(self.session, self.next));
                self.deliveries += 1;
                self.next += 1;
            }
            Event::Gap { from, to, .. } => {
                assert_eq!(from.get(), self.next, "gaps have their place in the order");
                self.next = to.get() + 1;
            }
            Event::Replied { seq, body } => {
                assert_eq!(body, Bytes::from(format!("answer {seq}")));
                self.answer(seq.get());
            }
            Event::Refused { seq, refusal } => {
                assert_eq!((seq.get() % 7, refusal.code), (0, -7));
                self.answer(seq.get());
            }
            other => panic!("not expected: {other:?}"),
        }
    }

    fn answer(&mut self, number: u32) {
        assert!(self.answered.insert(number), "{number} was answered before");
        self.answers += 1;
    }
}
