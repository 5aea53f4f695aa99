//! Session ids.

use std::fmt;

const SLOT_BITS: u32 = 24;
const GENERATION_BITS: u32 = 28;

/// Maximum number of sessions and connections of one shard.
pub(crate) const MAX_SLOTS: usize = 1 << SLOT_BITS;

/// Maximum number of shards of a gateway.
pub(crate) const MAX_SHARDS: usize = 1 << (64 - SLOT_BITS - GENERATION_BITS);

/// Id of a session, unique for as long as the gateway runs.
///
/// Encodes the shard of the session and its slot there, so that reaching it needs no lookup. A slot
/// is reused, under a new generation, after its session has ended.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId(u64);

impl SessionId {
    pub(crate) fn new(shard: usize, slot: u32, generation: u32) -> Self {
        debug_assert!(shard < MAX_SHARDS && (slot as usize) < MAX_SLOTS);
        let generation = u64::from(generation) & ((1 << GENERATION_BITS) - 1);
        let high = ((shard as u64) << GENERATION_BITS) | generation;
        Self((high << SLOT_BITS) | u64::from(slot))
    }

    /// Inverse of [`as_u64`](Self::as_u64).
    pub(crate) const fn from_u64(id: u64) -> Self {
        Self(id)
    }

    /// A form of 53 bits, for peers whose numbers have no more: repeats slightly sooner.
    pub(crate) fn short(self) -> u64 {
        let shard = self.0 >> (SLOT_BITS + GENERATION_BITS);
        let generation = u64::from(self.generation()) & 0x1_ffff;
        ((shard << 17 | generation) << SLOT_BITS) | u64::from(self.slot())
    }

    /// The shard on which the session lives.
    #[must_use]
    pub fn shard(self) -> usize {
        usize::try_from(self.0 >> (SLOT_BITS + GENERATION_BITS)).unwrap_or(usize::MAX)
    }

    pub(crate) fn slot(self) -> u32 {
        (self.0 & ((1 << SLOT_BITS) - 1)) as u32
    }

    pub(crate) fn generation(self) -> u32 {
        ((self.0 >> SLOT_BITS) & ((1 << GENERATION_BITS) - 1)) as u32
    }

    /// The id as a number, for logs and tables.
    #[must_use]
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.shard(), self.slot(), self.generation())
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back() {
        let id = SessionId::new(4_095, (1 << 24) - 1, (1 << 28) - 1);
        assert_eq!((id.shard(), id.slot(), id.generation()), (4_095, 0xff_ffff, 0xfff_ffff));
        let id = SessionId::new(1, 2, 3);
        assert_eq!((id.shard(), id.slot(), id.generation()), (1, 2, 3));
        assert_eq!(id.to_string(), "1.2.3");
    }
}
