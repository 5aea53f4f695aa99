//! What comes beside the stream of a connection: lanes, and datagrams.

use super::arrived::Arrived;
use super::endpoint::Endpoint;
use super::pipe::Pipe;
use crate::random::Random;

const MILLIS: u64 = 1_000;

/// Lanes and datagrams of one connection, on their way to the client.
#[derive(Debug)]
pub(super) struct Side {
    lanes: [Lane; 3],
    datagrams: Vec<(u64, Vec<u8>)>,
    latency: u64,
    /// Percentage of datagrams that are lost, and that come twice.
    lost: u64,
    repeated: u64,
}

#[derive(Debug)]
struct Lane {
    pipe: Pipe,
    /// Its first byte has come, which is not there: it tells the lane.
    reads: bool,
}

impl Side {
    pub(super) fn new(latency: u64, random: &mut Random) -> Self {
        let mut lane = || Lane { pipe: Pipe::new(latency, random.below(latency)), reads: true };
        let lanes = [lane(), lane(), lane()];
        let lost = random.choose(&[0, 5, 40]);
        let repeated = random.choose(&[0, 20]);
        Self { lanes, datagrams: Vec::new(), latency, lost, repeated }
    }

    /// Takes what the gateway has written, up to so many bytes of each lane. Whether there was any.
    pub(super) fn collect(
        &mut self,
        now: u64,
        endpoint: &mut Endpoint,
        max: usize,
        random: &mut Random,
    ) -> bool {
        let mut any = false;
        for (at, lane) in self.lanes.iter_mut().enumerate().filter(|(_, lane)| lane.reads) {
            let mut bytes = Vec::new();
            any |= endpoint.read_lane(at, &mut bytes, max) > 0;
            lane.pipe.send(now, bytes, random);
        }
        for datagram in endpoint.take_datagrams() {
            let copies = 1 + u64::from(random.percent(self.repeated));
            for _ in 0..if random.percent(self.lost) { 0 } else { copies } {
                let most = random.choose(&[1, 20, 300]) * MILLIS;
                let due = now + self.latency + random.below(most);
                self.datagrams.push((due, datagram.clone()));
            }
        }
        any
    }

    /// Time of the next arrival.
    pub(super) fn next(&self) -> Option<u64> {
        let lanes = self.lanes.iter().filter_map(|lane| lane.pipe.next());
        lanes.chain(self.datagrams.iter().map(|(due, _)| *due)).min()
    }

    /// What has arrived, the lanes in any order.
    pub(super) fn pop(&mut self, now: u64, random: &mut Random, out: &mut Vec<Arrived>) {
        let first = random.index(3);
        for at in (0..3).map(|at| (first + at) % 3) {
            while let Some(bytes) = self.lanes[at].pipe.pop(now) {
                out.push(Arrived::Lane(u8::try_from(at).unwrap_or(0), bytes));
            }
        }
        self.datagrams.sort_by_key(|(due, _)| *due);
        let arrived = self.datagrams.partition_point(|(due, _)| *due <= now);
        out.extend(self.datagrams.drain(..arrived).map(|(_, bytes)| Arrived::Datagram(bytes)));
    }

    /// Whether everything that was written to lanes has arrived.
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.pipe.next().is_none())
    }

    pub(super) fn clear(&mut self) {
        self.lanes.iter_mut().for_each(|lane| lane.pipe.clear());
        self.datagrams.clear();
    }

    pub(super) fn cut(&mut self, random: &mut Random) {
        self.lanes.iter_mut().for_each(|lane| lane.pipe.cut(random));
        let keep = random.index(self.datagrams.len() + 1);
        self.datagrams.truncate(keep);
    }

    /// Delays some of the lanes until a time.
    pub(super) fn hold(&mut self, until: u64, random: &mut Random) {
        for lane in self.lanes.iter_mut().filter(|_| random.percent(50)) {
            lane.pipe.hold(until);
        }
    }

    /// One lane is read no more.
    pub(super) fn stop_one(&mut self, random: &mut Random) {
        self.lanes[random.index(3)].reads = false;
    }

    pub(super) fn heal(&mut self) {
        for lane in &mut self.lanes {
            lane.pipe.release();
            lane.reads = true;
        }
        (self.lost, self.repeated) = (0, 0);
    }
}
