//! Connections and logins that a server takes from sessions without a reason.

/// Lost connections and refused logins of timed sessions.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Losses {
    /// Sessions that were open, and lost their connection.
    pub cut_off: u64,
    /// Sessions that came, or came back, and were sent away. A session that tries again and is
    /// sent away again counts again.
    pub turned_away: u64,
}

impl Losses {
    /// Adds the losses of another thread.
    pub const fn merge(&mut self, other: Self) {
        self.cut_off += other.cut_off;
        self.turned_away += other.turned_away;
    }
}
