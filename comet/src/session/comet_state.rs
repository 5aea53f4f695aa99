//! State specific to the comet dialect: numbered messages, an epoch, and notices of gaps.

use std::rc::Rc;

use comet_protocol::codec::Continuity;
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
    charge: Charge,
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

    /// Whether deliveries of a class and up to a length can be sent to the peer unchanged.
    pub(crate) fn takes(&self, class: Class, longest: usize) -> bool {
        !self.is_too_long(longest) && (class != Class::Latest || self.takes_latest)
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
