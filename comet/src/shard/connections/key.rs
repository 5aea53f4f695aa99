//! Keys of connections, which tell one in a slot from those before and after it.

/// A connection of a shard, told from those that had its slot before or get it next.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct ConnectionKey {
    pub(super) slot: u32,
    pub(super) serial: u32,
}

impl ConnectionKey {
    pub(in crate::shard) fn new(slot: u32, serial: u32) -> Self {
        Self { slot, serial }
    }

    pub(in crate::shard) fn slot(self) -> u32 {
        self.slot
    }

    pub(in crate::shard) fn serial(self) -> u32 {
        self.serial
    }
}
