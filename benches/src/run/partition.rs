//! Partition of a layout among the threads of a run.
//!
//! Sessions go to the threads in turn. Sessions that no others may disturb, if there are any, have
//! the first thread to themselves.

use std::sync::Arc;

use super::publishers::ThreadTraffic;
use super::sender::{Publisher, Sender};
use crate::account::Roster;
use crate::dialect::Dialect;
use crate::driver::{Identity, Route, Time};
use crate::plan::{Layout, Plan, Traffic};

/// The sessions of each thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partition {
    all: usize,
    threads: usize,
    /// Sessions that have the first thread to themselves; 0 if it is like any other.
    apart: usize,
}

/// A session that has yet to connect.
#[derive(Debug)]
pub(super) struct SessionSpec {
    pub(super) identity: Identity,
    pub(super) reads: Vec<usize>,
    /// It stops reading for a part of the run.
    pub(super) stalls: bool,
}

/// The sessions of a worker before they connect, and the ways that they take.
#[derive(Debug)]
pub(super) struct SessionSpecs {
    pub(super) all: Vec<SessionSpec>,
    pub(super) dialect: Dialect,
    pub(super) routes: Arc<[Route]>,
    /// The same with small buffers, for sessions that stop reading.
    pub(super) narrow: Arc<[Route]>,
    pub(super) seed: u64,
}

impl SessionSpecs {
    /// Adds a session to those that connect.
    pub(super) fn connect(&self, now: Time, session: usize, sender: &mut Sender) {
        let spec = &self.all[session];
        let routes = if spec.stalls { &self.narrow } else { &self.routes };
        let seed = self.seed.wrapping_add(session as u64);
        sender.driver.add(self.dialect, spec.identity.clone(), Arc::clone(routes), seed);
        sender.audience.add(now, &spec.reads);
    }
}

impl Partition {
    /// A partition of sessions among threads.
    pub(super) const fn new(all: usize, threads: usize, apart: usize) -> Self {
        Self { all, threads, apart: if threads > 1 { apart } else { 0 } }
    }

    /// The partition of a plan.
    pub(super) fn of(plan: &Plan) -> Self {
        Self::new(
            plan.sessions,
            plan.threads,
            plan.disturbances.storm.map_or(0, |storm| storm.stay),
        )
    }

    /// Whether a thread must not get in the way of the first.
    pub(super) const fn is_behind(&self, thread: usize) -> bool {
        self.apart > 0 && thread > 0
    }

    /// The thread of a session, and its number there.
    pub(super) const fn seat(&self, session: usize) -> (usize, usize) {
        match session.checked_sub(self.apart) {
            None => (0, session),
            Some(rest) if self.apart > 0 => {
                let others = self.threads - 1;
                (1 + rest % others, rest / others)
            }
            Some(rest) => (rest % self.threads, rest / self.threads),
        }
    }

    /// The sessions of a thread, in the order of their numbers there.
    pub(super) fn sessions(&self, thread: usize) -> impl Iterator<Item = usize> {
        let (first, end, step) = match (self.apart, thread) {
            (0, thread) => (thread, self.all, self.threads),
            (apart, 0) => (0, apart, 1),
            (apart, thread) => (apart + thread - 1, self.all, self.threads - 1),
        };
        (first..end).step_by(step)
    }

    /// The number of sessions of the threads before this one.
    pub(super) fn before(&self, thread: usize) -> usize {
        (0..thread).map(|before| self.sessions(before).count()).sum()
    }

    /// The number of a thread's sessions among the first ones of all.
    pub(super) fn among_first(&self, thread: usize, first: usize) -> usize {
        self.sessions(thread).take_while(|session| *session < first).count()
    }

    /// The sessions of a thread, as they will connect.
    pub(super) fn specs(
        &self,
        layout: &Layout,
        roster: &Roster,
        thread: usize,
    ) -> Vec<SessionSpec> {
        let spec = |session: usize| {
            let member = &layout.members[session];
            let identity = Identity::new(member.user.clone(), member.joins.iter().cloned());
            // Messages of friends come to the user's own address, beside those of groups.
            let (inbox, account) = (member.reads.len() > member.joins.len(), roster.of(session));
            let identity = Identity { inbox, account, ..identity };
            SessionSpec { identity, reads: member.reads.clone(), stalls: member.stalls }
        };
        self.sessions(thread).map(spec).collect()
    }

    /// The thread of each stream's publisher.
    pub(super) fn owners(&self, layout: &Layout) -> Vec<usize> {
        let mut owners = vec![0; layout.streams() as usize];
        for source in layout.traffic.iter().flat_map(|traffic| &traffic.sources) {
            owners[source.stream as usize] = self.seat(source.session).0;
        }
        owners
    }

    /// The number of a thread's sessions that read each stream.
    pub(super) fn readers(&self, layout: &Layout, thread: usize) -> Vec<u32> {
        let mut readers = vec![0; layout.streams() as usize];
        for session in self.sessions(thread) {
            for room in &layout.members[session].reads {
                let room = &layout.rooms[*room];
                let streams = room.first as usize..(room.first + room.streams) as usize;
                readers[streams].iter_mut().for_each(|readers| *readers += 1);
            }
        }
        readers
    }

