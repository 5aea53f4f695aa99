//! Sessions of the comet dialect, whose peers number messages for the session.

use std::rc::Rc;

use comet_protocol::comet::{Received, Seq};

use super::{Conversation, Hello, Phase, Session};
use crate::budget::{Account, Exhausted};
use crate::delivery::Answer;
use crate::time::Time;

impl Session {
    /// Starts a conversation with a verified request.
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

    /// Takes the peer's request, if it is being decided about.
    pub(crate) fn take_hello(&mut self) -> Option<Box<Hello>> {
        self.conversation.as_mut()?.hello.take()
    }

    /// Takes the set of numbers that have arrived. Returns how many are newly acknowledged, each
    /// reported with its tag; `None` if the peer claims a number that was never sent.
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

    /// Whether every number that the peer claims was sent.
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

    /// Charges the kept answers; `Err` if there is no memory for them.
    pub(crate) fn recharge(&mut self) -> Result<(), Exhausted> {
        self.conversation.as_mut().map_or(Ok(()), |conversation| conversation.recharge())
    }
}

fn claims_nothing(received: Received<'_>) -> bool {
    received.up_to().is_none() && received.as_bytes().is_empty()
}
