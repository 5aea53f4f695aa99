//! What a session of the comet dialect has beyond the others: numbered messages, an epoch, and a
//! peer that can be told what is missing.

use std::rc::Rc;

use comet_protocol::codec::Continuity;
use comet_protocol::comet::{Loss, Seq};

use crate::budget::{Account, Charge, Exhausted};
use crate::delivery::{Class, Gap, Slots, Upstream};
use crate::ticket::Ticket;
use crate::time::Time;

/// What a peer asked for, while it is decided about.
#[derive(Debug)]
pub(crate) struct Hello {
    /// What it brings along.
    pub(crate) continuity: Continuity,
    /// The session that it proves to have had, or why it does not.
    pub(crate) claim: Result<Option<Ticket>, Loss>,
}

/// One conversation, over many connections.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// While the peer is decided about.
    pub(crate) hello: Option<Box<Hello>>,
    pub(crate) upstream: Upstream,
    /// Latest deliveries that wait for the socket.
    pub(crate) latest: Slots,
    /// Deliveries without numbers that were dropped, and the peer has not been told.
    pub(crate) unnumbered: Option<Box<Gap>>,
    /// Which connection of the session this is, from 1.
    pub(crate) epoch: u32,
    /// The newest epoch whose ticket the peer has shown to have.
    pub(crate) shown: u32,
    /// Of the auth that opened this connection: it counts the peer's attempts.
    pub(crate) attempt: Seq,
    /// When a ping left that has no pong yet.
    pub(crate) pinged: Option<Time>,
    /// The longest body that the peer takes; 0 leaves it to us.
    pub(crate) max_body: u32,
    /// The peer numbers its messages for the session.
    pub(crate) numbers_messages: bool,
    pub(crate) takes_latest: bool,
    pub(crate) keeps_tickets: bool,
    charge: Charge,
}

impl Conversation {
    /// A conversation that begins with a request.
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

    /// Whether an auth that shows the ticket of `epoch` was made before the one that opened this
    /// connection: both show a ticket that the answer to the first of them replaced.
    pub(crate) fn is_overtaken(&self, epoch: u32, attempt: Seq) -> bool {
        let counts = !attempt.is_none() && !self.attempt.is_none();
        counts && epoch < self.epoch && !attempt.is_after(self.attempt)
    }

    /// Goes on with another connection, whose peer showed the ticket of `epoch`.
    pub(crate) fn resume(&mut self, hello: &Hello, attempt: Seq, epoch: u32) {
        (self.attempt, self.pinged) = (attempt, None);
        self.shown = epoch;
        self.epoch += 1;
        self.max_body = hello.continuity.max_body;
        self.takes_latest = hello.continuity.takes_latest;
        self.upstream.resume(hello.continuity.first_send);
    }

    /// The last number up to which every message was taken.
    pub(crate) fn accepted(&self) -> Seq {
        self.upstream.accepted()
    }

    /// Whether a peer that comes back takes everything that it took before: what is kept for it may
    /// be as long.
    pub(crate) fn fits(&self, max_body: u32) -> bool {
        max_body == 0 || (self.max_body != 0 && max_body >= self.max_body)
    }

    /// Whether a body is longer than the peer takes.
    pub(crate) fn is_too_long(&self, len: usize) -> bool {
        self.max_body != 0 && len > self.max_body as usize
    }

    /// Whether deliveries of a class and up to a length can be sent to the peer as they are.
    pub(crate) fn takes(&self, class: Class, longest: usize) -> bool {
        !self.is_too_long(longest) && (class != Class::Latest || self.takes_latest)
    }

    /// A delivery without a number is dropped; the peer is to be told.
    pub(crate) fn drop_unnumbered(&mut self, gap: Gap) {
        match &mut self.unnumbered {
            Some(known) => known.extend(&gap),
            None => self.unnumbered = Some(Box::new(gap)),
        }
    }

    /// Whether something is to be said once the socket takes it.
    pub(crate) fn has_to_say(&self) -> bool {
        self.unnumbered.is_some() || !self.latest.is_empty()
    }

    /// Pays for the answers that are kept.
    pub(crate) fn recharge(&mut self) -> Result<(), Exhausted> {
        self.charge.set(self.upstream.bytes())
    }
}
