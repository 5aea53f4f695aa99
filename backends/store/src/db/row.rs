//! Rows of the content tables, and their conversion to messages.

use comet_dtalk::message::{Channel, Common, Reference, Source};
use comet_sql::{Error, FromRow, Row};
use prost::Message as _;

use crate::entry::EntryKind;

/// Columns of a content table `c`, in the order in which [`Content`] reads them.
macro_rules! content_columns {
    () => {
        "c.mid, c.seq, c.sender_id, c.receiver_id, c.msg_type, c.content, c.create_time, \
         c.source, c.reference"
    };
}
pub(super) use content_columns;

/// Row of a content table.
#[derive(Debug)]
pub(super) struct Content {
    mid: i64,
    seq: String,
    sender_id: String,
    receiver_id: String,
    msg_type: i32,
    content: Vec<u8>,
    create_time: i64,
    source: Option<Vec<u8>>,
    reference: Option<Vec<u8>>,
}

impl FromRow for Content {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            mid: row.get(0)?,
            seq: row.get(1)?,
            sender_id: row.get(2)?,
            receiver_id: row.get(3)?,
            msg_type: row.get(4)?,
            content: row.get(5)?,
            create_time: row.get(6)?,
            source: row.optional(7)?,
            reference: row.optional(8)?,
        })
    }
}

/// Row of a content table, and its position in the record of a user.
#[derive(Debug)]
pub(super) struct Logged {
    pub(super) content: Content,
    pub(super) position: i64,
}

impl FromRow for Logged {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { content: Content::from_row(row)?, position: row.get(9)? })
    }
}

/// Entry of a group's timeline.
#[derive(Debug)]
pub(super) struct GroupEntry {
    pub(super) content: Content,
    pub(super) kind: EntryKind,
    pub(super) position: i64,
}

impl FromRow for GroupEntry {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let kind = EntryKind::of_number(row.get(9)?);
        Ok(Self { content: Content::from_row(row)?, kind, position: row.get(10)? })
    }
}

impl Content {
    pub(super) const fn mid(&self) -> i64 {
        self.mid
    }

    /// The message, exactly as it was delivered.
    pub(super) fn into_common(self, channel: Channel) -> Common {
        Common {
            channel_type: channel as i32,
            log_id: self.mid,
            msg_id: self.seq,
            from: self.sender_id,
            target: self.receiver_id,
            msg_type: self.msg_type,
            msg: self.content.into(),
            datetime: self.create_time.unsigned_abs(),
            // Written by `append` from these types.
            source: self.source.and_then(|bytes| Source::decode(&*bytes).ok()),
            reference: self.reference.and_then(|bytes| Reference::decode(&*bytes).ok()),
        }
    }
}
