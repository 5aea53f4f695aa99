//! Who of everybody belongs to which thread, and by which ways they come.

use std::sync::Arc;

use super::desk::Voice;
use super::talk::Lane;
use super::worker::Guest;
use crate::driver::{Identity, Route};
use crate::plan::{Layout, Traffic};

/// The least buffer for what arrives; the kernel doubles it.
const NARROW: usize = 4 << 10;

/// The same ways with buffers that are soon full when nobody reads, but take a message.
pub(super) fn narrow(routes: &[Route], size: usize) -> Arc<[Route]> {
    let bytes = NARROW.max(size.saturating_mul(2));
    routes.iter().map(|route| route.clone().buffering(bytes)).collect()
}

/// The sessions of one thread: as cards are dealt.
fn of_thread(at: usize, threads: usize, all: usize) -> impl Iterator<Item = usize> {
    (at..all).step_by(threads)
}

pub(super) fn guests(layout: &Layout, at: usize, threads: usize) -> Vec<Guest> {
    let guest = |session: usize| {
        let member = &layout.members[session];
        let identity = Identity::new(member.user.clone(), member.joins.iter().cloned());
        // What friends say comes to the user, beside what is said in groups.
        let identity = Identity { inbox: member.reads.len() > member.joins.len(), ..identity };
        Guest { identity, reads: member.reads.clone(), stalls: member.stalls }
    };
    of_thread(at, threads, layout.members.len()).map(guest).collect()
}

/// How many of a thread's sessions read each stream.
pub(super) fn readers(layout: &Layout, at: usize, threads: usize) -> Vec<u32> {
    let mut readers = vec![0; layout.streams() as usize];
    for session in of_thread(at, threads, layout.members.len()) {
        for room in &layout.members[session].reads {
            let room = &layout.rooms[*room];
            let streams = room.first as usize..(room.first + room.streams) as usize;
            readers[streams].iter_mut().for_each(|readers| *readers += 1);
        }
    }
    readers
}

pub(super) fn lanes(layout: &Layout, at: usize, threads: usize) -> Vec<Lane> {
    let of_kind = |traffic: &Traffic| {
        let own = traffic.sources.iter().filter(|source| source.session % threads == at);
        let voices: Vec<Voice> = own
            .map(|source| Voice {
                session: source.session / threads,
                stream: source.stream,
                to: source.to.clone(),
            })
            .collect();
        let share = traffic.share * share(voices.len(), traffic.sources.len());
        Lane::new(share, voices, traffic.pick)
    };
    layout.traffic.iter().map(of_kind).filter(|lane| !lane.voices.is_empty()).collect()
}

pub(super) fn share(part: usize, of: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "there are far fewer sessions than 2^53")]
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}
