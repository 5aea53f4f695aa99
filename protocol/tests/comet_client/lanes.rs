//! Lanes on streams of their own: order within each, whatever the others do, and across connections
//! with and without them.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use comet_protocol::client::{ClientSession, Config, Event, Link, Time};
use comet_protocol::comet::message::capability;
use comet_protocol::comet::{ClientFrame, Gap, Received, Seq, ServerFrame, Welcome};
use comet_protocol::{Layout, frames_of};
use proptest::prelude::*;

use crate::world::Rng;

/// A server that numbers what is published in three lanes, the client, and streams between them,
/// each with a progress of its own.
struct World {
    now: u64,
    rng: Rng,
    client: ClientSession,
    link: Link,
    /// The lane of each number, from 1.
    lanes: Vec<usize>,
    /// Numbers that stand for what was given up.
    gaps: BTreeSet<u32>,
    acked: BTreeSet<u32>,
    connection: Option<Connection>,
    /// What the client has handed up.
    seen: Vec<u32>,
}

struct Connection {
    has_lanes: bool,
    /// The session's stream last.
    streams: [VecDeque<u8>; 4],
    /// Whole packets that may overtake each other, on a connection without lanes.
    loose: Vec<Vec<u8>>,
    is_welcomed: bool,
}

fn frame(number: u32, is_gap: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let seq = Seq::new(number);
    if is_gap {
        ServerFrame::Gap { to: seq, gap: Gap { count: 3, ..Gap::default() } }.write(&mut bytes);
    } else {
        let body = Bytes::from(format!("number {number}"));
        ServerFrame::Deliver { seq, body }.write(&mut bytes);
    }
    bytes
}

impl World {
    fn new(seed: u64) -> Self {
        let mut config =
            Config { early: 3, backoff: Duration::from_millis(1), ..Config::default() };
        config.auth.capabilities |= capability::LANES;
        let client = ClientSession::new(Time::from_micros(0), config, seed);
        Self {
            now: 0,
            rng: Rng::new(seed),
            client,
            link: Link::default(),
            lanes: Vec::new(),
            gaps: BTreeSet::new(),
            acked: BTreeSet::new(),
            connection: None,
            seen: Vec::new(),
        }
    }

    fn time(&self) -> Time {
        Time::from_micros(self.now * 1_000)
    }

    fn publish(&mut self) {
        let number = u32::try_from(self.lanes.len()).unwrap() + 1;
        self.lanes.push(usize::try_from(self.rng.below(3)).unwrap());
        if self.rng.below(9) == 0 {
            self.gaps.insert(number);
        }
        self.send(number);
    }

    /// Sends a number, for the first time or again.
    fn send(&mut self, number: u32) {
        let bytes = frame(number, self.gaps.contains(&number));
        let lane = self.lanes[number as usize - 1];
        let Some(connection) = self.connection.as_mut().filter(|it| it.is_welcomed) else { return };
        if connection.has_lanes {
            connection.streams[lane].extend(bytes);
        } else {
            connection.loose.push(bytes);
        }
    }

    fn unacked(&self) -> Vec<u32> {
        let all = 1..=u32::try_from(self.lanes.len()).unwrap();
        all.filter(|number| !self.acked.contains(number)).collect()
    }

    fn receive(&mut self, received: Received<'_>) {
        let all = 1..=u32::try_from(self.lanes.len()).unwrap();
        self.acked.extend(all.filter(|number| received.contains(Seq::new(*number))));
    }

