//! A session and a client on a virtual clock, joined by a seeded lossy link.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::delivery::Transmit;

/// Message to the client: a delivery's seq and the number in its body.
type Down = (u32, u32);

/// A link that loses, duplicates and delays messages by seeded draws, so that it also reorders.
struct Link<T> {
    in_transit: BTreeMap<(Time, u64), T>,
    random: u64,
    count: u64,
}

impl<T: Clone> Link<T> {
    fn new(seed: u64) -> Self {
        Self { in_transit: BTreeMap::new(), random: seed | 1, count: 0 }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    fn send(&mut self, now: Time, thing: T) {
        let copies = match self.draw(10) {
            0 | 1 => 0,
            2 => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let delay = Duration::from_millis(1 + self.draw(900));
            self.count += 1;
            self.in_transit.insert((now + delay, self.count), thing.clone());
        }
    }

    fn next_arrival(&self) -> Option<Time> {
        self.in_transit.keys().next().map(|(at, _)| *at)
    }

    fn receive(&mut self, now: Time) -> Option<T> {
        let entry = self.in_transit.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}

struct Pair {
    session: Session,
    limits: Limits,
    now: Time,
    down: Link<Down>,
    up: Link<u32>,
    /// Deliveries received by the client, by seq.
    received: BTreeMap<u32, u32>,
}

impl Pair {
    fn new(seed: u64) -> Self {
        // A very lossy link may be silent for long, which is not under test here.
        let patient = Duration::from_secs(24 * 3_600);
        let config = Config::default()
            .delivery(|it| {
                it.window = 4;
                it.attempts = 40;
            })
            .ping(|it| it.idle_timeout = patient);
        Self {
            session: open_session(),
            limits: Limits::new(&config),
            now: at(10),
            down: Link::new(seed),
            up: Link::new(seed.rotate_left(32) ^ 0x5bd1_e995),
            received: BTreeMap::new(),
        }
    }

    fn push(&mut self, number: u32) {
        let body = number.to_be_bytes().to_vec();
        if let Some(seq) = push(&mut self.session, self.now, body, &self.limits) {
            self.down.send(self.now, (seq, number));
        }
    }

    fn transmit(&mut self, transmit: &Transmit) {
        let body = &transmit.item.as_delivery().unwrap().body;
        let number = u32::from_be_bytes(body[..].try_into().unwrap());
        self.down.send(self.now, (transmit.seq.get(), number));
    }

    /// Advances to the next event; false when there is none.
    fn step(&mut self) -> bool {
        if self.session.is_settled() && self.up.next_arrival().is_none() {
            return false;
        }
        let timer = Some(self.session.poll_timeout(self.now, &self.limits));
        let next = [self.down.next_arrival(), self.up.next_arrival(), timer].into_iter().flatten();
        self.now = next.min().unwrap().max(self.now);
        while let Some((seq, number)) = self.down.receive(self.now) {
            let before = self.received.insert(seq, number);
            assert!(before.is_none_or(|before| before == number), "a seq stands for one message");
            self.up.send(self.now, seq);
        }
        while let Some(seq) = self.up.receive(self.now) {
            self.session.state_mut().heard(self.now);
            let action = self.session.ack(self.now, seq);
            assert!(matches!(action, Action::Acked { .. } | Action::StrayAck));
        }
        match self.session.handle_timeout(self.now, false, &self.limits) {
            Timeout::Resend => {
                while let Some(again) =
                    self.session.owed_mut().poll_resend(self.now, &self.limits.window)
                {
                    self.transmit(&again);
                }
            }
            Timeout::Nothing | Timeout::Ping => {}
            end => panic!("{end:?}"),
        }
        while let Some(next) = self.session.poll_transmit(self.now, &self.limits) {
            self.transmit(&next);
        }
        true
    }
}

proptest! {
    #[test]
    fn everything_pushed_arrives_in_order_without_holes(seed: u64, count in 1u32..60) {
        let mut pair = Pair::new(seed);
        (0..count).for_each(|number| pair.push(number));
        let mut steps = 0;
        while pair.step() {
            steps += 1;
            prop_assert!(steps < 100_000, "still not settled at {:?}", pair.now);
        }
        let numbers: Vec<u32> = pair.received.values().copied().collect();
        prop_assert_eq!(numbers, (0..count).collect::<Vec<_>>());
        let seqs: Vec<u32> = pair.received.keys().copied().collect();
        prop_assert_eq!(seqs, (1..=count).collect::<Vec<_>>());
    }
}
