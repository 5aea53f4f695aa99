//! State specific to the comet dialect: numbered messages, an epoch, and notices of gaps.

use std::rc::Rc;

use comet_protocol::codec::{Beside, Continuity};
use comet_protocol::comet::{Loss, Seq};

use crate::budget::{Account, Charge, Exhausted};
use crate::delivery::{Class, Gap, Slots, Upstream};
use crate::ticket::Ticket;
use crate::time::Time;

/// Request of a peer, while the router decides.
#[derive(Debug)]
pub(crate) struct Hello {
    /// Continuity that the peer offers.
    pub(crate) continuity: Continuity,
    /// The session that it proves to have had, or the reason why not.
    pub(crate) claim: Result<Option<Ticket>, Loss>,
}

/// What a session of the comet dialect has beyond the others, across connections.
#[derive(Debug)]
pub(crate) struct CometState {
    /// Set while the router decides about the peer.
    pub(crate) hello: Option<Box<Hello>>,
    pub(crate) upstream: Upstream,
    /// Latest deliveries that wait for the socket.
    pub(crate) latest: Slots,
    /// Dropped deliveries without numbers of which the peer has not been told.
    pub(crate) unnumbered: Option<Box<Gap>>,
    /// Number of the session's connection, from 1.
    pub(crate) epoch: u32,
    /// Newest epoch whose ticket the peer has shown.
    pub(crate) shown: u32,
    /// Seq of the auth that opened this connection: counts the peer's attempts.
    pub(crate) attempt: Seq,
    /// Send time of a ping without a pong.
    pub(crate) pinged: Option<Time>,
    /// Longest body that the peer takes; 0: our limit applies.
    pub(crate) max_body: u32,
    /// The peer numbers its messages for the session.
    pub(crate) numbers_messages: bool,
    pub(crate) takes_latest: bool,
    pub(crate) keeps_tickets: bool,
    pub(crate) ways: Ways,
    /// Number of deliveries that were counted on this connection.
    counted: Seq,
    charge: Charge,
}

/// Ways to the peer beside the session's stream: a bit for each that the peer takes, and for each
/// that the transport of the current connection has, too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ways(u8);

impl Ways {
    const LANES: u8 = 1;
    const DATAGRAMS: u8 = 1 << 1;
    /// From what is asked for to what is granted.
    const GRANTED: u8 = 2;

    const fn new(asked: Beside) -> Self {
        Self(Self::bits(asked))
    }

    const fn bits(beside: Beside) -> u8 {
        let lanes = if beside.lanes { Self::LANES } else { 0 };
        let datagrams = if beside.datagrams { Self::DATAGRAMS } else { 0 };
        lanes | datagrams
    }

    /// Begins on a connection whose transport has these. `in_order`: what is to be said first has
    /// no lane, so that nothing may overtake it.
    pub(crate) const fn begin(&mut self, offered: Beside, in_order: bool) {
        let lanes = if in_order { Self::LANES } else { 0 };
        self.0 |= (self.0 & Self::bits(offered) & !lanes) << Self::GRANTED;
    }

    /// What both sides have.
    pub(crate) const fn granted(self) -> Beside {
        Beside { lanes: self.has_lanes(), datagrams: self.counts() }
    }

    /// Whether acked deliveries leave on lanes.
    #[inline]
    pub(crate) const fn has_lanes(self) -> bool {
        self.0 & Self::LANES << Self::GRANTED != 0
    }

    /// Whether deliveries without a number are counted, and may leave as datagrams.
    #[inline]
    pub(crate) const fn counts(self) -> bool {
        self.0 & Self::DATAGRAMS << Self::GRANTED != 0
    }
}

impl CometState {
    /// The state of a session that a request begins.
    pub(crate) fn new(account: &Rc<Account>, hello: Hello, attempt: Seq) -> Self {
        let it = &hello.continuity;
        Self {
            upstream: Upstream::new(it.first_send),
            latest: Slots::default(),
            unnumbered: None,
            epoch: 1,
            shown: 0,
            attempt,
            pinged: None,
            max_body: it.max_body,
            numbers_messages: it.numbers_messages,
            takes_latest: it.takes_latest,
            keeps_tickets: it.keeps_tickets,
            ways: Ways::new(it.beside),
            counted: Seq::NONE,
            charge: Charge::none(account),
            hello: Some(Box::new(hello)),
        }
    }

