//! Excerpts of the log for HTTP answers: the newest messages, and the messages between two users.
//!
//! Read in two steps, so that the memory of an answer is known before it is allocated: first ids
//! and lengths of the messages, then the messages that fit.

use std::cmp::Reverse;

use comet_dtalk::message::{Channel, Common};
use comet_sql::{Error, sql};

use super::ReadPool;
use super::row::{Content, content_columns};
use super::stay::Stay;

/// Bytes of a body in addition to its parts: field headers and numbers.
const OVERHEAD: usize = 100;

/// Upper bound of the total length of the parts of a message, in bytes.
macro_rules! parts_length {
    () => {
        "length(c.content) + COALESCE(length(c.source), 0) + COALESCE(length(c.reference), 0) \
         + octet_length(c.seq) + octet_length(c.sender_id) + octet_length(c.receiver_id)"
    };
}

/// Range of the log: the newest messages with ids above `after` and below `before`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub(crate) after: i64,
    pub(crate) before: i64,
    pub(crate) limit: u32,
    /// Maximum number of bytes in an answer, see `answer_len`; the newest message is always chosen.
    pub(crate) bytes: usize,
}

/// Messages chosen for an answer.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// Newest first.
    ids: Vec<i64>,
    /// Upper bound of their bytes in an answer.
    pub(crate) bytes: usize,
    /// Whether the range has older ones.
    pub(crate) more: bool,
}

impl Choice {
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Id of the oldest one.
    pub(crate) fn oldest(&self) -> Option<i64> {
        self.ids.last().copied()
    }
}

/// Length of a body in an answer: base64, quotes and a comma.
const fn answer_len(body: usize) -> usize {
    body.div_ceil(3) * 4 + 3
}

/// Id, and upper bound of the length of the message.
type Found = (i64, i64);

impl ReadPool {
    /// Newest messages between `uid` and other users.
    pub(crate) async fn newest(&self, uid: &str, range: Range) -> Result<Choice, Error> {
        let query = sql(concat!(
            "SELECT c.mid, ",
            parts_length!(),
            " FROM dtalk_msg_relation r JOIN dtalk_msg_content c ON c.mid = r.mid
              WHERE r.owner_uid = ? AND r.mid > ? AND r.mid < ? ORDER BY r.mid DESC LIMIT ?",
        ))
        .bind(uid)
        .bind(range.after)
        .bind(range.before)
        .bind(i64::from(range.limit) + 1);
        let found: Vec<Found> = self.all(query).await?;
        Ok(choose(&found, range))
    }

    /// Newest messages to groups during any of these stays.
    pub(crate) async fn newest_of_groups(
        &self,
        stays: &[Stay],
        range: Range,
    ) -> Result<Choice, Error> {
        let mut newest: Vec<Found> = Vec::new();
        let keep = range.limit as usize + 1;
        let mut after = range.after;
        for stay in stays {
            let query = sql(concat!(
                "SELECT c.mid, ",
                parts_length!(),
                " FROM dtalk_group_msg_content c
                  WHERE c.receiver_id = ? AND c.mid > ? AND c.mid < ? AND c.kind = 0
                  ORDER BY c.mid DESC LIMIT ?",
            ))
            .bind(stay.group.to_string())
            .bind(after.max(stay.joined.id))
            .bind(range.before.min(stay.left.id.saturating_add(1)))
            .bind(i64::from(range.limit) + 1);
            let found: Vec<Found> = self.all(query).await?;
            newest.extend(found);
            newest.sort_unstable_by_key(|&(id, _)| Reverse(id));
            newest.truncate(keep);
            // Messages older than a full excerpt of other groups need not be read.
            if newest.len() == keep {
                after = newest.last().map_or(after, |&(id, _)| id);
            }
        }
        Ok(choose(&newest, range))
    }

