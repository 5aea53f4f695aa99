//! A publish batch: publishes to one room that follow each other, encoded once for each wire
//! format, as a template in which only numbers differ from member to member.

use std::rc::Rc;

use bytes::Bytes;
use comet_protocol::Framing;
use comet_protocol::codec::SeqForm;
use comet_protocol::comet::Seq;
use comet_protocol::comet::limits::KEY;
use comet_protocol::ws::deflate::Window;
use comet_protocol::ws::{self, Opcode};

use super::super::connections::{Compressor, Format};
use crate::budget::{Account, Charge};
use crate::delivery::{Class, Held, Lane, Logged};

/// Bytes of bodies, and deliveries, at which a batch ends, so that the first is not late.
const BATCH_BYTES: usize = 64 * 1024;
const BATCH_COUNT: usize = 512;

/// Templates above this are not kept for the next batch.
const KEEP: usize = 256 * 1024;

/// Publishes of one class and lane to one room, in order.
#[derive(Debug)]
pub(super) struct PublishBatch {
    pub(super) room: u32,
    pub(super) class: Class,
    lane: Lane,
    /// Whether members that do not know the class get it as best effort.
    pub(super) falls_back: bool,
    pub(super) items: Vec<Rc<Held>>,
    pub(super) bytes: usize,
    /// Of the longest body, with its key.
    pub(super) longest: usize,
    pub(super) templates: [Template; Format::COUNT],
    /// Formats whose templates have been filled.
    filled: Vec<Format>,
    /// Where the first item stands in the room's log, once a member had to wait for any.
    pub(super) logged: Option<Logged>,
}

impl Default for PublishBatch {
    fn default() -> Self {
        Self {
            room: 0,
            class: Class::BestEffort,
            lane: Lane::Normal,
            falls_back: true,
            items: Vec::new(),
            bytes: 0,
            longest: 0,
            templates: std::array::from_fn(|_| Template::default()),
            filled: Vec::new(),
            logged: None,
        }
    }
}

/// A batch in one wire format.
#[derive(Debug)]
pub(super) struct Template {
    bytes: Vec<u8>,
    /// Where each delivery's number stands; empty if the format has none.
    seqs: Vec<usize>,
    /// Where each delivery ends.
    ends: Vec<usize>,
    /// The same bytes to be referred to, once somebody has needed that.
    shared: Option<(Bytes, Rc<Charge>)>,
    /// One WebSocket message holds all of it, and none of its parts.
    is_batch: bool,
    seq_form: SeqForm,
}

impl PublishBatch {
    pub(super) fn goes_on(&self, room: u32, item: &Held) -> bool {
        let Some(delivery) = item.as_delivery() else { return false };
        self.items.is_empty()
            || (self.room == room
                && self.class == delivery.class
                && self.lane == delivery.lane
                && self.falls_back == delivery.falls_back
                && self.bytes < BATCH_BYTES
                && self.items.len() < BATCH_COUNT)
    }

    pub(super) fn push(&mut self, room: u32, item: Rc<Held>) {
        if let Some(delivery) = item.as_delivery() {
            (self.room, self.class, self.lane) = (room, delivery.class, delivery.lane);
            self.falls_back = delivery.falls_back;
        }
        self.bytes += item.len();
        self.longest = self.longest.max(item.len() + KEY);
        self.items.push(item);
    }

    pub(super) fn clear(&mut self) {
        self.items.clear();
        (self.bytes, self.longest) = (0, 0);
        for format in self.filled.drain(..) {
            self.templates[format.index()].clear();
        }
    }

    /// How long the batch is in a format, without numbers; 0 if it has numbers there, or has not
    /// been encoded.
    pub(super) fn direct_len(&self, format: Option<Format>) -> usize {
        match format {
            Some(it) if self.class == Class::Acked && it.dialect().abilities().has_acks() => 0,
            Some(format) => self.templates[format.index()].full_len(),
            None => 0,
        }
    }

    /// Encodes the batch in a format, unless that has been done.
    pub(super) fn fill(&mut self, format: Format, compressor: &mut Compressor) -> &mut Template {
        let template = &mut self.templates[format.index()];
        if template.ends.is_empty() {
            self.filled.push(format);
            match format.deflate() {
                Some(window) => template.fill_deflated(format, window, &self.items, compressor),
                None => template.fill(format, &self.items),
            }
        }
        template
    }
}

