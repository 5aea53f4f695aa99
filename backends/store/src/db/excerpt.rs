//! Answers of the log to HTTP: the newest messages, and what two users wrote to each other.

use std::cmp::Reverse;

use comet_dtalk::message::{Channel, Common};

use super::Reads;
use super::row::{Content, content_columns};

/// Bytes of content after which an excerpt ends early.
const EXCERPT_BYTES: usize = 8 * 1024 * 1024;

/// The newest messages of a kind, ascending.
#[derive(Debug, Default)]
pub(crate) struct Excerpt {
    pub(crate) messages: Vec<Common>,
    /// Whether there are older ones in the range that was asked for.
    pub(crate) more: bool,
}

/// What to look for: ids above `after` and below `before`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub(crate) after: i64,
    pub(crate) before: i64,
    pub(crate) limit: u32,
}

impl Reads {
    /// The newest messages between `uid` and others.
    pub(crate) async fn newest(&self, uid: &str, range: Range) -> Result<Excerpt, sqlx::Error> {
        let rows: Vec<Content> = sqlx::query_as(concat!(
            "SELECT ",
            content_columns!(),
            " FROM dtalk_msg_relation r JOIN dtalk_msg_content c ON c.mid = r.mid
              WHERE r.owner_uid = ? AND r.mid > ? AND r.mid < ? ORDER BY r.mid DESC LIMIT ?",
        ))
        .bind(uid)
        .bind(range.after)
        .bind(range.before)
        .bind(i64::from(range.limit) + 1)
        .fetch_all(&self.0)
        .await?;
        Ok(excerpt(rows, Channel::ToUser, range.limit))
    }

    /// The newest messages to any of the groups.
    pub(crate) async fn newest_of_groups(
        &self,
        groups: &[i64],
        range: Range,
    ) -> Result<Excerpt, sqlx::Error> {
        let mut newest: Vec<Content> = Vec::new();
        let keep = range.limit as usize + 1;
        let mut after = range.after;
        for group in groups {
            let rows: Vec<Content> = sqlx::query_as(concat!(
                "SELECT ",
                content_columns!(),
                " FROM dtalk_group_msg_content c
                  WHERE c.receiver_id = ? AND c.mid > ? AND c.mid < ?
                  ORDER BY c.mid DESC LIMIT ?",
            ))
            .bind(group.to_string())
            .bind(after)
            .bind(range.before)
            .bind(i64::from(range.limit) + 1)
            .fetch_all(&self.0)
            .await?;
            newest.extend(rows);
            newest.sort_unstable_by_key(|row| Reverse(row.mid()));
            newest.truncate(keep);
            // What is older than a full excerpt of other groups need not be read.
            if newest.len() == keep {
                after = newest.last().map_or(after, Content::mid);
            }
        }
        Ok(excerpt(newest, Channel::ToGroup, range.limit))
    }

    /// What `uid` and `other` wrote to each other before `before`, newest first.
    pub(crate) async fn history(
        &self,
        uid: &str,
        other: &str,
        before: i64,
        limit: u32,
    ) -> Result<Vec<Common>, sqlx::Error> {
        let mut rows: Vec<Content> = Vec::new();
        let directions = if uid == other { 1 } else { 2 };
        for (sender, receiver) in [(uid, other), (other, uid)].into_iter().take(directions) {
            let sent: Vec<Content> = sqlx::query_as(concat!(
                "SELECT ",
                content_columns!(),
                " FROM dtalk_msg_content c
                  WHERE c.sender_id = ? AND c.receiver_id = ? AND c.mid < ?
                  ORDER BY c.mid DESC LIMIT ?",
            ))
            .bind(sender)
            .bind(receiver)
            .bind(before)
            .bind(limit)
            .fetch_all(&self.0)
            .await?;
            rows.extend(sent);
        }
        rows.sort_unstable_by_key(|row| Reverse(row.mid()));
        rows.truncate(limit as usize);
        Ok(rows.into_iter().map(|row| row.into_common(Channel::ToUser)).collect())
    }
}

/// The rows are newest first, one more than the limit if there are more.
fn excerpt(mut rows: Vec<Content>, channel: Channel, limit: u32) -> Excerpt {
    let mut bytes = 0;
    let over = rows.iter().take(limit as usize).position(|row| {
        bytes += row.content_len();
        bytes > EXCERPT_BYTES
    });
    let keep = over.unwrap_or(limit as usize).max(1);
    let more = rows.len() > keep;
    rows.truncate(keep);
    let messages = rows.into_iter().rev().map(|row| row.into_common(channel)).collect();
    Excerpt { messages, more }
}