    /// Publishers of a thread, by kind of traffic.
    pub(super) fn lanes(&self, layout: &Layout, thread: usize) -> Vec<ThreadTraffic> {
        let of_kind = |traffic: &Traffic| {
            let own = traffic.sources.iter().filter_map(|source| {
                let (of, session) = self.seat(source.session);
                let (stream, to) = (source.stream, source.to.clone());
                (of == thread).then_some(Publisher { session, stream, to })
            });
            let publishers: Vec<Publisher> = own.collect();
            let all = traffic.sources.len();
            // Threads take turns: this one after those before it that have publishers.
            let before = traffic.sources.iter().filter(|it| self.seat(it.session).0 < thread);
            let (part, phase) = (share(publishers.len(), all), share(before.count(), all));
            ThreadTraffic::new(traffic.share * part, phase, publishers, traffic.pick)
        };
        layout.traffic.iter().map(of_kind).filter(|lane| !lane.publishers.is_empty()).collect()
    }
}

/// The least receive buffer; the kernel doubles it.
const NARROW: usize = 4 << 10;

/// The same ways with receive buffers that are soon full without a reader, but take a message.
pub(super) fn narrow(routes: &[Route], size: usize) -> Arc<[Route]> {
    let bytes = NARROW.max(size.saturating_mul(2));
    routes.iter().map(|route| route.clone().buffering(bytes)).collect()
}

/// A part of a whole; nothing of nothing.
pub(super) fn share(part: usize, of: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "there are far fewer sessions than 2^53")]
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Destination;
    use crate::plan::{Pick, Room, Source};

    /// Shares of two threads in a room in which these of four sessions publish.
    fn said(sessions: &[usize]) -> Vec<Vec<(f64, f64)>> {
        let sources =
            sessions.iter().map(|&session| Source { session, stream: 0, to: Destination::Rooms });
        let traffic = Traffic { share: 1.0, sources: sources.collect(), pick: Pick::InTurn };
        let layout = Layout { rooms: Vec::new(), members: Vec::new(), traffic: vec![traffic] };
        let lanes = |thread| Partition::new(4, 2, 0).lanes(&layout, thread);
        let of = |thread| lanes(thread).iter().map(|lane| (lane.share, lane.phase)).collect();
        [0, 1].map(of).to_vec()
    }

    #[test]
    fn threads_share_what_is_said_and_take_turns() {
        assert_eq!(said(&[0, 1, 2, 3]), [[(0.5, 0.0)], [(0.5, 0.5)]]);
        assert_eq!(said(&[1]), [vec![], vec![(1.0, 0.0)]], "who is alone waits for nobody");
        assert_eq!([0, 1, 2].map(|thread| Partition::new(7, 3, 2).before(thread)), [0, 2, 5]);
    }

    #[test]
    fn a_stream_belongs_to_the_thread_of_its_publisher() {
        let source = |session, stream| Source { session, stream, to: Destination::Rooms };
        let sources = vec![source(3, 0), source(2, 1)];
        let traffic = Traffic { share: 1.0, sources, pick: Pick::InTurn };
        let room = Room { first: 0, streams: 2, readers: 4 };
        let layout = Layout { rooms: vec![room], members: Vec::new(), traffic: vec![traffic] };
        assert_eq!(Partition::new(4, 2, 0).owners(&layout), [1, 0]);
    }

    fn partitioned(partition: Partition) -> Vec<Vec<usize>> {
        let partitioned: Vec<Vec<usize>> =
            (0..partition.threads).map(|thread| partition.sessions(thread).collect()).collect();
        for (thread, sessions) in partitioned.iter().enumerate() {
            for (number, session) in sessions.iter().enumerate() {
                assert_eq!(partition.seat(*session), (thread, number), "{partition:?}");
            }
        }
        partitioned
    }

    #[test]
    fn sessions_are_dealt_like_cards_and_those_apart_have_a_thread_to_themselves() {
        assert_eq!(partitioned(Partition::new(5, 2, 0)), [vec![0, 2, 4], vec![1, 3]]);
        assert_eq!(partitioned(Partition::new(7, 3, 2)), [vec![0, 1], vec![2, 4, 6], vec![3, 5]]);
        assert_eq!(partitioned(Partition::new(4, 1, 2)), [vec![0, 1, 2, 3]]);
    }

    #[test]
    fn the_first_of_all_are_the_first_of_each_thread() {
        let count = |partition: Partition| [0, 1].map(|thread| partition.among_first(thread, 3));
        assert_eq!(count(Partition::new(8, 2, 0)), [2, 1]);
        assert_eq!(count(Partition::new(8, 2, 3)), [3, 0]);
        let behind = |partition: Partition| [0, 1].map(|thread| partition.is_behind(thread));
        assert_eq!(behind(Partition::new(8, 2, 3)), [false, true]);
        assert_eq!(behind(Partition::new(8, 2, 0)), [false, false]);
    }
}
