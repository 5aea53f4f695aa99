//! Sessions of the comet dialect, whose peers number messages for the session.

use std::rc::Rc;

use comet_protocol::comet::{Received, Seq};

use super::{Conversation, Hello, Session};
use crate::budget::Account;
use crate::delivery::Answer;
use crate::time::Time;

impl Session {
    /// Starts a conversation with a verified request.
    pub(crate) fn converse(&mut self, account: &Rc<Account>, hello: Hello) {
        let attempt = Seq::new(self.state.handshake().0);
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

    /// Takes the set of numbers that have arrived. Returns how many are newly acknowledged, each
    /// reported with its tag; `None` if the peer claims a number that was never sent.
    pub(crate) fn receive(
        &mut self,
        now: Time,
        received: Received<'_>,
        done: impl FnMut(u64),
    ) -> Option<usize> {
        let fresh = self.owed.receive(now, received, done);
        self.returning &= fresh.unwrap_or(0) == 0;
        fresh
    }

    /// The next answer that may leave; call until `None`.
    pub(crate) fn poll_answer(&mut self) -> Option<(Seq, Answer)> {
        if !self.state.is_open() {
            return None;
        }
        self.conversation.as_mut()?.upstream.poll_answer()
    }
}
