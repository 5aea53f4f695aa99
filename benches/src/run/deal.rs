//! What each thread of a run has of the layout.
//!
//! Sessions are dealt out like cards. Those of whom nobody else may get in the way, if there are
//! any, have the first thread to themselves.

use std::sync::Arc;

use super::desk::{Desk, Voice};
use super::talk::Lane;
use crate::account::Roster;
use crate::dialect::Dialect;
use crate::driver::{Identity, Route, Time};
use crate::plan::{Layout, Plan, Traffic};

/// Which thread has which sessions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deal {
    all: usize,
    threads: usize,
    /// How many have the first thread to themselves; 0 if it is as good as any.
    apart: usize,
}

/// A session that has yet to connect.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) identity: Identity,
    pub(super) reads: Vec<usize>,
    /// It stops reading for a part of the run.
    pub(super) stalls: bool,
}

/// The sessions of a worker before they connect, and the ways that they take.
#[derive(Debug)]
pub(super) struct Guests {
    pub(super) all: Vec<Guest>,
    pub(super) dialect: Dialect,
    pub(super) routes: Arc<[Route]>,
    /// The same with small buffers, for sessions that stop reading.
    pub(super) narrow: Arc<[Route]>,
    pub(super) seed: u64,
}

impl Guests {
    /// Adds a session to those that connect.
    pub(super) fn connect(&self, now: Time, session: usize, desk: &mut Desk) {
        let guest = &self.all[session];
        let routes = if guest.stalls { &self.narrow } else { &self.routes };
        let seed = self.seed.wrapping_add(session as u64);
        desk.driver.add(self.dialect, guest.identity.clone(), Arc::clone(routes), seed);
        desk.audience.add(now, &guest.reads);
    }
}

impl Deal {
    /// For so many sessions.
    pub(super) const fn new(all: usize, threads: usize, apart: usize) -> Self {
        Self { all, threads, apart: if threads > 1 { apart } else { 0 } }
    }

    /// As a plan asks for.
    pub(super) fn of(plan: &Plan) -> Self {
        Self::new(
            plan.sessions,
            plan.threads,
            plan.disturbances.storm.map_or(0, |storm| storm.stay),
        )
    }

    /// Whether a thread has what must not get in the way of the first.
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

    /// How many sessions the threads before this one have.
    pub(super) fn before(&self, thread: usize) -> usize {
        (0..thread).map(|before| self.sessions(before).count()).sum()
    }

    /// How many sessions of a thread are among the first ones of all.
    pub(super) fn among_first(&self, thread: usize, first: usize) -> usize {
        self.sessions(thread).take_while(|session| *session < first).count()
    }

    /// The sessions of a thread, as they will connect.
    pub(super) fn guests(&self, layout: &Layout, roster: &Roster, thread: usize) -> Vec<Guest> {
        let guest = |session: usize| {
            let member = &layout.members[session];
            let identity = Identity::new(member.user.clone(), member.joins.iter().cloned());
            // What friends say comes to the user, beside what is said in groups.
            let (inbox, account) = (member.reads.len() > member.joins.len(), roster.of(session));
            let identity = Identity { inbox, account, ..identity };
            Guest { identity, reads: member.reads.clone(), stalls: member.stalls }
        };
        self.sessions(thread).map(guest).collect()
    }

    /// The thread of each stream's publisher.
    pub(super) fn owners(&self, layout: &Layout) -> Vec<usize> {
        let mut owners = vec![0; layout.streams() as usize];
        for source in layout.traffic.iter().flat_map(|traffic| &traffic.sources) {
            owners[source.stream as usize] = self.seat(source.session).0;
        }
        owners
    }

    /// How many of a thread's sessions read each stream.
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

