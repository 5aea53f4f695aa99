//! One direction of a connection: bytes in transit, and the end of the stream.

use std::collections::VecDeque;

use crate::random::Random;

/// The end of a direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// Orderly, after the bytes in transit.
    Fin,
    /// At once; bytes in transit are lost.
    Reset,
}

#[derive(Debug)]
struct Piece {
    due: u64,
    bytes: Vec<u8>,
}

/// Bytes in order, each piece with its time of arrival.
#[derive(Debug)]
pub(super) struct Pipe {
    latency: u64,
    jitter: u64,
    pieces: VecDeque<Piece>,
    /// No arrivals before this time.
    held_until: u64,
    ending: Option<(u64, Ending)>,
    /// Bytes sent are lost without notice.
    is_cut: bool,
}

impl Pipe {
    pub(super) const fn new(latency: u64, jitter: u64) -> Self {
        let pieces = VecDeque::new();
        Self { latency, jitter, pieces, held_until: 0, ending: None, is_cut: false }
    }

    pub(super) fn send(&mut self, now: u64, bytes: Vec<u8>, random: &mut Random) {
        if self.is_cut || self.ending.is_some() || bytes.is_empty() {
            return;
        }
        let due = self.arrival(now, random);
        self.pieces.push_back(Piece { due, bytes });
    }

    /// Ends the stream after the bytes in transit.
    pub(super) fn end(&mut self, now: u64, ending: Ending, random: &mut Random) {
        if !self.is_cut && self.ending.is_none() {
            self.ending = Some((self.arrival(now, random), ending));
        }
    }

    /// Delays all arrivals until a time.
    pub(super) fn hold(&mut self, until: u64) {
        self.held_until = self.held_until.max(until);
    }

    pub(super) const fn release(&mut self) {
        self.held_until = 0;
    }

    /// Loses all further bytes. Bytes in transit arrive up to a random one.
    pub(super) fn cut(&mut self, random: &mut Random) {
        self.is_cut = true;
        self.ending = None;
        let keep = random.index(self.pieces.len() + 1);
        self.pieces.truncate(keep);
        if let Some(last) = self.pieces.back_mut() {
            last.bytes.truncate(random.index(last.bytes.len() + 1));
        }
    }

    pub(super) fn clear(&mut self) {
        self.pieces.clear();
    }

    /// Ends the stream of a pipe that is cut.
    pub(super) const fn end_cut(&mut self, at: u64, ending: Ending) {
        self.ending = Some((at, ending));
    }

    pub(super) fn has_bytes(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// Time of the next arrival.
    pub(super) fn next(&self) -> Option<u64> {
        let due = match (self.pieces.front(), self.ending) {
            (Some(piece), _) => piece.due,
            (None, Some((due, _))) => due,
            (None, None) => return None,
        };
        Some(due.max(self.held_until))
    }

    /// The next piece that has arrived.
    pub(super) fn pop(&mut self, now: u64) -> Option<Vec<u8>> {
        if now < self.held_until {
            return None;
        }
        self.pieces.pop_front_if(|piece| piece.due <= now).map(|piece| piece.bytes)
    }

    /// Puts back bytes that were not accepted.
    pub(super) fn put_back(&mut self, bytes: Vec<u8>) {
        self.pieces.push_front(Piece { due: 0, bytes });
    }

    /// The end of the stream, once, after all bytes before it have arrived.
    pub(super) fn pop_end(&mut self, now: u64) -> Option<Ending> {
        if !self.pieces.is_empty() || now < self.held_until {
            return None;
        }
        self.ending.take_if(|(due, _)| *due <= now).map(|(_, ending)| ending)
    }

    /// Time of arrival, not before that of earlier bytes.
    fn arrival(&self, now: u64, random: &mut Random) -> u64 {
        let last = self.pieces.back().map_or(0, |piece| piece.due);
        (now + self.latency + random.below(self.jitter + 1)).max(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_arrive_in_order_and_the_end_after_them() {
        let mut random = Random::new(1);
        let mut pipe = Pipe::new(100, 50);
        for at in 0..20u8 {
            pipe.send(at.into(), vec![at], &mut random);
        }
        pipe.end(20, Ending::Fin, &mut random);
        assert_eq!((pipe.pop(99), pipe.pop_end(1_000)), (None, None));
        pipe.hold(500);
        assert_eq!((pipe.next(), pipe.pop(499)), (Some(500), None));
        let arrived: Vec<u8> = std::iter::from_fn(|| pipe.pop(500)).flatten().collect();
        assert_eq!(arrived, (0..20).collect::<Vec<u8>>());
        assert_eq!((pipe.pop_end(500), pipe.pop_end(500)), (Some(Ending::Fin), None));
    }

    #[test]
    fn a_cut_keeps_the_beginning_of_what_is_on_its_way() {
        for seed in 0..50 {
            let mut random = Random::new(seed);
            let mut pipe = Pipe::new(0, 0);
            pipe.send(0, (0..10).collect(), &mut random);
            pipe.send(0, (10..20).collect(), &mut random);
            pipe.cut(&mut random);
            pipe.send(0, vec![99], &mut random);
            let arrived: Vec<u8> = std::iter::from_fn(|| pipe.pop(0)).flatten().collect();
            assert!((0..20).collect::<Vec<u8>>().starts_with(&arrived), "{arrived:?}");
        }
    }
}