    /// What the client wants and writes.
    fn drain(&mut self, has_lanes: bool) {
        let now = self.time();
        if self.client.poll_timeout().is_some_and(|due| due <= now) {
            self.client.handle_timeout(now);
        }
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Connect(link) => self.connect(link, has_lanes),
                Event::Delivery { seq, body } => {
                    assert_eq!(body, format!("number {seq}"));
                    self.see(seq.get());
                }
                Event::Gap { from, to, gap } => {
                    assert_eq!((from, gap.count), (to, 3));
                    assert!(self.gaps.contains(&to.get()));
                    self.see(to.get());
                }
                Event::Disconnect(_) => panic!("the server keeps the dialect"),
                _ => {}
            }
        }
        while let Some(bytes) = self.client.poll_transmit() {
            for packet in frames_of(Layout::Dtalk, &bytes, 65_536).unwrap() {
                match ClientFrame::decode(packet.head, &packet.body).unwrap() {
                    ClientFrame::Auth { auth, .. } => self.welcome(auth.received().unwrap()),
                    ClientFrame::Ack(received) => self.receive(received),
                    _ => {}
                }
            }
        }
    }

    fn see(&mut self, number: u32) {
        assert!(!self.seen.contains(&number), "{number} is handed up again");
        let lane = self.lanes[number as usize - 1];
        let last = self.seen.iter().rev().find(|seen| self.lanes[**seen as usize - 1] == lane);
        assert!(last.is_none_or(|last| *last < number), "{number} after {last:?} in lane {lane}");
        self.seen.push(number);
    }

    fn connect(&mut self, link: Link, has_lanes: bool) {
        self.link = link;
        let (streams, loose) = (Default::default(), Vec::new());
        self.connection = Some(Connection { has_lanes, streams, loose, is_welcomed: false });
        self.client.handle_connected(self.time(), link);
    }

    fn welcome(&mut self, received: Received<'_>) {
        self.receive(received);
        let Some(connection) = &mut self.connection else { return };
        connection.is_welcomed = true;
        let lanes = if connection.has_lanes { capability::LANES } else { 0 };
        let welcome = Welcome {
            resumed: !self.lanes.is_empty(),
            ticket: "t".into(),
            capabilities: capability::RESUME | lanes,
            send_window: 8,
            deliver_window: 256,
            ..Welcome::default()
        };
        let mut bytes = Vec::new();
        ServerFrame::Welcome { ack: 1, welcome: Box::new(welcome) }.write(&mut bytes);
        connection.streams[3].extend(bytes);
        self.unacked().into_iter().for_each(|number| self.send(number));
    }

    /// Some bytes of one stream arrive, and on a connection without lanes one of the packets.
    fn carry(&mut self, is_orderly: bool) {
        let now = self.time();
        let Some(connection) = &mut self.connection else { return };
        let at = usize::try_from(self.rng.below(4)).unwrap();
        let stream = &mut connection.streams[at];
        let count = usize::try_from(self.rng.below(60)).unwrap().min(stream.len());
        let bytes: Vec<u8> = stream.drain(..count).collect();
        if at < 3 {
            return self.client.handle_lane(now, self.link, u8::try_from(at).unwrap(), &bytes);
        }
        self.client.handle_bytes(now, self.link, &bytes);
        let connection = self.connection.as_mut().unwrap();
        if connection.streams[3].is_empty() && !connection.loose.is_empty() {
            let most = if is_orderly { 1 } else { connection.loose.len().min(4) };
            let at = usize::try_from(self.rng.below(most as u64)).unwrap();
            let packet = connection.loose.remove(at);
            self.client.handle_bytes(now, self.link, &packet);
        }
    }

    fn step(&mut self, is_orderly: bool) {
        self.now += 1;
        let has_lanes = !is_orderly && self.rng.below(3) > 0;
        self.drain(has_lanes);
        self.carry(is_orderly);
        self.drain(has_lanes);
    }

    fn cut(&mut self) {
        if self.connection.take().is_some() {
            self.client.handle_disconnected(self.time(), self.link);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn each_lane_is_in_order_and_nothing_comes_twice_or_not_at_all(seed in any::<u64>()) {
        let mut world = World::new(seed);
        for _ in 0..1_500 {
            match world.rng.below(40) {
                0..4 => world.publish(),
                4 => world.cut(),
                // Sent again though it may have come, as after a time-out.
                5 => if let Some(&oldest) = world.unacked().first() { world.send(oldest) },
                _ => {}
            }
            world.step(false);
        }
        world.cut();
        for _ in 0..4_000 {
            world.step(true);
        }
        prop_assert_eq!(world.unacked(), [0_u32; 0]);
        prop_assert_eq!(world.seen.len(), world.lanes.len());
    }
}

/// A session on a connection with lanes, welcomed unless said otherwise.
fn opened(is_welcomed: bool) -> World {
    let mut world = World::new(1);
    world.drain(true);
    if is_welcomed {
        let welcome: Vec<u8> = world.connection.as_mut().unwrap().streams[3].drain(..).collect();
        world.client.handle_bytes(world.time(), world.link, &welcome);
        world.drain(true);
    }
    world.lanes = vec![1, 1, 1, 2, 0];
    world
}

#[test]
fn a_lane_does_not_wait_for_others_and_what_came_is_acked_as_ranges() {
    let mut world = opened(true);
    for (lane, number) in [(0, 5), (2, 4), (1, 1)] {
        world.client.handle_lane(world.time(), world.link, lane, &frame(number, false));
    }
    world.now += 30;
    world.drain(true);
    assert_eq!(world.seen, [5, 4, 1]);
    assert_eq!(world.unacked(), [2, 3]);
    // One is repeated, one closes the hole, and comes again.
    for (lane, number) in [(2, 4), (1, 2), (1, 3), (1, 3)] {
        world.client.handle_lane(world.time(), world.link, lane, &frame(number, false));
    }
    world.drain(true);
    assert_eq!((world.seen.clone(), world.unacked()), (vec![5, 4, 1, 2, 3], vec![]));
}

#[test]
fn what_comes_on_lanes_before_the_welcome_waits_for_it() {
    let mut world = opened(false);
    let early = frame(2, false);
    world.client.handle_lane(world.time(), world.link, 1, &early[..7]);
    world.client.handle_lane(world.time(), world.link, 1, &early[7..]);
    world.drain(true);
    assert_eq!(world.seen, [0_u32; 0]);
    let welcome: Vec<u8> = world.connection.as_mut().unwrap().streams[3].drain(..).collect();
    world.client.handle_bytes(world.time(), world.link, &welcome);
    world.drain(true);
    assert_eq!(world.seen, [2]);
}

#[test]
fn too_much_before_the_welcome_or_nonsense_on_a_lane_ends_the_connection() {
    let config = Config { max_body: 100, ..Config::default() };
    let lanes: [(&[u8], bool); 3] =
        [(&[0; 70_000], false), (&[0xff; 20], true), (b"\0\0\0\x14\0\x14\0\x02\0\0\0\x2c", true)];
    for (bytes, is_welcomed) in lanes {
        let mut world = opened(is_welcomed);
        if !is_welcomed {
            world.client = ClientSession::new(world.time(), config.clone(), 1);
            let Some(Event::Connect(link)) = world.client.poll_event() else { panic!() };
            world.client.handle_connected(world.time(), link);
            world.link = link;
        }
        world.client.handle_lane(world.time(), world.link, 0, bytes);
        world.client.handle_lane(world.time(), world.link, 0, &[0; 8]);
        let ended = std::iter::from_fn(|| world.client.poll_event());
        assert!(ended.into_iter().any(|event| event == Event::Disconnect(world.link)));
    }
}

#[test]
fn lanes_that_are_not_known_are_ignored() {
    let mut world = opened(true);
    world.client.handle_lane(world.time(), world.link, 3, &[0xff; 50]);
    world.client.handle_lane(world.time(), world.link, 200, &[0xff; 50]);
    world.client.handle_lane(world.time(), world.link, 0, &frame(1, false));
    world.drain(true);
    assert_eq!(world.seen, [1]);
}

#[test]
fn a_connection_that_takes_over_keeps_its_lanes_until_its_welcome() {
    let mut world = opened(true);
    let older = world.link;
    world.client.handle_lane(world.time(), older, 1, &frame(1, false));
    let newer = world.client.switch(world.time()).expect("a second connection");
    world.client.handle_connected(world.time(), newer);
    assert!(world.client.poll_transmit_on(newer).is_some(), "its auth");
    // By the older one, after the auth of the newer one, which therefore has it again.
    world.client.handle_lane(world.time(), older, 1, &frame(2, false));
    let again = [frame(2, false), frame(3, false)].concat();
    world.client.handle_lane(world.time(), newer, 1, &again[..25]);
    world.client.handle_lane(world.time(), newer, 1, &again[25..]);
    world.client.handle_lane(world.time(), newer, 2, &frame(4, false));
    let capabilities = capability::RESUME | capability::LANES;
    let welcome = Welcome { resumed: true, ticket: "u".into(), capabilities, ..Welcome::default() };
    let mut bytes = Vec::new();
    ServerFrame::Welcome { ack: 2, welcome: Box::new(welcome) }.write(&mut bytes);
    world.client.handle_bytes(world.time(), newer, &bytes);
    world.client.handle_lane(world.time(), older, 0, &frame(5, false));
    let handed_up =
        std::iter::from_fn(|| world.client.poll_event()).filter_map(|event| match event {
            Event::Delivery { seq, .. } => Some(seq.get()),
            _ => None,
        });
    assert_eq!(handed_up.collect::<Vec<_>>(), [1, 2, 3, 4], "5 came too late on the older one");
}

#[test]
fn a_connection_that_is_to_take_over_and_brings_too_much_is_given_up() {
    let mut world = opened(true);
    let newer = world.client.switch(world.time()).expect("a second connection");
    world.client.handle_connected(world.time(), newer);
    world.client.handle_lane(world.time(), newer, 0, &vec![0; (1 << 20) + 70_000]);
    assert_eq!(world.client.poll_event(), Some(Event::Disconnect(newer)));
}
