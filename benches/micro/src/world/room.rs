//! A room with many members.

use comet::simulation::Endpoint;
use comet::{Class, Delivery};

use super::{PeerDialect, World};

/// A room whose members read deliveries at no cost.
#[derive(Debug)]
pub struct BusyRoom {
    world: World,
    count: usize,
    members: Vec<Endpoint>,
    dialect: PeerDialect,
    delivery: Delivery,
    /// Deliveries to each member.
    sent: u32,
    /// Deliveries acknowledged by each member.
    acked: u32,
    /// Messages from each member.
    messages: u32,
}

const ROOM: &str = "room";

impl BusyRoom {
    /// A room with this many members, and a body of this many bytes to publish: acked, or at best
    /// effort for any other class.
    #[must_use]
    pub fn new(dialect: PeerDialect, class: Class, members: usize, body: usize) -> Self {
        Self::within(World::new(), dialect, class, members, vec![b'x'; body])
    }

    /// The same in a gateway of its own, with this body.
    #[must_use]
    pub fn within(
        mut world: World,
        dialect: PeerDialect,
        class: Class,
        members: usize,
        body: Vec<u8>,
    ) -> Self {
        let mut join = |number| {
            let mut end = world.connect(dialect, &format!("user-{number}"), ROOM);
            end.discard();
            world.run_until_idle();
            end
        };
        let count = members;
        let members = (0..count).map(&mut join).collect();
        let delivery = match class {
            Class::Acked => Delivery::acked(body),
            _ => Delivery::best_effort(body),
        };
        Self { world, count, members, dialect, delivery, sent: 0, acked: 0, messages: 0 }
    }

    /// Number of members.
    #[must_use]
    pub const fn members(&self) -> usize {
        self.count
    }

    /// Drops the clients' ends: no member sends anything from now on.
    pub fn stop_sending(&mut self) {
        self.members.clear();
    }

    /// Publishes, and turns until written to all members.
    pub fn publish(&mut self) {
        self.publish_batch(1);
    }

    /// Publishes this many times within one turn, and turns until written to all members.
    pub fn publish_batch(&mut self, count: u32) {
        self.sent += count;
        for _ in 0..count {
            let taken = self.world.gateway().publish(ROOM, self.delivery.clone());
            debug_assert!(taken.is_ok(), "{taken:?}");
        }
        self.run_until_idle();
    }

    /// Writes all members' acks of all deliveries; [`run_until_idle`](Self::run_until_idle) makes
    /// the gateway read them.
    pub fn acknowledge(&mut self) {
        let acks = self.dialect.acks(self.acked + 1..=self.sent);
        self.acked = self.sent;
        self.write_from_all(&acks);
    }

    /// Writes a message from every member.
    pub fn send_messages(&mut self, body: &[u8]) {
        self.messages += 1;
        self.write_from_all(&self.dialect.message(self.messages, body));
    }

    fn write_from_all(&mut self, bytes: &[u8]) {
        for member in &mut self.members {
            let taken = member.write(bytes);
            debug_assert_eq!(taken, bytes.len(), "the wire has room");
        }
    }

    /// Turns until the gateway is idle.
    pub fn run_until_idle(&mut self) {
        self.world.run_until_idle();
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

    const ALL: [PeerDialect; 5] = [
        PeerDialect::Raw,
        PeerDialect::Goim,
        PeerDialect::Dtalk,
        PeerDialect::DtalkTcp,
        PeerDialect::Comet,
    ];

    #[test]
    fn every_member_is_sent_every_publish() {
        for dialect in ALL {
            let mut room = BusyRoom::new(dialect, Class::BestEffort, 7, 100);
            let before = room.stats().bytes_out;
            (0..3).for_each(|_| room.publish());
            let stats = room.stats();
            assert_eq!((stats.sessions, stats.deliveries), (7, 21), "{dialect:?}");
            assert!(stats.bytes_out - before > 21 * 100, "{dialect:?}");
        }
    }

    #[test]
    fn acks_are_heard_where_there_are_any() {
        for (dialect, acks) in
            [(PeerDialect::Dtalk, 21), (PeerDialect::DtalkTcp, 21), (PeerDialect::Comet, 21)]
        {
            let mut room = BusyRoom::new(dialect, Class::Acked, 7, 100);
            room.publish();
            room.publish_batch(2);
            assert_eq!(room.stats().acks, 0);
            room.acknowledge();
            room.run_until_idle();
            let stats = room.stats();
            assert_eq!((stats.acks, stats.stray_acks), (acks, 0), "{dialect:?}");
        }
    }

    #[test]
    fn messages_are_heard() {
        for dialect in ALL {
            let mut room = BusyRoom::new(dialect, Class::BestEffort, 3, 100);
            room.send_messages(b"hello");
            room.run_until_idle();
            assert_eq!(room.stats().messages, 3, "{dialect:?}");
        }
    }
}