impl Default for Template {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            seqs: Vec::new(),
            ends: Vec::new(),
            shared: None,
            is_batch: false,
            seq_form: SeqForm::Binary,
        }
    }
}

impl Template {
    /// Encodes the batch. Where one message may hold several packets, it holds all.
    fn fill(&mut self, format: Format, items: &[Rc<Held>]) {
        let (dialect, framing) = (format.dialect(), format.framing());
        let abilities = dialect.abilities();
        self.seq_form = abilities.seq;
        let batched = framing == Framing::Messages && abilities.batches && items.len() > 1;
        let inner = if batched { format.on_stream() } else { format };
        for item in items {
            let Some(delivery) = item.as_delivery() else { continue };
            let start = self.bytes.len();
            let bytes = &mut self.bytes;
            let mut write = |part: &[u8]| bytes.extend_from_slice(part);
            let what = (delivery, item.room());
            let written = inner.write(delivery.class, Seq::NONE, what, &mut write);
            self.seqs.extend(written.seq_at.map(|at| start + at));
            if !written.has_body {
                self.bytes.extend_from_slice(&delivery.body);
            }
            self.ends.push(self.bytes.len());
        }
        self.is_batch = batched;
        if batched {
            let header = ws::header(Opcode::Binary, self.bytes.len());
            self.bytes.splice(0..0, header.iter().copied());
            self.seqs.iter_mut().chain(&mut self.ends).for_each(|at| *at += header.len());
        }
    }

    /// Encodes the batch compressed, each delivery as a message of its own: one that held several
    /// would have numbers in its midst, which differ from member to member.
    fn fill_deflated(
        &mut self,
        format: Format,
        window: Window,
        items: &[Rc<Held>],
        compressor: &mut Compressor,
    ) {
        self.seq_form = format.dialect().abilities().seq;
        for item in items {
            let Some(delivery) = item.as_delivery() else { continue };
            let start = self.bytes.len();
            let what = (delivery, item.room());
            let seq_at = compressor.delivery(window, format, what, &mut self.bytes);
            self.seqs.extend(seq_at.map(|at| start + at));
            self.ends.push(self.bytes.len());
        }
    }

    /// Whether the first `count` of so many can be taken from it.
    pub(super) fn can_give(&self, count: usize, all: usize) -> bool {
        !self.is_batch || count == all
    }

    /// The first `count` deliveries, numbered from `first`, or all 0.
    pub(super) fn numbered(&mut self, first: u32, count: usize) -> &[u8] {
        let mut seq = Seq::new(first);
        for &at in self.seqs.iter().take(count) {
            self.seq_form.write(&mut self.bytes, at, seq.get());
            seq = if seq.is_none() { seq } else { seq.next() };
        }
        self.first(count)
    }

    /// The first `count` deliveries, with the numbers that were written last.
    pub(super) fn first(&self, count: usize) -> &[u8] {
        let end = count.checked_sub(1).and_then(|last| self.ends.get(last)).copied();
        &self.bytes[..end.unwrap_or(0)]
    }

    /// How long all of it is; 0 before it is encoded.
    #[inline]
    pub(super) fn full_len(&self) -> usize {
        self.bytes.len()
    }

    /// Its first bytes, with the numbers that were written last.
    #[inline]
    pub(super) fn prefix(&self, len: usize) -> &[u8] {
        &self.bytes[..len]
    }

    /// The same bytes to be referred to, charged once; `None` if there is no memory for them.
    pub(super) fn shared(&mut self, account: &Rc<Account>) -> Option<(Bytes, Rc<Charge>)> {
        if self.shared.is_none() {
            let charge = Charge::new(account, self.bytes.len()).ok()?;
            self.shared = Some((Bytes::copy_from_slice(&self.bytes), Rc::new(charge)));
        }
        self.shared.clone()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > KEEP {
            self.bytes = Vec::new();
        }
        self.seqs.clear();
        self.ends.clear();
        (self.shared, self.is_batch) = (None, false);
    }
}
