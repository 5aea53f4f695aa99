//! A peer that authenticates again on its open session.

use super::Session;

impl Session {
    /// Starts a renewal, to be answered under `seq`; no frame may be handed in until then. Returns
    /// the number of attempts on this connection.
    pub(crate) fn begin_renewal(&mut self, seq: u32) -> u8 {
        self.renewing = true;
        self.auth_seq = seq;
        self.attempts = self.attempts.saturating_add(1);
        self.attempts
    }

    /// Whether a renewal is pending.
    pub(crate) fn is_renewing(&self) -> bool {
        self.renewing
    }

    /// Ends the renewal. Returns the seq to answer; `None` if none was pending.
    pub(crate) fn end_renewal(&mut self) -> Option<u32> {
        let was_open = self.is_open();
        (std::mem::take(&mut self.renewing) && was_open).then_some(self.auth_seq)
    }
}
