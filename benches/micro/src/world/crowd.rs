//! A room with many members.

use comet::Delivery;
use comet::simulation::Endpoint;

use super::{Speech, World};

/// Delivery class of a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Promise {
    /// Best effort: no guarantee.
    BestEffort,
    /// Acked: sent again until acknowledged.
    Acked,
}

/// One room; its members read deliveries at no cost.
#[derive(Debug)]
pub struct Crowd {
    world: World,
    count: usize,
    members: Vec<Endpoint>,
    speech: Speech,
    delivery: Delivery,
    /// Deliveries to each member.
    sent: u32,
    /// Deliveries acknowledged by each member.
    acked: u32,
    /// Messages from each member.
    spoken: u32,
}

const ROOM: &str = "room";

impl Crowd {
    /// A room with this many members, and a body of this many bytes to publish.
    #[must_use]
    pub fn new(speech: Speech, promise: Promise, members: usize, body: usize) -> Self {
        let mut world = World::new();
        let mut join = |number| {
            let mut end = world.knock(speech, &format!("user-{number}"), ROOM);
            end.discard();
            world.settle();
            end
        };
        let count = members;
        let members = (0..count).map(&mut join).collect();
        let body = vec![b'x'; body];
        let delivery = match promise {
            Promise::BestEffort => Delivery::best_effort(body),
            Promise::Acked => Delivery::acked(body),
        };
        Self { world, count, members, speech, delivery, sent: 0, acked: 0, spoken: 0 }
    }

    /// Number of members.
    #[must_use]
    pub const fn members(&self) -> usize {
        self.count
    }

    /// Drops the clients' ends: no member sends anything from now on.
    pub fn hush(&mut self) {
        self.members.clear();
    }

    /// Publishes, and turns until written to all members.
    pub fn publish(&mut self) {
        self.publish_run(1);
    }

    /// Publishes this many times within one turn, and turns until written to all members.
    pub fn publish_run(&mut self, count: u32) {
        self.sent += count;
        for _ in 0..count {
            let taken = self.world.gateway().publish(ROOM, self.delivery.clone());
            debug_assert!(taken.is_ok(), "{taken:?}");
        }
        self.settle();
    }

    /// Writes all members' acks of all deliveries; [`settle`](Self::settle) makes the gateway read
    /// them.
    pub fn acknowledge(&mut self) {
        let acks = self.speech.acks(self.acked + 1..=self.sent);
        self.acked = self.sent;
        self.say(&acks);
    }

    /// Writes a message from every member.
    pub fn speak(&mut self, body: &[u8]) {
        self.spoken += 1;
        self.say(&self.speech.message(self.spoken, body));
    }

    fn say(&mut self, bytes: &[u8]) {
        for member in &mut self.members {
            let taken = member.write(bytes);
            debug_assert_eq!(taken, bytes.len(), "the wire has room");
        }
    }

    /// Turns until the gateway is idle.
    pub fn settle(&mut self) {
        self.world.settle();
    }

    /// Counters of the gateway.
    #[must_use]
    pub fn stats(&self) -> comet::Stats {
        self.world.gateway().stats()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Speech; 5] =
        [Speech::Raw, Speech::Goim, Speech::Dtalk, Speech::DtalkTcp, Speech::Comet];

    #[test]
    fn every_member_is_sent_every_publish() {
        for speech in ALL {
            let mut crowd = Crowd::new(speech, Promise::BestEffort, 7, 100);
            let before = crowd.stats().bytes_out;
            (0..3).for_each(|_| crowd.publish());
            let stats = crowd.stats();
            assert_eq!((stats.sessions, stats.deliveries), (7, 21), "{speech:?}");
            assert!(stats.bytes_out - before > 21 * 100, "{speech:?}");
        }
    }

    #[test]
    fn acks_are_heard_where_there_are_any() {
        for (speech, acks) in [(Speech::Dtalk, 21), (Speech::DtalkTcp, 21), (Speech::Comet, 21)] {
            let mut crowd = Crowd::new(speech, Promise::Acked, 7, 100);
            crowd.publish();
            crowd.publish_run(2);
            assert_eq!(crowd.stats().acks, 0);
            crowd.acknowledge();
            crowd.settle();
            let stats = crowd.stats();
            assert_eq!((stats.acks, stats.stray_acks), (acks, 0), "{speech:?}");
        }
    }

    #[test]
    fn messages_are_heard() {
        for speech in ALL {
            let mut crowd = Crowd::new(speech, Promise::BestEffort, 3, 100);
            crowd.speak(b"hello");
            crowd.settle();
            assert_eq!(crowd.stats().messages, 3, "{speech:?}");
        }
    }
}