    /// Whether an auth that shows the ticket of `epoch` is older than the one that opened this
    /// connection: both show a ticket that the answer to the first of them replaced.
    pub(crate) fn is_overtaken(&self, epoch: u32, attempt: Seq) -> bool {
        let counts = !attempt.is_none() && !self.attempt.is_none();
        counts && epoch < self.epoch && !attempt.is_after(self.attempt)
    }

    /// Continues on another connection, whose peer showed the ticket of `epoch`.
    pub(crate) fn resume(&mut self, hello: &Hello, attempt: Seq, epoch: u32) {
        (self.attempt, self.pinged) = (attempt, None);
        self.shown = epoch;
        self.epoch += 1;
        self.max_body = hello.continuity.max_body;
        self.takes_latest = hello.continuity.takes_latest;
        (self.ways, self.counted) = (Ways::new(hello.continuity.beside), Seq::NONE);
        self.upstream.resume(hello.continuity.first_send);
    }

    /// Last number up to which every message was taken.
    pub(crate) fn accepted(&self) -> Seq {
        self.upstream.accepted()
    }

    /// Whether a returning peer takes bodies as long as before: those kept for it may be that long.
    pub(crate) fn fits(&self, max_body: u32) -> bool {
        max_body == 0 || (self.max_body != 0 && max_body >= self.max_body)
    }

    /// Whether a body is longer than the peer takes.
    pub(crate) fn is_too_long(&self, len: usize) -> bool {
        self.max_body != 0 && len > self.max_body as usize
    }

    /// Whether deliveries without a number, of a class and up to a length, can be sent to the peer
    /// as to others.
    pub(crate) fn takes(&self, class: Class, longest: usize) -> bool {
        let knows = class != Class::Latest || self.takes_latest;
        knows && !self.is_too_long(longest) && !self.ways.counts()
    }

    /// The count of the next delivery; none where they are not counted.
    pub(crate) const fn next_count(&self) -> Seq {
        if self.ways.counts() { self.counted.next() } else { Seq::NONE }
    }

    /// A delivery leaves under the [next count](Self::next_count).
    pub(crate) const fn count(&mut self) -> Seq {
        self.counted = self.next_count();
        self.counted
    }

    /// Records a dropped delivery without a number, of which the peer is to be told.
    pub(crate) fn drop_unnumbered(&mut self, gap: Gap) {
        match &mut self.unnumbered {
            Some(known) => known.extend(&gap),
            None => self.unnumbered = Some(Box::new(gap)),
        }
    }

    /// Whether notices are pending until the socket is writable.
    pub(crate) fn has_to_say(&self) -> bool {
        self.unnumbered.is_some() || !self.latest.is_empty()
    }

    /// Charges the kept answers; `Err` if there is no memory for them.
    pub(crate) fn recharge(&mut self) -> Result<(), Exhausted> {
        self.charge.set(self.upstream.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_granted_if_the_peer_asks_and_the_transport_has_them() {
        let beside = |lanes, datagrams| Beside { lanes, datagrams };
        let all = beside(true, true);
        for (asked, offered, in_order, granted) in [
            (all, all, false, all),
            (all, all, true, beside(false, true)),
            (all, beside(true, false), false, beside(true, false)),
            (beside(false, true), all, false, beside(false, true)),
            (all, Beside::default(), false, Beside::default()),
            (Beside::default(), all, false, Beside::default()),
        ] {
            let mut ways = Ways::new(asked);
            assert_eq!(ways.granted(), Beside::default(), "none before the connection begins");
            ways.begin(offered, in_order);
            assert_eq!(ways.granted(), granted, "{asked:?}, {offered:?}, {in_order}");
        }
    }
}