    /// What a thread's sessions say.
    pub(super) fn lanes(&self, layout: &Layout, thread: usize) -> Vec<Lane> {
        let of_kind = |traffic: &Traffic| {
            let own = traffic.sources.iter().filter_map(|source| {
                let (of, session) = self.seat(source.session);
                let (stream, to) = (source.stream, source.to.clone());
                (of == thread).then_some(Voice { session, stream, to })
            });
            let voices: Vec<Voice> = own.collect();
            let all = traffic.sources.len();
            // Threads take turns: this one after those before it that have something to say.
            let before = traffic.sources.iter().filter(|it| self.seat(it.session).0 < thread);
            let (part, phase) = (share(voices.len(), all), share(before.count(), all));
            Lane::new(traffic.share * part, phase, voices, traffic.pick)
        };
        layout.traffic.iter().map(of_kind).filter(|lane| !lane.voices.is_empty()).collect()
    }
}

/// The least buffer for what arrives; the kernel doubles it.
const NARROW: usize = 4 << 10;

/// The same ways with buffers that are soon full when nobody reads, but take a message.
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
    use crate::dialect::To;
    use crate::plan::{Pick, Room, Source};

    /// What each of two threads gets of a room in which these of four sessions publish.
    fn said(sessions: &[usize]) -> Vec<Vec<(f64, f64)>> {
        let sources = sessions.iter().map(|&session| Source { session, stream: 0, to: To::Rooms });
        let traffic = Traffic { share: 1.0, sources: sources.collect(), pick: Pick::InTurn };
        let layout = Layout { rooms: Vec::new(), members: Vec::new(), traffic: vec![traffic] };
        let lanes = |thread| Deal::new(4, 2, 0).lanes(&layout, thread);
        let of = |thread| lanes(thread).iter().map(|lane| (lane.share, lane.phase)).collect();
        [0, 1].map(of).to_vec()
    }

    #[test]
    fn threads_share_what_is_said_and_take_turns() {
        assert_eq!(said(&[0, 1, 2, 3]), [[(0.5, 0.0)], [(0.5, 0.5)]]);
        assert_eq!(said(&[1]), [vec![], vec![(1.0, 0.0)]], "who is alone waits for nobody");
        assert_eq!([0, 1, 2].map(|thread| Deal::new(7, 3, 2).before(thread)), [0, 2, 5]);
    }

    #[test]
    fn a_stream_belongs_to_the_thread_of_its_publisher() {
        let source = |session, stream| Source { session, stream, to: To::Rooms };
        let sources = vec![source(3, 0), source(2, 1)];
        let traffic = Traffic { share: 1.0, sources, pick: Pick::InTurn };
        let room = Room { first: 0, streams: 2, readers: 4 };
        let layout = Layout { rooms: vec![room], members: Vec::new(), traffic: vec![traffic] };
        assert_eq!(Deal::new(4, 2, 0).owners(&layout), [1, 0]);
    }

    fn dealt(deal: Deal) -> Vec<Vec<usize>> {
        let dealt: Vec<Vec<usize>> =
            (0..deal.threads).map(|thread| deal.sessions(thread).collect()).collect();
        for (thread, sessions) in dealt.iter().enumerate() {
            for (number, session) in sessions.iter().enumerate() {
                assert_eq!(deal.seat(*session), (thread, number), "{deal:?}");
            }
        }
        dealt
    }

    #[test]
    fn sessions_are_dealt_like_cards_and_those_apart_have_a_thread_to_themselves() {
        assert_eq!(dealt(Deal::new(5, 2, 0)), [vec![0, 2, 4], vec![1, 3]]);
        assert_eq!(dealt(Deal::new(7, 3, 2)), [vec![0, 1], vec![2, 4, 6], vec![3, 5]]);
        assert_eq!(dealt(Deal::new(4, 1, 2)), [vec![0, 1, 2, 3]]);
    }

    #[test]
    fn the_first_of_all_are_the_first_of_each_thread() {
        let count = |deal: Deal| [0, 1].map(|thread| deal.among_first(thread, 3));
        assert_eq!(count(Deal::new(8, 2, 0)), [2, 1]);
        assert_eq!(count(Deal::new(8, 2, 3)), [3, 0]);
        let behind = |deal: Deal| [0, 1].map(|thread| deal.is_behind(thread));
        assert_eq!(behind(Deal::new(8, 2, 3)), [false, true]);
        assert_eq!(behind(Deal::new(8, 2, 0)), [false, false]);
    }
}
