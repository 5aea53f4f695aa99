//! Sessions of the comet dialect, whose peers number messages for the session.

use std::rc::Rc;

use comet_protocol::comet::{Received, Seq};

use super::{CometState, Hello, Session};
use crate::budget::Account;
use crate::delivery::Answer;
use crate::time::Time;

impl Session {
    /// Starts the state of the comet dialect with a verified request.
    pub(crate) fn begin_comet(&mut self, account: &Rc<Account>, hello: Hello) {
        let attempt = Seq::new(self.state.handshake().0);
        self.comet_state = Some(Box::new(CometState::new(account, hello, attempt)));
    }

    /// The state of the comet dialect, if the peer speaks it.
    pub(crate) fn comet_state(&self) -> Option<&CometState> {
        self.comet_state.as_deref()
    }

    /// The state of the comet dialect, if the peer speaks it.
    pub(crate) fn comet_state_mut(&mut self) -> Option<&mut CometState> {
        self.comet_state.as_deref_mut()
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
        self.comet_state.as_mut()?.upstream.poll_answer()
    }
}