    /// Newest messages between `uid` and `other`.
    pub(crate) async fn newest_of_pair(
        &self,
        uid: &str,
        other: &str,
        range: Range,
    ) -> Result<Choice, Error> {
        let mut newest: Vec<Found> = Vec::new();
        let directions = if uid == other { 1 } else { 2 };
        for (sender, receiver) in [(uid, other), (other, uid)].into_iter().take(directions) {
            let query = sql(concat!(
                "SELECT c.mid, ",
                parts_length!(),
                " FROM dtalk_msg_content c
                  WHERE c.sender_id = ? AND c.receiver_id = ? AND c.mid > ? AND c.mid < ?
                  ORDER BY c.mid DESC LIMIT ?",
            ))
            .bind(sender)
            .bind(receiver)
            .bind(range.after)
            .bind(range.before)
            .bind(i64::from(range.limit) + 1);
            let found: Vec<Found> = self.all(query).await?;
            newest.extend(found);
        }
        newest.sort_unstable_by_key(|&(id, _)| Reverse(id));
        Ok(choose(&newest, range))
    }

    /// Chosen messages, oldest first, without those revoked in the meantime.
    pub(crate) async fn chosen(
        &self,
        choice: &Choice,
        channel: Channel,
    ) -> Result<Vec<Common>, Error> {
        if choice.ids.is_empty() {
            return Ok(Vec::new());
        }
        let query = match channel {
            Channel::ToUser => {
                concat!("SELECT ", content_columns!(), " FROM dtalk_msg_content c WHERE c.mid IN ",)
            }
            Channel::ToGroup => concat!(
                "SELECT ",
                content_columns!(),
                " FROM dtalk_group_msg_content c WHERE c.kind = 0 AND c.mid IN ",
            ),
        };
        let query = sql(query).list(choice.ids.iter().copied()).then(" ORDER BY c.mid");
        let rows: Vec<Content> = self.all(query).await?;
        Ok(rows.into_iter().map(|row| row.into_common(channel)).collect())
    }
}

/// Messages that fit. `found` is newest first, with one more than the limit if there are more.
fn choose(found: &[Found], range: Range) -> Choice {
    let mut choice = Choice::default();
    for &(id, length) in found.iter().take(range.limit as usize) {
        let length = usize::try_from(length).unwrap_or(usize::MAX / 4);
        let bytes = choice.bytes + answer_len(length + OVERHEAD);
        if bytes > range.bytes && !choice.ids.is_empty() {
            break;
        }
        choice.bytes = bytes;
        choice.ids.push(id);
    }
    choice.more = choice.ids.len() < found.len();
    choice
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(limit: u32, bytes: usize) -> Range {
        Range { after: 0, before: i64::MAX, limit, bytes }
    }

    #[test]
    fn what_fits_is_the_newest_without_a_hole() {
        let found: Vec<Found> = (1..=10).rev().map(|id| (id, 200)).collect();
        let each = answer_len(300);
        let choice = choose(&found, range(9, 4 * each));
        assert_eq!((choice.ids, choice.bytes, choice.more), (vec![10, 9, 8, 7], 4 * each, true));
        let choice = choose(&found, range(9, usize::MAX));
        assert_eq!((choice.len(), choice.oldest(), choice.more), (9, Some(2), true));
        let choice = choose(&found, range(10, usize::MAX));
        assert_eq!((choice.len(), choice.oldest(), choice.more), (10, Some(1), false));
    }

    /// A small message does not follow one that was left out.
    #[test]
    fn the_first_that_does_not_fit_is_the_end() {
        let found = [(5, 200), (4, 100_000), (3, 1)];
        let choice = choose(&found, range(9, 50_000));
        assert_eq!((choice.ids, choice.more), (vec![5], true));
    }

    #[test]
    fn the_newest_is_chosen_whatever_its_length() {
        let choice = choose(&[(5, 100_000), (4, 1)], range(9, 10));
        assert_eq!((choice.ids, choice.more), (vec![5], true));
        assert_eq!(choose(&[], range(9, 10)).oldest(), None);
    }
}
