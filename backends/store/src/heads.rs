//! The record as it is read for pushes: messages by id, and their receivers without an ack of a
//! phone.
//!
//! Not here: the statements (`db`).

use comet_sql::Error;

use crate::store::Store;
use crate::unreceived::{MessageHead, Slice, Unreceived};

impl Store {
    /// Greatest id of what is stored.
    #[must_use]
    pub fn last_id(&self) -> i64 {
        self.committed()
    }

    /// Messages with ids above `after`, between users and to groups, from about `most` rows of the
    /// record, at least 1. Costs nothing if nothing was stored since.
    ///
    /// # Errors
    ///
    /// [`Error`] if the database fails.
    pub async fn heads(&self, after: i64, most: usize) -> Result<Slice, Error> {
        let upto = self.committed();
        if after >= upto {
            return Ok(Slice { through: after, ..Slice::default() });
        }
        self.reads().heads(after, upto, most.max(1)).await
    }

    /// Receivers of messages between users whose phones have not acknowledged them. Other messages
    /// are left out, and so are those that were revoked. Acks count from the moment at which they
    /// are recorded, see [`Store::flush`].
    ///
    /// # Errors
    ///
    /// [`Error`] if the database fails.
    pub async fn unreceived_by_users(
        &self,
        heads: &[MessageHead],
    ) -> Result<Vec<Unreceived>, Error> {
        self.reads().unreceived_by_users(heads).await
    }

    /// Members of a group whose phones have not acknowledged messages to it, in the order of their
    /// names: at most `most` members after that name are looked at. Returns the name after which to
    /// go on, if there may be more. Other messages than those to the group are left out; the sender
    /// of a message is not one of its receivers.
    ///
    /// # Errors
    ///
    /// [`Error`] if the database fails.
    pub async fn unreceived_by_members(
        &self,
        group: i64,
        heads: &[MessageHead],
        after: &str,
        most: usize,
    ) -> Result<(Vec<Unreceived>, Option<String>), Error> {
        let reads = self.reads();
        reads.unreceived_by_members(group, heads, (after, most.max(1)), self.membership()).await
    }
}
