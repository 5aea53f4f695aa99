//! Frames on their way to the lanes of a connection, and writes of these.
//!
//! Not here: the stream of the connection (`outgoing`, `writing`).

use std::io::ErrorKind;

use super::lanes::ALL;
use super::{Connection, Connections, Outgoing};
use crate::delivery::Lane;
use crate::time::Time;

/// The queue of a connection's lane, open for frames that leave when the turn ends.
pub(in crate::shard) fn outgoing_lane(
    table: &mut Connections,
    slot: u32,
    now: Time,
    lane: Lane,
) -> Option<Outgoing<'_>> {
    let connection = table.slots.get_mut(slot as usize)?.as_mut()?;
    let is_blocked = connection.extras.lanes_or_new().is_blocked(lane);
    if !connection.state.dirty && !is_blocked {
        connection.state.dirty = true;
        table.dirty.push(slot);
    }
    connection.last_write.note(now);
    let pool = &mut table.pool;
    let scratch = (&mut table.queued, &mut table.scratch);
    Some(Outgoing::of_lane(connection, lane, scratch, || pool.take(now)))
}

/// Writes the queues of a connection's lanes. The connection is noted if its session has to know
/// that other lanes are blocked than before. Bytes that left.
///
/// # Errors
///
/// Those of the transport; [`OutOfMemory`](ErrorKind::OutOfMemory) says that not everything could
/// be queued.
pub(super) fn write_lanes(
    table: &mut Connections,
    slot: u32,
    now: Time,
) -> Result<usize, ErrorKind> {
    let connection = table.slots.get_mut(slot as usize).and_then(Option::as_mut);
    let Some(Connection { transport, extras, .. }) = connection else { return Ok(0) };
    let Some(lanes) = extras.lanes_mut() else { return Ok(0) };
    let mut total = 0;
    for lane in ALL {
        total += lanes.flush(now, lane, &mut transport.lane(lane), &mut table.pool)?;
    }
    transport.drive().map_err(|error| error.kind())?;
    if lanes.has_news() {
        table.lane_news.push(slot);
    }
    extras.drop_idle_lanes();
    Ok(total)
}

/// Whether sessions have to know that lanes are blocked, or no longer.
#[inline]
pub(in crate::shard) fn has_lane_news(table: &Connections) -> bool {
    !table.lane_news.is_empty()
}

/// Connections whose sessions have to know that lanes are blocked, or no longer, and which: a bit
/// for each lane.
pub(in crate::shard) fn take_lane_news(table: &mut Connections) -> Vec<(u32, u8)> {
    let slots = std::mem::take(&mut table.lane_news);
    let news = slots.into_iter().filter_map(|slot| {
        let extras = &mut table.get_mut(slot)?.extras;
        let blocked = extras.lanes_mut()?.tell();
        extras.drop_idle_lanes();
        Some((slot, blocked))
    });
    news.collect()
}
