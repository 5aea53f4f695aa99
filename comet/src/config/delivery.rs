//! Limits and timings of deliveries.

use std::time::Duration;

use super::Overflow;

/// Deliveries to sessions: in flight, waiting, sent again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeliveryConfig {
    /// Acked deliveries in flight: sent and not yet acknowledged. Default 256, 16 bytes each; at
    /// least 1.
    ///
    /// [`Lane::Signal`](crate::Lane::Signal) may go an eighth beyond it, at least one.
    pub window: u16,
    /// Bytes of acked deliveries in flight. Default 256 KiB; one delivery may always fly.
    pub window_bytes: usize,
    /// Entries that wait for room in the window: single deliveries, 16 bytes each and a reference
    /// to the shared body, and places in rooms' logs, 80 bytes each whatever the backlog. Default
    /// 1,024, at least 1; see [`overflow`](Self::overflow) for one more.
    pub queue: usize,
    /// Bytes of single deliveries that wait for room in the window. Default 1 MiB.
    pub queue_bytes: usize,
    /// Policy for a session that exceeds [`queue`](Self::queue),
    /// [`queue_bytes`](Self::queue_bytes), [`room_log`](Self::room_log) or
    /// [`room_log_bytes`](Self::room_log_bytes), unless overridden by its
    /// [`Identity`](crate::Identity::overflow). Default: it is parked.
    pub overflow: Overflow,
    /// Acked deliveries of a room that are kept, once on each shard, for members that have not read
    /// them. Default 4,096, 8 bytes each and the body; at least 1. Nothing is kept while all
    /// members keep up.
    pub room_log: usize,
    /// Bytes of this log. Default 4 MiB for each room that has slow members.
    pub room_log_bytes: usize,
    /// Keys of latest deliveries that wait for a session that is parked or not writable. Default
    /// 64, 8 bytes each and a reference to the body; beyond it the stalest is dropped, and counted
    /// among the losses that the peer is told.
    pub latest_keys: usize,
    /// Initial and minimum retransmission time-out of a delivery. Default 2 s; at least 10 ms.
    pub rto: Duration,
    /// Maximum time-out after back-off. Default 60 s.
    pub max_rto: Duration,
    /// Transmissions of a delivery before the session is closed as unresponsive. Default 7; at
    /// least 1.
    pub attempts: u8,
    /// Time after which a delivery with a [tag](crate::Delivery::tag) that is not acknowledged is
    /// reported to the router, as [`Event::Overdue`](crate::Event::Overdue). Default zero: no
    /// reports; at most 24 days. No memory of its own; a look at what a session is owed whenever
    /// its timer fires.
    pub overdue: Duration,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self {
            window: 256,
            window_bytes: 256 * 1024,
            queue: 1_024,
            queue_bytes: 1024 * 1024,
            overflow: Overflow::Park,
            room_log: 4_096,
            room_log_bytes: 4 * 1024 * 1024,
            latest_keys: 64,
            rto: Duration::from_secs(2),
            max_rto: Duration::from_secs(60),
            // 2 + 4 + 8 + 16 + 32 + 60 s: two minutes for a client that is connected but silent.
            attempts: 7,
            overdue: Duration::ZERO,
        }
    }
}
