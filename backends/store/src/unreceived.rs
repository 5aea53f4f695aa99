//! Messages that no phone of their receivers has acknowledged, for pushes to phones.
//!
//! They are read from the record, on reading connections and in slices, so that the writer has
//! nothing to do with them: there is no row and no mark for a push. The reader walks over the
//! record by ids, and asks for the receivers of what is old enough.
//!
//! Notices and signals are not in it.

/// Receiver of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Receiver {
    /// A user.
    User(String),
    /// The members of a group.
    Group(i64),
}

/// Message without its content.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MessageHead {
    /// Its id; ids have the order in which messages were stored.
    pub id: i64,
    /// Sender.
    pub from: String,
    /// Receiver.
    pub to: Receiver,
    /// Time at which it was stored, Unix milliseconds.
    pub stored_ms: u64,
    /// Position in the timeline of its group; 0 between users.
    pub position: i64,
}

/// Part of the record.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Slice {
    /// Messages, by ascending id.
    pub heads: Vec<MessageHead>,
    /// Id up to which there are no others. The next slice is the one after it.
    pub through: i64,
    /// Whether more is stored.
    pub more: bool,
}

/// User with messages of one conversation that no phone of the user has acknowledged.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Unreceived {
    /// User.
    pub user: String,
    /// Sender of the newest.
    pub from: String,
    /// Id of the newest.
    pub id: i64,
    /// Number of them among those asked for, at least 1.
    pub count: u32,
}
