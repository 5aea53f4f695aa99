//! Limits of each address: connections at once, and new ones a second.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::config::LimitsConfig;
use crate::proxies::network;
use crate::rate::Rate;
use crate::time::Time;

/// When so many addresses are known, those that have no connection and all their rate back are
/// forgotten; at most so many more are looked at before the next time.
const TIDY_EVERY: usize = 65_536;

/// Connections by address, shared by all shards. Only touched, when connections come and go, while
/// they are limited.
#[derive(Debug)]
pub(crate) struct Addresses {
    connections: AtomicUsize,
    handshakes: AtomicU32,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    addresses: HashMap<IpAddr, Address>,
    tidy_at: usize,
}

#[derive(Debug, Default)]
struct Address {
    connections: usize,
    handshakes: Rate,
}

impl Addresses {
    pub(crate) fn new(limits: &LimitsConfig) -> Self {
        Self {
            connections: limits.connections_per_address.into(),
            handshakes: limits.handshakes_per_address.into(),
            known: Mutex::new(Known { addresses: HashMap::new(), tidy_at: TIDY_EVERY }),
        }
    }

    /// Whether a connection that is admitted must [`leave`](Self::leave) when it ends.
    pub(super) fn counts(&self) -> bool {
        self.limits() != (0, 0)
    }

    /// Connections of an address from now on, and new ones a second.
    pub(crate) fn reconfigure(&self, limits: &LimitsConfig) {
        let (connections, handshakes) =
            (limits.connections_per_address, limits.handshakes_per_address);
        self.connections.store(connections, Ordering::Relaxed);
        self.handshakes.store(handshakes, Ordering::Relaxed);
        if (connections, handshakes) == (0, 0) {
            // Those that are counted do not leave any more.
            self.lock().addresses.clear();
        }
    }

    fn limits(&self) -> (usize, u32) {
        (self.connections.load(Ordering::Relaxed), self.handshakes.load(Ordering::Relaxed))
    }

    /// Counts a connection from the address, if it may have one more, and now.
    pub(super) fn admit(&self, now: Time, address: IpAddr) -> bool {
        let (connections, handshakes) = self.limits();
        if (connections, handshakes) == (0, 0) {
            return true;
        }
        let mut known = self.lock();
        if known.addresses.len() >= known.tidy_at {
            known.addresses.retain(|_, address| {
                address.connections > 0 || !address.handshakes.is_full(now, handshakes)
            });
            known.tidy_at = known.addresses.len() + TIDY_EVERY;
        }
        let entry = known.addresses.entry(network(address)).or_default();
        let full = connections > 0 && entry.connections >= connections;
        if full || !entry.handshakes.admit(now, handshakes) {
            return false;
        }
        entry.connections += 1;
        true
    }

    /// A connection from the address has ended.
    pub(super) fn leave(&self, now: Time, address: IpAddr) {
        let mut known = self.lock();
        let address = network(address);
        let Some(entry) = known.addresses.get_mut(&address) else { return };
        entry.connections = entry.connections.saturating_sub(1);
        if entry.connections == 0 && entry.handshakes.is_full(now, self.limits().1) {
            known.addresses.remove(&address);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Time = Time::from_micros(10_000_000);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn limits_can_change_and_an_end_of_limits_forgets_who_was_counted() {
        let addresses = Addresses::new(&LimitsConfig::default());
        let one = ip("10.0.0.1");
        assert!((0..100).all(|_| addresses.admit(NOW, one)));
        let limited = LimitsConfig { connections_per_address: 1, ..LimitsConfig::default() };
        addresses.reconfigure(&limited);
        assert!(addresses.admit(NOW, one) && !addresses.admit(NOW, one));
        addresses.reconfigure(&LimitsConfig::default());
        assert!(addresses.admit(NOW, one));
        addresses.reconfigure(&limited);
        assert!(addresses.admit(NOW, one) && !addresses.admit(NOW, one));
    }

    #[test]
    fn an_address_has_its_share_and_gets_it_back() {
        let addresses =
            Addresses::new(&LimitsConfig { connections_per_address: 2, ..LimitsConfig::default() });
        let one = ip("10.0.0.1");
        assert!(addresses.admit(NOW, one) && addresses.admit(NOW, one));
        assert!(!addresses.admit(NOW, one));
        assert!(addresses.admit(NOW, ip("10.0.0.2")));
        addresses.leave(NOW, one);
        assert!(addresses.admit(NOW, one));
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let addresses =
            Addresses::new(&LimitsConfig { connections_per_address: 1, ..LimitsConfig::default() });
        assert!(addresses.admit(NOW, ip("2001:db8::1")));
        assert!(!addresses.admit(NOW, ip("2001:db8::ffff:2")));
        assert!(addresses.admit(NOW, ip("2001:db8:0:1::1")));
        assert!(addresses.admit(NOW, ip("::ffff:10.0.0.1")));
        assert!(!addresses.admit(NOW, ip("10.0.0.1")));
    }

    #[test]
    fn connecting_and_leaving_does_not_renew_the_rate() {
        let addresses =
            Addresses::new(&LimitsConfig { handshakes_per_address: 2, ..LimitsConfig::default() });
        let one = ip("10.0.0.1");
        for _ in 0..4 {
            assert!(addresses.admit(NOW, one));
            addresses.leave(NOW, one);
        }
        assert!(!addresses.admit(NOW, one));
        assert!(addresses.admit(NOW + Duration::from_millis(500), one));
    }

    #[test]
    fn addresses_that_have_gone_are_forgotten() {
        let addresses =
            Addresses::new(&LimitsConfig { handshakes_per_address: 1, ..LimitsConfig::default() });
        for number in 0..200_000u32 {
            let now = NOW + Duration::from_millis(u64::from(number));
            let address = IpAddr::from(number.to_be_bytes());
            assert!(addresses.admit(now, address));
            addresses.leave(now, address);
        }
        assert!(addresses.lock().addresses.len() <= TIDY_EVERY + 2_000);
    }

    #[test]
    fn without_limits_nothing_is_kept() {
        let addresses = Addresses::new(&LimitsConfig::default());
        assert!((0..100).all(|_| addresses.admit(NOW, ip("10.0.0.1"))));
        assert!(!addresses.counts() && addresses.lock().addresses.is_empty());
    }
}
