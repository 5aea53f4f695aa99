//! A peer that authenticates again on its open session.

use super::Session;

impl Session {
    /// The router is asked about the peer again; the answer goes to `seq`, and until then no frame
    /// is wanted. How often it has been asked on this connection.
    pub(crate) fn begin_renewal(&mut self, seq: u32) -> u8 {
        self.renewing = true;
        self.auth_seq = seq;
        self.attempts = self.attempts.saturating_add(1);
        self.attempts
    }

    /// Whether the router has been asked again.
    pub(crate) fn is_renewing(&self) -> bool {
        self.renewing
    }

    /// The router has answered. The seq to answer; `None` if nobody asked.
    pub(crate) fn end_renewal(&mut self) -> Option<u32> {
        let was_open = self.is_open();
        (std::mem::take(&mut self.renewing) && was_open).then_some(self.auth_seq)
    }
}
