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

use super::pace::Pace;

/// Dismissed connections that may still hold their descriptors when another is accepted.
const LEAVING: usize = 8;

/// Reason for refusing a connection or a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Full {
    /// All places are taken by requests in progress.
    Port,
    /// The address is at its limit.
    Address,
}

/// The places of a port.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    /// 0 for no limit.
    per_address: usize,
    taken: Mutex<Taken>,
    /// Notified when a dismissed connection has closed.
    left: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    last: u64,
    open: HashMap<u64, Seat>,
    /// Connections and proxied requests of each address.
    addresses: HashMap<IpAddr, usize>,
    /// Dismissed connections that are not closed yet.
    leaving: usize,
}

/// A connection with a place.
#[derive(Debug)]
struct Seat {
    address: Option<IpAddr>,
    pace: Arc<Mutex<Pace>>,
    wake: Arc<Notify>,
}

/// The place of a connection or a request, released on drop.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    /// The seat of a connection.
    seat: Option<u64>,
    /// The address of a request.
    address: Option<IpAddr>,
}

impl Places {
    pub(super) fn new(most: usize, per_address: usize) -> Self {
        let (taken, left) = (Mutex::default(), Notify::new());
        Self(Arc::new(Inner { most, per_address, taken, left }))
    }

    /// A place for a connection, if need be that of an idle one, which is notified through its
    /// `wake` and its pace. Without an address, the limit per address is not checked.
    pub(super) fn connection(
        &self,
        address: Option<IpAddr>,
        pace: &Arc<Mutex<Pace>>,
        wake: &Arc<Notify>,
    ) -> Result<Place, Full> {
        let address = address.map(network);
        let mut taken = self.0.taken.lock();
        if let Some(address) = address
            && self.has_its_share(&taken, address)
            && !taken.dismiss(|seat| seat.address == Some(address))
        {
            return Err(Full::Address);
        }
        if taken.open.len() >= self.0.most && !taken.dismiss(|_| true) {
            return Err(Full::Port);
        }
        if let Some(address) = address {
            *taken.addresses.entry(address).or_default() += 1;
        }
        taken.last += 1;
        let id = taken.last;
        let (pace, wake) = (Arc::clone(pace), Arc::clone(wake));
        taken.open.insert(id, Seat { address, pace, wake });
        Ok(Place { places: self.clone(), seat: Some(id), address: None })
    }

    /// A place within the limit of an address, for a proxied request.
    pub(super) fn request(&self, address: IpAddr) -> Result<Place, Full> {
        let address = network(address);
        let mut taken = self.0.taken.lock();
        if self.has_its_share(&taken, address)
            && !taken.dismiss(|seat| seat.address == Some(address))
        {
            return Err(Full::Address);
        }
        *taken.addresses.entry(address).or_default() += 1;
        Ok(Place { places: self.clone(), seat: None, address: Some(address) })
    }

    /// Returns once at most [`LEAVING`] dismissed connections are left.
    pub(super) async fn settled(&self) {
        while self.0.taken.lock().leaving > LEAVING {
            self.0.left.notified().await;
        }
    }

    fn has_its_share(&self, taken: &Taken, address: IpAddr) -> bool {
        let count = taken.addresses.get(&address).copied().unwrap_or_default();
        self.0.per_address > 0 && count >= self.0.per_address
    }
}

impl Taken {
    /// Evicts the connection that has been idle longest; false if there is none.
    fn dismiss(&mut self, among: impl Fn(&Seat) -> bool) -> bool {
        let silent = self.open.iter().filter(|(_, seat)| among(seat)).filter_map(|(id, seat)| {
            let since: Instant = seat.pace.lock().idle_since()?;
            Some((since, *id))
        });
        let Some((_, id)) = silent.min() else { return false };
        let Some(seat) = self.open.remove(&id) else { return false };
        self.give_back(seat.address);
        self.leaving += 1;
        seat.pace.lock().dismiss();
        seat.wake.notify_one();
        true
    }

    fn give_back(&mut self, address: Option<IpAddr>) {
        let Some(address) = address else { return };
        let Some(count) = self.addresses.get_mut(&address) else { return };
        *count -= 1;
        if *count == 0 {
            self.addresses.remove(&address);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.taken.lock();
        let Some(id) = self.seat else { return taken.give_back(self.address) };
        match taken.open.remove(&id) {
            Some(seat) => taken.give_back(seat.address),
            None => {
                taken.leaving -= 1;
                self.places.0.left.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::pace::Times;
    use super::*;

    type Connection = (Place, Arc<Mutex<Pace>>);

    fn connect(places: &Places, address: &str, at: Instant) -> Result<Connection, Full> {
        let second = Duration::from_secs(1);
        let times = Times { head: second, body: second, idle: second, write: second };
        let pace = Arc::new(Mutex::new(Pace::new(times, at)));
        let address = Some(address.parse().unwrap());
        Ok((places.connection(address, &pace, &Arc::default())?, pace))
    }

    fn is_dismissed((_, pace): &Connection) -> bool {
        pace.lock().is_leaving()
    }

    #[test]
    fn a_newcomer_takes_the_place_of_who_has_been_silent_longest() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let places = Places::new(3, 0);
        let served = connect(&places, "10.0.0.1", at(0)).unwrap();
        served.1.lock().request(false);
        let later = connect(&places, "10.0.0.2", at(2)).unwrap();
        let earlier = connect(&places, "10.0.0.3", at(1)).unwrap();
        let newest = connect(&places, "10.0.0.4", at(3)).unwrap();
        let all = [&served, &later, &earlier, &newest].map(is_dismissed);
        assert_eq!(all, [false, false, true, false]);

        for connection in [&later, &newest] {
            connection.1.lock().request(false);
        }
        assert_eq!(connect(&places, "10.0.0.5", at(4)).unwrap_err(), Full::Port);
        drop(earlier);
        assert_eq!(connect(&places, "10.0.0.5", at(4)).unwrap_err(), Full::Port, "counted once");
        drop(later);
        assert!(connect(&places, "10.0.0.5", at(4)).is_ok());
    }

    #[test]
    fn an_address_at_its_share_takes_its_own_places() {
        let start = Instant::now();
        let places = Places::new(100, 2);
        let other = connect(&places, "10.0.0.9", start).unwrap();
        let one = connect(&places, "2001:db8::1", start).unwrap();
        let two = connect(&places, "2001:db8::2", start + Duration::from_secs(1)).unwrap();
        let three = connect(&places, "2001:db8::3", start + Duration::from_secs(2)).unwrap();
        assert_eq!([&other, &one, &two, &three].map(is_dismissed), [false, true, false, false]);
        two.1.lock().request(false);
        three.1.lock().request(false);
        let address: IpAddr = "2001:db8::4".parse().unwrap();
        assert_eq!(connect(&places, "2001:db8::4", start).unwrap_err(), Full::Address);
        assert_eq!(places.request(address).unwrap_err(), Full::Address);
        drop(two);
        let request = places.request(address).unwrap();
        assert_eq!(places.request(address).unwrap_err(), Full::Address);
        drop(request);
        assert!(places.request(address).is_ok());
    }

    #[test]
    fn nothing_is_kept_of_who_has_gone() {
        let start = Instant::now();
        let places = Places::new(2, 2);
        let connections: Vec<_> =
            (0..10).map(|_| connect(&places, "10.0.0.1", start).unwrap()).collect();
        assert_eq!(places.0.taken.lock().leaving, 8);
        drop(connections);
        let taken = places.0.taken.lock();
        assert!(taken.open.is_empty() && taken.addresses.is_empty());
        assert_eq!(taken.leaving, 0);
    }
}
