//! Frames to peers that agreed to permessage-deflate, compressed where that is worth it.
//!
//! One compressor serves all connections of a shard: no message refers to another one, so that no
//! connection has a state of its own.
//!
//! Not here: who gets which frame, and how messages of peers are inflated (`reader`).

use comet_protocol::codec::Abilities;
use comet_protocol::comet::Seq;
use comet_protocol::ws::FrameHead;
use comet_protocol::ws::deflate::{Deflater, Window};

use super::connection::Format;
use crate::config::DeflateConfig;
use crate::delivery::Delivery;

/// Bytes of the scratch buffers that are kept.
const SCRATCH: usize = 64 * 1024;

/// The compressor of a shard.
#[derive(Debug)]
pub(in crate::shard) struct Compressor {
    deflater: Deflater,
    least: usize,
    most: usize,
    /// A frame before it is compressed, and after; nothing stays in them.
    plain: Vec<u8>,
    packed: Vec<u8>,
}

impl Compressor {
    pub(super) fn new(config: &DeflateConfig) -> Self {
        let deflater = Deflater::new(config.level);
        let (least, most) = (config.least, config.most);
        Self { deflater, least, most, plain: Vec::new(), packed: Vec::new() }
    }

    /// Whether a payload of this length is worth a try.
    pub(super) fn takes(&self, len: usize) -> bool {
        (self.least..=self.most).contains(&len)
    }

    /// A frame that is written whole, without a mask, compressed if that makes it shorter.
    pub(super) fn frame(&mut self, window: Window, write: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        self.clear();
        write(&mut self.plain);
        let packed = self.deflater.compress(window, &self.plain, 0, &mut self.packed);
        if packed.is_some() { &self.packed } else { &self.plain }
    }

    /// Appends a delivery that any number of peers get, compressed if that is worth it, but for the
    /// part up to the end of its number. Returns where the number stands in what was appended.
    pub(in crate::shard) fn delivery(
        &mut self,
        window: Window,
        format: Format,
        (delivery, room): (&Delivery, Option<&str>),
        out: &mut Vec<u8>,
    ) -> Option<usize> {
        self.clear();
        let plain = &mut self.plain;
        let mut write = |part: &[u8]| plain.extend_from_slice(part);
        let written = format.write(delivery.class, Seq::NONE, (delivery, room), &mut write);
        if !written.has_body {
            self.plain.extend_from_slice(&delivery.body);
        }
        let Ok(Some((head, head_len))) = FrameHead::parse(&self.plain) else { return None };
        let payload_len = self.plain.len() - head_len;
        debug_assert_eq!(head.payload_len, payload_len as u64);
        if self.takes(payload_len) {
            let abilities: &Abilities = format.dialect().abilities();
            let seq_at = written.seq_at.map(|at| at - head_len);
            let stored = seq_at.map_or(0, |at| at + abilities.seq.width());
            if let Some(start) = self.deflater.compress(window, &self.plain, stored, out) {
                return seq_at.map(|at| start + at);
            }
        }
        out.extend_from_slice(&self.plain);
        written.seq_at
    }

    fn clear(&mut self) {
        for scratch in [&mut self.plain, &mut self.packed] {
            scratch.clear();
            scratch.shrink_to(SCRATCH);
        }
    }
}
