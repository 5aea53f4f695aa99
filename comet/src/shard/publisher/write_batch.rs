//! Writes of a walk over a room's members, a batch of them at a time.
//!
//! A member's part of the publish batch is the template itself, or a copy where its numbers are its
//! own.
//!
//! Not here: the choice of recipients (`walk`), and queues (`connections`).

use std::io;

use super::super::connections::BATCH;
use super::Part;
use super::publish_batch::{PublishBatch, Template};

/// Bytes of copies from which on they are written, however few there are.
const COPIES: usize = 64 * 1024;

/// Writes that are about to be made, one for each member at most.
#[derive(Debug, Default)]
pub(super) struct WriteBatch {
    writes: Vec<Planned>,
    copies: Vec<u8>,
    /// For reuse.
    pub(super) results: Vec<io::Result<usize>>,
}

/// One write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planned {
    pub(super) part: Part,
    pub(super) len: usize,
    /// Where its copy begins, if it has one.
    pub(super) copy: Option<usize>,
}

impl WriteBatch {
    pub(super) fn is_full(&self) -> bool {
        self.writes.len() >= BATCH || self.copies.len() >= COPIES
    }

    pub(super) fn len(&self) -> usize {
        self.writes.len()
    }

    /// Adds a part that is written as its template says now.
    pub(super) fn plan(&mut self, part: Part, template: &mut Template) {
        let (len, copy) = if part.first == 0 {
            (template.first(part.count).len(), None)
        } else {
            let from = self.copies.len();
            self.copies.extend_from_slice(template.numbered(part.first, part.count));
            (self.copies.len() - from, Some(from))
        };
        self.writes.push(Planned { part, len, copy });
    }

    #[inline]
    pub(super) fn push(&mut self, planned: Planned) {
        self.writes.push(planned);
    }

    pub(super) fn planned(&self) -> impl Iterator<Item = &Planned> {
        self.writes.iter()
    }

    /// The parts from a place on.
    pub(super) fn parts(&self, from: usize) -> impl Iterator<Item = Part> {
        self.writes[from..].iter().map(|planned| planned.part)
    }

    /// The slot and the bytes of each write.
    pub(super) fn bytes<'a>(
        &'a self,
        batch: &'a PublishBatch,
    ) -> impl Iterator<Item = (u32, &'a [u8])> + Clone {
        self.writes.iter().map(|&Planned { part, len, copy }| {
            let bytes = match copy {
                Some(from) => &self.copies[from..from + len],
                None => batch.templates[part.format.index()].prefix(len),
            };
            (part.slot, bytes)
        })
    }

    pub(super) fn clear(&mut self) {
        self.writes.clear();
        self.copies.clear();
        self.copies.shrink_to(2 * COPIES);
    }
}
