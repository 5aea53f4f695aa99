//! One walk over the tables.

use std::time::Duration;

use comet_dtalk::clock;
use tokio::time::Instant;

use super::{Deleter, Interrupted, Keep, Retention, rest};
use crate::db::{AGED, Aged, Deletion, EntryPlace, ReadPool};
use crate::received::Received;

/// Walk of a task that deletes what is due.
pub(super) struct Walk<'a, S> {
    retention: &'a Retention,
    reads: &'a ReadPool,
    deleter: &'a Deleter<S>,
    /// Unix milliseconds.
    now: i64,
}

impl<'a, S> Walk<'a, S> {
    pub(super) fn new(
        retention: &'a Retention,
        reads: &'a ReadPool,
        deleter: &'a Deleter<S>,
    ) -> Self {
        Self { retention, reads, deleter, now: clock::unix_ms().cast_signed() }
    }

    pub(super) async fn all(&self) -> Result<(), Interrupted> {
        let Retention { private, group, signals, deduplication, .. } = *self.retention;
        if private.age.is_some() {
            self.old_messages(self.cutoff(private.age)).await?;
        }
        if let Some(count) = private.count {
            self.conversations(count).await?;
        }
        if group.is_limited() {
            self.groups(group).await?;
        }
        if signals.is_some() {
            self.aged(Aged::Signals, self.cutoff(signals)).await?;
        }
        if deduplication.is_some() {
            self.aged(Aged::Sent, self.cutoff(deduplication)).await?;
        }
        Ok(())
    }

    /// Time of creation before which a row is too old, Unix milliseconds.
    fn cutoff(&self, age: Option<Duration>) -> i64 {
        let age = age.map_or(i64::MAX, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        self.now.saturating_sub(age).max(0)
    }

    /// Reads, and rests after that.
    async fn read<T>(
        &self,
        read: impl Future<Output = Result<T, comet_sql::Error>>,
    ) -> Result<T, Interrupted> {
        let began = Instant::now();
        let rows = read.await?;
        rest(began).await;
        Ok(rows)
    }

    async fn old_messages(&self, cutoff: i64) -> Result<(), Interrupted> {
        loop {
            let old = self.read(self.reads.oldest_messages(cutoff)).await?;
            if old.is_empty() {
                return Ok(());
            }
            self.deleter.delete(Deletion::Messages(old)).await?;
        }
    }

    async fn conversations(&self, count: u32) -> Result<(), Interrupted> {
        let mut pair = (String::new(), String::new());
        while let Some(next) = self.read(self.reads.conversation_after(&pair)).await? {
            let newest = self.read(self.reads.newest_beyond(&next, count)).await?;
            if let Some(newest) = newest {
                self.conversation(&next, newest).await?;
            }
            pair = next;
        }
        Ok(())
    }

    /// Deletes messages of one user to another, and of that one, up to this id.
    async fn conversation(&self, (a, b): &(String, String), upto: i64) -> Result<(), Interrupted> {
        for (sender, receiver) in [(a, b), (b, a)] {
            loop {
                let old = self.read(self.reads.messages_up_to(sender, receiver, upto)).await?;
                if old.is_empty() {
                    break;
                }
                self.deleter.delete(Deletion::Messages(old)).await?;
            }
        }
        Ok(())
    }

    async fn groups(&self, keep: Keep) -> Result<(), Interrupted> {
        let cutoff = self.cutoff(keep.age);
        let mut after = String::new();
        loop {
            let groups = self.read(self.reads.groups_after(&after)).await?;
            let Some((last, _)) = groups.last() else { return Ok(()) };
            after.clone_from(last);
            for (group, position) in &groups {
                let count = keep.count.map_or(i64::MAX, i64::from);
                let through = position.saturating_sub(count).max(0);
                if let Some(end) = self.read(self.reads.end_of_old(group, cutoff, through)).await? {
                    self.timeline(group, end).await?;
                }
            }
        }
    }

    /// Deletes the entries of a group up to this one. The cursors go first: an entry that is gone
    /// must not be waited for.
    async fn timeline(&self, group: &str, end: EntryPlace) -> Result<(), Interrupted> {
        loop {
            let behind = self.read(self.reads.stays_behind(group, end.position)).await?;
            if behind.is_empty() {
                break;
            }
            let missing = behind.iter().map(|stay| {
                let received = Received::up_to(stay.received, 0).with_above(&stay.above);
                received.missing_up_to(end.position.min(stay.left_position)).unsigned_abs()
            });
            let unreceived = missing.sum();
            let uids = behind.into_iter().map(|stay| stay.uid).collect();
            let group = group.to_owned();
            let moved = Deletion::Cursors { group, uids, end, unreceived };
            self.deleter.delete(moved).await?;
        }
        loop {
            let old = self.read(self.reads.entries_up_to(group, end.id)).await?;
            if old.is_empty() {
                return Ok(());
            }
            self.deleter.delete(Deletion::Entries(old)).await?;
        }
    }

    /// Walks a table by its key, and deletes what is old.
    async fn aged(&self, table: Aged, cutoff: i64) -> Result<(), Interrupted> {
        let mut after = None;
        loop {
            let slice = self.read(self.reads.slice(table, after.as_ref())).await?;
            let Some(last) = slice.last() else { return Ok(()) };
            after = Some(last.key.clone());
            let old = slice.into_iter().filter(|row| row.create_time < cutoff);
            let keys: Vec<_> = old.map(|row| row.key).collect();
            for keys in keys.chunks(AGED) {
                let keys = keys.to_vec();
                self.deleter.delete(Deletion::Aged { table, keys, cutoff }).await?;
            }
        }
    }
}
