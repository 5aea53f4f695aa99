//! Limits on the connections of a port, in total and per address.
//!
//! A full port still accepts new connections: each evicts the connection that has been idle
//! longest, between requests or before its first one. A new connection is refused only if all
//! others have requests in progress. The same holds for the limit per address.
//!
//! Not here: the client address of a proxied request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use comet::network;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::deadlines::Deadlines;

/// Dismissed connections that may still hold their descriptors when another is accepted.
const LEAVING: usize = 8;

/// Reason for refusing a connection or a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum LimitReached {
    /// All slots are taken by requests in progress.
    Port,
    /// The address is at its limit.
    Address,
}

/// The slots of a port.
#[derive(Clone, Debug)]
pub(super) struct Slots(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    /// 0 for no limit.
    per_address: usize,
    table: Mutex<SlotTable>,
    /// Notified when a dismissed connection has closed.
    left: Notify,
}

#[derive(Debug, Default)]
struct SlotTable {
    last: u64,
    open: HashMap<u64, OpenConnection>,
    /// Connections and proxied requests of each address.
    addresses: HashMap<IpAddr, usize>,
    /// Dismissed connections that are not closed yet.
    leaving: usize,
}

/// A connection with a slot.
#[derive(Debug)]
struct OpenConnection {
    address: Option<IpAddr>,
    deadlines: Arc<Mutex<Deadlines>>,
    wake: Arc<Notify>,
}

/// The slot of a connection or a request, released on drop.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Slots,
    /// The number of a connection.
    id: Option<u64>,
    /// The address of a request.
    address: Option<IpAddr>,
}

impl Slots {
    pub(super) fn new(most: usize, per_address: usize) -> Self {
        let (table, left) = (Mutex::default(), Notify::new());
        Self(Arc::new(Inner { most, per_address, table, left }))
    }

    /// A slot for a connection, if need be that of an idle one, which is notified through its
    /// `wake` and its deadlines. Without an address, the limit per address is not checked.
    pub(super) fn connection(
        &self,
        address: Option<IpAddr>,
        deadlines: &Arc<Mutex<Deadlines>>,
        wake: &Arc<Notify>,
    ) -> Result<Slot, LimitReached> {
        let address = address.map(network);
        let mut table = self.0.table.lock();
        if let Some(address) = address
            && self.has_its_share(&table, address)
            && !table.dismiss(|open| open.address == Some(address))
        {
            return Err(LimitReached::Address);
        }
        if table.open.len() >= self.0.most && !table.dismiss(|_| true) {
            return Err(LimitReached::Port);
        }
        if let Some(address) = address {
            *table.addresses.entry(address).or_default() += 1;
        }
        table.last += 1;
        let id = table.last;
        let (deadlines, wake) = (Arc::clone(deadlines), Arc::clone(wake));
        table.open.insert(id, OpenConnection { address, deadlines, wake });
        Ok(Slot { slots: self.clone(), id: Some(id), address: None })
    }

    /// A slot within the limit of an address, for a proxied request.
    pub(super) fn request(&self, address: IpAddr) -> Result<Slot, LimitReached> {
        let address = network(address);
        let mut table = self.0.table.lock();
        if self.has_its_share(&table, address)
            && !table.dismiss(|open| open.address == Some(address))
        {
            return Err(LimitReached::Address);
        }
        *table.addresses.entry(address).or_default() += 1;
        Ok(Slot { slots: self.clone(), id: None, address: Some(address) })
    }

    /// Returns once at most [`LEAVING`] dismissed connections are left.
    pub(super) async fn settled(&self) {
        while self.0.table.lock().leaving > LEAVING {
            self.0.left.notified().await;
        }
    }

    fn has_its_share(&self, table: &SlotTable, address: IpAddr) -> bool {
        let count = table.addresses.get(&address).copied().unwrap_or_default();
        self.0.per_address > 0 && count >= self.0.per_address
    }
}

impl SlotTable {
    /// Evicts the connection that has been idle longest; false if there is none.
    fn dismiss(&mut self, among: impl Fn(&OpenConnection) -> bool) -> bool {
        let silent = self.open.iter().filter(|(_, open)| among(open)).filter_map(|(id, open)| {
            let since: Instant = open.deadlines.lock().idle_since()?;
            Some((since, *id))
        });
        let Some((_, id)) = silent.min() else { return false };
        let Some(open) = self.open.remove(&id) else { return false };
        self.release(open.address);
        self.leaving += 1;
        open.deadlines.lock().dismiss();
        open.wake.notify_one();
        true
    }

