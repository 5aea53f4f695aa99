//! Pages that could not be read.

use std::hash::Hash;
use std::mem;

use comet::Repeats;
use comet_dtalk::clock;

use super::Feeds;
use crate::catch_up::Sent;
use crate::writer::outlet::Outlet;

impl<S: Copy + Eq + Hash> Feeds<S> {
    /// Keeps the session if the database may soon be back, and ends it otherwise.
    pub(super) fn page_failed(
        &mut self,
        session: S,
        error: &comet_sql::Error,
        outlet: &mut impl Outlet<S>,
    ) {
        static REPEATS: Repeats = Repeats::new();
        if let Some(more) = REPEATS.admit(clock::unix()) {
            tracing::error!(%error, "page of the log not read{more}");
        }
        if error.is_transient() || matches!(error, comet_sql::Error::Unavailable(_)) {
            self.sessions.page_sent(session, 0, None, Sent::Part);
            self.unread.push(session);
        } else if !outlet.kick(session) {
            self.sessions.page_sent(session, 0, None, Sent::Part);
            self.behind.push(session);
        }
    }

    /// Requests again the pages that could not be read.
    pub(crate) fn read_again(&mut self, outlet: &mut impl Outlet<S>) {
        for session in mem::take(&mut self.unread) {
            self.step(session, outlet);
        }
    }
}
