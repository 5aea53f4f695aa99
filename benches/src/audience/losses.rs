//! What a server takes from sessions that do nothing to deserve it.

/// Connections and logins that sessions lost which read: those that are timed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Losses {
    /// Sessions that were open, and lost their connection.
    pub cut_off: u64,
    /// Sessions that came, or came back, and were sent away. A session that tries again and is
    /// sent away again counts again.
    pub turned_away: u64,
}

impl Losses {
    /// Adds those of another thread.
    pub const fn merge(&mut self, other: Self) {
        self.cut_off += other.cut_off;
        self.turned_away += other.turned_away;
    }
}
