//! Pages of the log, for sessions that catch up.

use bytes::Bytes;
use comet_dtalk::message::Channel;
use comet_sql::{Error, sql};

use super::ReadPool;
use super::row::{GroupEntry, Logged, content_columns};
use super::stay::Stay;
use crate::body;
use crate::catch_up::{Item, LogRange, PAGE_BYTES, PAGE_ROWS, Source};
use crate::tag::Tag;

/// First part of a range.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Page {
    /// By ascending id.
    pub(crate) items: Vec<Item>,
    /// Whether the range has no more.
    pub(crate) exhausted: bool,
}

impl ReadPool {
    /// First page of a range of `uid`'s log; `groups` are those of which
    /// he is a member, if they are in it.
    pub(crate) async fn page(
        &self,
        uid: &str,
        range: LogRange,
        groups: &[i64],
    ) -> Result<Page, Error> {
        let mut items = match range.source {
            Source::UnreceivedSignals => self.signals(uid, range).await?,
            Source::Entries { .. } => Vec::new(),
            _ => self.messages(uid, range).await?,
        };
        if matches!(range.source, Source::Log | Source::LogWithGroups) {
            items.extend(self.signals(uid, range).await?);
        }
        if range.source.has_entries() {
            for stay in self.stays_to_read(uid, range, groups).await? {
                // What does not fit any more need not be read.
                let upto = end_of(&mut items).unwrap_or(range.upto);
                items.extend(self.entries(&stay, LogRange { upto, ..range }).await?);
            }
        }
        items.sort_unstable_by_key(|item| item.id);
        let fitting = fitting(&items);
        let exhausted = fitting == items.len();
        items.truncate(fitting);
        Ok(Page { items, exhausted })
    }

    /// Stays with entries in the range, and perhaps others.
    async fn stays_to_read(
        &self,
        uid: &str,
        range: LogRange,
        groups: &[i64],
    ) -> Result<Vec<Stay>, Error> {
        let mut stays = self.stays(uid, groups).await?;
        stays.retain(|stay| stay.joined.id < range.upto && range.after < stay.left.id);
        if let Source::Entries { group, .. } = range.source {
            stays.retain(|stay| stay.group == group);
        }
        if range.source == Source::Unreceived {
            let lasts = self.last_positions(stays.iter().map(|stay| stay.group)).await?;
            stays.retain(|stay| {
                let last = lasts.get(&stay.group).copied().unwrap_or(0);
                stay.received.through < last.min(stay.left.position)
            });
        }
        Ok(stays)
    }

    async fn messages(&self, uid: &str, range: LogRange) -> Result<Vec<Item>, Error> {
        let query = if range.source == Source::Unreceived {
            concat!(
                "SELECT ",
                content_columns!(),
                ", r.owner_seq FROM dtalk_msg_relation r{index:dtalk_msg_relation_unreceived}
                    JOIN dtalk_msg_content c ON c.mid = r.mid
                  WHERE r.owner_uid = ? AND r.mid > ? AND r.mid <= ? AND r.state = 0
                  ORDER BY r.mid LIMIT ?",
            )
        } else {
            concat!(
                "SELECT ",
                content_columns!(),
                ", r.owner_seq FROM dtalk_msg_relation r JOIN dtalk_msg_content c ON c.mid = r.mid
                  WHERE r.owner_uid = ? AND r.mid > ? AND r.mid <= ?
                  ORDER BY r.mid LIMIT ?",
            )
        };
        let query = sql(query).bind(uid).bind(range.after).bind(range.upto).bind(row_limit());
        let rows: Vec<Logged> = self.all(query).await?;
        Ok(rows.into_iter().map(logged_item).collect())
    }

    async fn entries(&self, stay: &Stay, range: LogRange) -> Result<Vec<Item>, Error> {
        let unreceived = range.source == Source::Unreceived;
        let begin = if unreceived { stay.received.through_id } else { stay.joined.id };
        let (after, upto) = (range.after.max(begin), range.upto.min(stay.left.id));
        let (first, last) = match range.source {
            Source::Entries { first, last, .. } => (first, last),
            _ => (0, i64::MAX),
        };
        if after >= upto {
            return Ok(Vec::new());
        }
        let query = sql(concat!(
            "SELECT ",
            content_columns!(),
            ", c.kind, c.position FROM dtalk_group_msg_content c
              WHERE c.receiver_id = ? AND c.mid > ? AND c.mid <= ?
              AND c.position >= ? AND c.position <= ? ORDER BY c.mid LIMIT ?",
        ))
        .bind(stay.group.to_string())
        .bind(after)
        .bind(upto)
        .bind(first)
        .bind(last)
        .bind(row_limit());
        let rows: Vec<GroupEntry> = self.all(query).await?;
        let item = |entry: GroupEntry| {
            let is_received = unreceived && stay.received.has(entry.position);
            if is_received { nothing_at(entry.content.mid()) } else { group_item(entry) }
        };
        Ok(rows.into_iter().map(item).collect())
    }

    async fn signals(&self, uid: &str, range: LogRange) -> Result<Vec<Item>, Error> {
        let query = if range.source == Source::UnreceivedSignals {
            "SELECT id, type, content
             FROM dtalk_signal_content{index:dtalk_signal_content_unreceived}
             WHERE uid = ? AND id > ? AND id <= ? AND state = 0 ORDER BY id LIMIT ?"
        } else {
            "SELECT id, type, content FROM dtalk_signal_content
             WHERE uid = ? AND id > ? AND id <= ? ORDER BY id LIMIT ?"
        };
        let query = sql(query).bind(uid).bind(range.after).bind(range.upto).bind(row_limit());
        let rows: Vec<(i64, i32, Vec<u8>)> = self.all(query).await?;
        let item = |(id, kind, content): (i64, i32, Vec<u8>)| Item {
            id,
            position: 0,
            body: body::signal(kind, content.into(), id),
            tag: Tag::Signal(id).encode(),
        };
        Ok(rows.into_iter().map(item).collect())
    }
}

/// One row more than a page takes, to detect the end of the range.
fn row_limit() -> i64 {
    PAGE_ROWS as i64 + 1
}

fn logged_item(Logged { content, position }: Logged) -> Item {
    let (id, tag) = (content.mid(), Tag::Message(content.mid()).encode());
    Item { id, position, body: body::message(&content.into_common(Channel::ToUser)), tag }
}

/// Place of an entry that the user has.
fn nothing_at(id: i64) -> Item {
    Item { id, position: 0, body: Bytes::new(), tag: 0 }
}

fn group_item(GroupEntry { content, kind, .. }: GroupEntry) -> Item {
    let id = content.mid();
    let common = content.into_common(Channel::ToGroup);
    let body = body::entry(kind, &common);
    Item { id, position: 0, body, tag: Tag::Group(id).encode() }
}

/// Sorts items, and drops those that are too many for a page; returns the last id if it is full.
fn end_of(items: &mut Vec<Item>) -> Option<i64> {
    items.sort_unstable_by_key(|item| item.id);
    items.truncate(PAGE_ROWS + 1);
    items.get(PAGE_ROWS).map(|last| last.id)
}

/// Number of items that fit a page, at least one.
fn fitting(items: &[Item]) -> usize {
    let mut bytes = 0;
    let over = items.iter().take(PAGE_ROWS).position(|item| {
        bytes += item.body.len();
        bytes > PAGE_BYTES
    });
    over.unwrap_or(PAGE_ROWS).clamp(1, items.len().max(1)).min(items.len())
}
