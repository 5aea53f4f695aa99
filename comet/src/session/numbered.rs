//! Frames of the comet dialect, whose peers number their messages for the session.

use std::rc::Rc;

use comet_protocol::comet::{ClientFrame, Received, Seq};

use super::{Action, Conversation, Hello, Limits, Phase, Session};
use crate::Closed;
use crate::budget::{Account, Exhausted};
use crate::delivery::{Answer, Taken};
use crate::plant::{Plant, Planted};
use crate::time::Time;

impl Session {
    /// Takes one frame of a peer that speaks the comet dialect.
    pub(crate) fn handle_comet<'a>(
        &mut self,
        now: Time,
        frame: ClientFrame<'a>,
        limits: &Limits,
    ) -> Action<'a> {
        if let (Phase::Open, Some(conversation)) = (self.phase, &mut self.conversation) {
            // Whoever speaks on this connection has read its welcome, and the ticket in it.
            conversation.shown = conversation.epoch;
        }
        match (self.phase, frame) {
            (Phase::Connecting, ClientFrame::Auth { seq, auth }) => self.greet(seq, auth),
            (Phase::Connecting, _) | (Phase::Open, ClientFrame::Auth { .. }) => {
                Action::Close(Closed::OutOfTurn)
            }
            (Phase::Open, ClientFrame::Ack(received)) => Action::Received(received),
            (Phase::Open, ClientFrame::Send { seq, answered, body }) => {
                if !self.rate.admit(now, limits.message_rate) {
                    return Action::Close(Closed::RateExceeded);
                }
                self.take(seq, answered, body, limits)
            }
            (Phase::Open, ClientFrame::Ping(ping)) => Action::Pong { stamp: ping.stamp },
            (Phase::Open, ClientFrame::Pong { stamp }) => self.pong(now, stamp),
            (Phase::Open, ClientFrame::Leave) => Action::Close(Closed::Left),
            _ => Action::Ignore,
        }
    }

    /// What was asked for, now that it is known what it proves.
    pub(crate) fn converse(&mut self, account: &Rc<Account>, hello: Hello) {
        let attempt = Seq::new(self.auth_seq);
        self.conversation = Some(Box::new(Conversation::new(account, hello, attempt)));
    }

    /// The conversation, if the peer speaks the comet dialect.
    pub(crate) fn conversation(&self) -> Option<&Conversation> {
        self.conversation.as_deref()
    }

    /// The conversation, if the peer speaks the comet dialect.
    pub(crate) fn conversation_mut(&mut self) -> Option<&mut Conversation> {
        self.conversation.as_deref_mut()
    }

    /// What the peer asked for, if it is being decided about.
    pub(crate) fn take_hello(&mut self) -> Option<Box<Hello>> {
        self.conversation.as_mut()?.hello.take()
    }

    /// Takes word of what has arrived. How many deliveries were not known to have, each reported
    /// with its tag; `None` if the peer claims what was never sent.
    pub(crate) fn receive(
        &mut self,
        now: Time,
        received: Received<'_>,
        done: impl FnMut(u64),
    ) -> Option<usize> {
        let fresh = match &mut self.window {
            Some(window) => window.receive(now, received, done),
            None => claims_nothing(received).then_some(0),
        };
        self.returning &= fresh.unwrap_or(0) == 0;
        fresh
    }

    /// Whether everything that the peer says has arrived was sent.
    pub(crate) fn has_sent(&self, received: Received<'_>) -> bool {
        match &self.window {
            Some(window) => window.has_sent(received),
            None => claims_nothing(received),
        }
    }

    /// The next answer that may leave; call until `None`.
    pub(crate) fn poll_answer(&mut self) -> Option<(Seq, Answer)> {
        if self.phase != Phase::Open {
            return None;
        }
        self.conversation.as_mut()?.upstream.poll_answer()
    }

    /// Pays for the answers that are kept; `Err` if there is no memory for them.
    pub(crate) fn recharge(&mut self) -> Result<(), Exhausted> {
        self.conversation.as_mut().map_or(Ok(()), |conversation| conversation.recharge())
    }

    /// What planted defects do when a session is taken from a connection that is still there.
    pub(crate) fn spoil<'a>(&mut self, received: Received<'a>, planted: Planted) -> Received<'a> {
        let Some(window) = &mut self.window else { return received };
        if planted.has(Plant::TakeoverLoss) {
            window.queue().forget();
        }
        if planted.has(Plant::OverlapAck) {
            return Received::up_to_only(window.span().1);
        }
        received
    }

    fn greet(&mut self, seq: u32, auth: Box<comet_protocol::comet::Auth>) -> Action<'static> {
        self.attempts = 1;
        self.auth_seq = seq;
        self.phase = Phase::Authenticating;
        Action::Greet { auth }
    }

    fn take<'a>(&mut self, seq: Seq, answered: Seq, body: &'a [u8], limits: &Limits) -> Action<'a> {
        let Some(conversation) = &mut self.conversation else { return Action::Ignore };
        match conversation.upstream.take(seq, answered, limits.inbox) {
            Taken::New => {
                let number = seq.get();
                Action::Receive { number, seq: number, op: 0, body }
            }
            Taken::Repeat(Some(answer)) => Action::Answer { seq, answer },
            Taken::Repeat(None) => Action::Ignore,
            Taken::OutOfSequence => Action::Close(Closed::Sequence),
            Taken::WindowFull => Action::Close(Closed::WindowFull),
        }
    }

    /// The stamp of our pings is when they were sent; anything else measures nothing.
    fn pong(&mut self, now: Time, stamp: [u8; 8]) -> Action<'static> {
        let sent = Time::from_micros(u64::from_be_bytes(stamp));
        let conversation = self.conversation.as_mut();
        let asked = conversation.and_then(|it| it.pinged.take_if(|asked| *asked == sent));
        if let (Some(asked), Some(window)) = (asked, &mut self.window) {
            let millis = u32::try_from(now.since(asked).as_millis()).unwrap_or(u32::MAX);
            window.sample(millis);
        }
        Action::Ignore
    }
}

fn claims_nothing(received: Received<'_>) -> bool {
    received.up_to().is_none() && received.as_bytes().is_empty()
}
