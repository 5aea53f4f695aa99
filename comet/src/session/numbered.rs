//! Sessions of the comet dialect, whose peers number their messages for the session.

use std::rc::Rc;

use comet_protocol::comet::{Received, Seq};

use super::{Conversation, Hello, Phase, Session};
use crate::budget::{Account, Exhausted};
use crate::delivery::Answer;
use crate::time::Time;

impl Session {
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
}

fn claims_nothing(received: Received<'_>) -> bool {
    received.up_to().is_none() && received.as_bytes().is_empty()
}
