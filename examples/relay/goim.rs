//! Requests of goim clients besides messages: a change of room, and the ops of pushes.
//!
//! A goim client is in at most one room, named by an id (`live://1000`) that is treated as any
//! other name. It receives the messages of its room; pushes to it as a user only if it accepts the
//! op of pushes.
//!
//! Not here: the number of users online in its room, which the gateway returns in heartbeats.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use comet::{CommandError, Delivery, Gateway, Peer, Refusal, RoomRequest, SessionId};
use comet_protocol::goim_op;
use parking_lot::Mutex;

use crate::record::{Record, Records};

/// Refusal code of a request that goim does not have.
const NOT_GOIM: i32 = 1_001;

/// Limit on the ops of one client; goim has no limit, and its packets are 4 KiB.
const OPS: usize = 1_024;

/// The state of a goim client.
pub(crate) struct Seat {
    room: Mutex<Option<Arc<Record>>>,
    accepts: Mutex<BTreeSet<i32>>,
}

/// All connected goim clients, by user.
#[derive(Default)]
pub(crate) struct Seats {
    users: Mutex<HashMap<Box<str>, Vec<Taken>>>,
}

/// A seat and its session.
type Taken = (SessionId, Arc<Seat>);

impl Seat {
    /// A seat in this room that accepts these ops.
    pub(crate) fn new(room: Option<Arc<Record>>, accepts: impl IntoIterator<Item = i32>) -> Self {
        let accepts = accepts.into_iter().take(OPS).collect();
        Self { room: Mutex::new(room), accepts: Mutex::new(accepts) }
    }

    /// The room.
    pub(crate) fn room(&self) -> Option<Arc<Record>> {
        self.room.lock().clone()
    }

    /// Handles a request of the client. As in goim, the reply repeats the request's body, whether
    /// the request succeeded or not; requests unknown to goim are refused.
    pub(crate) fn grant(
        &self,
        gateway: &Gateway,
        peer: &Peer,
        request: RoomRequest,
        records: &Records,
    ) -> Result<Bytes, Refusal> {
        match request {
            RoomRequest::Change { room } => {
                let name = room.as_deref().unwrap_or_default();
                let changed = self.change_room(gateway, peer, name, records);
                changed.map_err(|_| Refusal::later(0))?;
                Ok(name.to_owned().into())
            }
            RoomRequest::Watch { ops } => {
                self.watch(&ops, |accepts, op| {
                    if accepts.len() < OPS {
                        accepts.insert(op);
                    }
                });
                Ok(ops.into())
            }
            RoomRequest::Unwatch { ops } => {
                self.watch(&ops, |accepts, op| {
                    accepts.remove(&op);
                });
                Ok(ops.into())
            }
            _ => Err(Refusal::new(NOT_GOIM)),
        }
    }

    /// Moves to another room, or to none if the name is empty.
    fn change_room(
        &self,
        gateway: &Gateway,
        peer: &Peer,
        name: &str,
        records: &Records,
    ) -> Result<(), CommandError> {
        let mut room = self.room.lock();
        if let Some(before) = &*room {
            gateway.leave(peer.session(), before.room())?;
        }
        *room = None;
        if !name.is_empty() {
            gateway.join(peer.session(), name)?;
            *room = Some(records.of(name));
        }
        Ok(())
    }

    /// Changes the accepted ops, unless the list contains an invalid number.
    fn watch(&self, list: &str, change: impl Fn(&mut BTreeSet<i32>, i32)) {
        if let Some(ops) = ops(list) {
            let mut accepts = self.accepts.lock();
            ops.into_iter().for_each(|op| change(&mut accepts, op));
        }
    }

    fn accepts_pushes(&self) -> bool {
        i32::try_from(goim_op::PUSH).is_ok_and(|push| self.accepts.lock().contains(&push))
    }
}

impl Seats {
    /// Adds the seat of a client that has connected.
    pub(crate) fn take(&self, peer: &Peer) {
        if let Some(seat) = peer.context::<Arc<Seat>>() {
            let mut users = self.users.lock();
            users.entry(peer.user().into()).or_default().push((peer.session(), Arc::clone(seat)));
        }
    }

    /// Removes the seat of a client that has disconnected.
    pub(crate) fn leave(&self, peer: &Peer) {
        let mut users = self.users.lock();
        if let Some(seats) = users.get_mut(peer.user()) {
            seats.retain(|(session, _)| *session != peer.session());
            if seats.is_empty() {
                users.remove(peer.user());
            }
        }
    }

    /// Pushes to all clients of a user that accept pushes.
    pub(crate) fn push(
        &self,
        gateway: &Gateway,
        user: &str,
        delivery: &Delivery,
    ) -> Result<(), CommandError> {
        let users = self.users.lock();
        let seats = users.get(user).into_iter().flatten();
        seats
            .filter(|(_, seat)| seat.accepts_pushes())
            .map(|(session, _)| gateway.push(*session, delivery.clone()))
            .fold(Ok(()), Result::and)
    }
}

/// Numbers separated by commas; `None` if any is invalid.
fn ops(list: &str) -> Option<Vec<i32>> {
    if list.is_empty() {
        return Some(Vec::new());
    }
    list.split(',').map(|op| op.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_ops_is_taken_as_a_whole_or_not_at_all() {
        assert_eq!(ops("1000,1001,-3"), Some(vec![1_000, 1_001, -3]));
        assert_eq!(ops(""), Some(vec![]));
        for list in ["1000,", "1000, 1001", "x", "4294967296"] {
            assert_eq!(ops(list), None, "{list}");
        }
    }

    #[test]
    fn ops_are_accepted_from_sub_to_unsub() {
        let seat = Seat::new(None, [7]);
        assert!(!seat.accepts_pushes());
        seat.watch("1000,1001", |accepts, op| {
            accepts.insert(op);
        });
        assert!(seat.accepts_pushes());
        seat.watch("1000", |accepts, op| {
            accepts.remove(&op);
        });
        assert!(!seat.accepts_pushes());
    }
}
