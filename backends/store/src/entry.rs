//! Kinds of entries in the timeline of a group.

/// Kind of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum EntryKind {
    /// A message or a notice.
    Message = 0,
    /// A signal: its type is the type of the message, its body the content, and it has neither a
    /// sender nor an id of a client.
    Signal = 1,
    /// A message that was revoked: its content is gone, its position stays taken.
    Revoked = 2,
}

impl EntryKind {
    /// The kind with this number.
    pub(crate) const fn of_number(number: i64) -> Self {
        match number {
            0 => Self::Message,
            1 => Self::Signal,
            _ => Self::Revoked,
        }
    }
}