    fn release(&mut self, address: Option<IpAddr>) {
        let Some(address) = address else { return };
        let Some(count) = self.addresses.get_mut(&address) else { return };
        *count -= 1;
        if *count == 0 {
            self.addresses.remove(&address);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut table = self.slots.0.table.lock();
        let Some(id) = self.id else { return table.release(self.address) };
        match table.open.remove(&id) {
            Some(open) => table.release(open.address),
            None => {
                table.leaving -= 1;
                self.slots.0.left.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::deadlines::Times;
    use super::*;

    type Connection = (Slot, Arc<Mutex<Deadlines>>);

    fn connect(slots: &Slots, address: &str, at: Instant) -> Result<Connection, LimitReached> {
        let second = Duration::from_secs(1);
        let times = Times { head: second, body: second, idle: second, write: second };
        let deadlines = Arc::new(Mutex::new(Deadlines::new(times, at)));
        let address = Some(address.parse().unwrap());
        Ok((slots.connection(address, &deadlines, &Arc::default())?, deadlines))
    }

    fn is_dismissed((_, deadlines): &Connection) -> bool {
        deadlines.lock().is_leaving()
    }

    #[test]
    fn a_newcomer_takes_the_place_of_who_has_been_silent_longest() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let slots = Slots::new(3, 0);
        let served = connect(&slots, "10.0.0.1", at(0)).unwrap();
        served.1.lock().request(false);
        let later = connect(&slots, "10.0.0.2", at(2)).unwrap();
        let earlier = connect(&slots, "10.0.0.3", at(1)).unwrap();
        let newest = connect(&slots, "10.0.0.4", at(3)).unwrap();
        let all = [&served, &later, &earlier, &newest].map(is_dismissed);
        assert_eq!(all, [false, false, true, false]);

        for connection in [&later, &newest] {
            connection.1.lock().request(false);
        }
        assert_eq!(connect(&slots, "10.0.0.5", at(4)).unwrap_err(), LimitReached::Port);
        drop(earlier);
        assert_eq!(
            connect(&slots, "10.0.0.5", at(4)).unwrap_err(),
            LimitReached::Port,
            "counted once"
        );
        drop(later);
        assert!(connect(&slots, "10.0.0.5", at(4)).is_ok());
    }

    #[test]
    fn an_address_at_its_share_takes_its_own_places() {
        let start = Instant::now();
        let slots = Slots::new(100, 2);
        let other = connect(&slots, "10.0.0.9", start).unwrap();
        let one = connect(&slots, "2001:db8::1", start).unwrap();
        let two = connect(&slots, "2001:db8::2", start + Duration::from_secs(1)).unwrap();
        let three = connect(&slots, "2001:db8::3", start + Duration::from_secs(2)).unwrap();
        assert_eq!([&other, &one, &two, &three].map(is_dismissed), [false, true, false, false]);
        two.1.lock().request(false);
        three.1.lock().request(false);
        let address: IpAddr = "2001:db8::4".parse().unwrap();
        assert_eq!(connect(&slots, "2001:db8::4", start).unwrap_err(), LimitReached::Address);
        assert_eq!(slots.request(address).unwrap_err(), LimitReached::Address);
        drop(two);
        let request = slots.request(address).unwrap();
        assert_eq!(slots.request(address).unwrap_err(), LimitReached::Address);
        drop(request);
        assert!(slots.request(address).is_ok());
    }

    #[test]
    fn nothing_is_kept_of_who_has_gone() {
        let start = Instant::now();
        let slots = Slots::new(2, 2);
        let connections: Vec<_> =
            (0..10).map(|_| connect(&slots, "10.0.0.1", start).unwrap()).collect();
        assert_eq!(slots.0.table.lock().leaving, 8);
        drop(connections);
        let table = slots.0.table.lock();
        assert!(table.open.is_empty() && table.addresses.is_empty());
        assert_eq!(table.leaving, 0);
    }
}
