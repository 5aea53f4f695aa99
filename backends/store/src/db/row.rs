//! Rows of the content tables, and their conversion to messages.

use comet_dtalk::message::{Channel, Common, Reference, Source};
use prost::Message as _;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

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

impl FromRow<'_, SqliteRow> for Content {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            mid: row.try_get(0)?,
            seq: row.try_get(1)?,
            sender_id: row.try_get(2)?,
            receiver_id: row.try_get(3)?,
            msg_type: row.try_get(4)?,
            content: row.try_get(5)?,
            create_time: row.try_get(6)?,
            source: row.try_get(7)?,
            reference: row.try_get(8)?,
        })
    }
}

/// Row of a content table, and its position in the record of a user.
#[derive(Debug)]
pub(super) struct Logged {
    pub(super) content: Content,
    pub(super) position: i64,
}

impl FromRow<'_, SqliteRow> for Logged {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self { content: Content::from_row(row)?, position: row.try_get(9)? })
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
