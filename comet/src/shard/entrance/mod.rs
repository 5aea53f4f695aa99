//! Limits at the entrance: connections with and without a descriptor, those of each address, and
//! sessions.
//!
//! Not here: the client's address behind a proxy (`proxies`), refusals (`admission`, `gateway`).

mod addresses;

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::LimitsConfig;
use crate::proxies::Client;
use crate::time::Time;
use addresses::Addresses;

/// The counts of a gateway, shared by its shards.
#[derive(Debug)]
pub(crate) struct Entrance {
    max_connections: usize,
    connections: AtomicUsize,
    /// Connections without a descriptor, at most as many as sessions.
    streams: AtomicUsize,
    max_sessions: usize,
    sessions: AtomicUsize,
    addresses: Addresses,
}

/// Why a connection has to stay out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Full {
    /// There are as many as there may be.
    Connections,
    /// Its address has its share.
    Address,
}

/// What a connection takes from the system.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Holds {
    /// A file descriptor.
    Descriptor,
    /// Memory alone: a stream in this process, or of a connection that carries several.
    Nothing,
}

/// A connection's client, where its socket alone does not tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Visitor {
    pub(crate) address: IpAddr,
    is_counted: bool,
}

impl Entrance {
    pub(crate) fn new(limits: &LimitsConfig) -> Self {
        Self {
            max_connections: limits.max_connections,
            connections: AtomicUsize::new(0),
            streams: AtomicUsize::new(0),
            max_sessions: limits.max_sessions,
            sessions: AtomicUsize::new(0),
            addresses: Addresses::new(limits),
        }
    }

    /// Changes the limits of each address.
    pub(crate) fn reconfigure(&self, limits: &LimitsConfig) {
        self.addresses.reconfigure(limits);
    }

    /// Counts a connection that may come in. It must [`leave`](Self::leave) when it ends.
    pub(crate) fn enter(
        &self,
        now: Time,
        client: Client,
        holds: Holds,
    ) -> Result<Option<Visitor>, Full> {
        self.count(holds)?;
        let visitor = self.identify(now, client);
        if visitor.is_err() {
            self.uncount(holds);
        }
        visitor
    }

    /// Counts a connection that has come in as one with a descriptor from now on.
    pub(crate) fn take_descriptor(&self) -> Result<(), Full> {
        self.count(Holds::Descriptor)?;
        self.uncount(Holds::Nothing);
        Ok(())
    }

    fn count(&self, holds: Holds) -> Result<(), Full> {
        let (count, limit) = match holds {
            Holds::Descriptor => (&self.connections, self.max_connections),
            Holds::Nothing => (&self.streams, self.max_sessions),
        };
        if count.fetch_add(1, Ordering::Relaxed) >= limit {
            count.fetch_sub(1, Ordering::Relaxed);
            return Err(Full::Connections);
        }
        Ok(())
    }

    fn uncount(&self, holds: Holds) {
        match holds {
            Holds::Descriptor => self.connections.fetch_sub(1, Ordering::Relaxed),
            Holds::Nothing => self.streams.fetch_sub(1, Ordering::Relaxed),
        };
    }

    /// Counts a connection that has come in under the address of its client, which has become
    /// known only now.
    pub(super) fn identify(&self, now: Time, client: Client) -> Result<Option<Visitor>, Full> {
        let Some(address) = client.address() else { return Ok(None) };
        if !self.addresses.admit(now, address) {
            return Err(Full::Address);
        }
        let is_counted = self.addresses.counts();
        let is_needed = is_counted || matches!(client, Client::Forwarded(_));
        Ok(is_needed.then_some(Visitor { address, is_counted }))
    }

    /// A connection has ended.
    pub(crate) fn leave(&self, now: Time, visitor: Option<Visitor>, holds: Holds) {
        self.uncount(holds);
        if let Some(visitor) = visitor.filter(|visitor| visitor.is_counted) {
            self.addresses.leave(now, visitor.address);
        }
    }

    /// Connections that are in, or have a place.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed) + self.streams.load(Ordering::Relaxed)
    }

    /// Counts a session, if there may be one more. It is counted, also while it is parked, until
    /// [`end_session`](Self::end_session).
    pub(super) fn open_session(&self) -> bool {
        let has_room = self.sessions.fetch_add(1, Ordering::Relaxed) < self.max_sessions;
        if !has_room {
            self.end_session();
        }
        has_room
    }

    /// A session that was counted has ended.
    pub(super) fn end_session(&self) {
        self.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(10_000_000);

    fn direct(text: &str) -> Client {
        Client::Direct(text.parse().unwrap())
    }

    #[test]
    fn whoever_leaves_makes_room_in_all_and_at_the_address() {
        let config = LimitsConfig {
            max_connections: 3,
            connections_per_address: 2,
            ..LimitsConfig::default()
        };
        let entrance = Entrance::new(&config);
        let enter = |client| entrance.enter(NOW, client, Holds::Descriptor);
        let first = enter(direct("10.0.0.1")).unwrap();
        enter(direct("10.0.0.1")).unwrap();
        assert_eq!(enter(direct("10.0.0.1")), Err(Full::Address));
        enter(direct("10.0.0.2")).unwrap();
        assert_eq!(enter(direct("10.0.0.3")), Err(Full::Connections));
        entrance.leave(NOW, first, Holds::Descriptor);
        assert!(enter(direct("10.0.0.1")).is_ok());
    }

    #[test]
    fn a_client_that_becomes_known_later_counts_from_then_on() {
        let config = LimitsConfig { connections_per_address: 1, ..LimitsConfig::default() };
        let entrance = Entrance::new(&config);
        let forwarded = Client::Forwarded("198.51.100.7".parse().unwrap());
        for _ in 0..3 {
            assert_eq!(entrance.enter(NOW, Client::Unnamed, Holds::Descriptor), Ok(None));
        }
        let visitor = entrance.identify(NOW, forwarded).unwrap();
        assert_eq!(entrance.identify(NOW, forwarded), Err(Full::Address));
        entrance.leave(NOW, visitor, Holds::Descriptor);
        assert!(entrance.identify(NOW, forwarded).is_ok());
    }

    #[test]
    fn a_visitor_is_kept_only_where_it_is_needed() {
        let entrance = Entrance::new(&LimitsConfig::default());
        assert_eq!(entrance.enter(NOW, direct("10.0.0.1"), Holds::Descriptor), Ok(None));
        let address = "198.51.100.7".parse().unwrap();
        let visitor = entrance.enter(NOW, Client::Forwarded(address), Holds::Nothing).unwrap();
        assert_eq!(visitor, Some(Visitor { address, is_counted: false }));
    }

    #[test]
    fn descriptors_and_streams_have_a_limit_each() {
        let config =
            LimitsConfig { max_connections: 1, max_sessions: 2, ..LimitsConfig::default() };
        let entrance = Entrance::new(&config);
        let enter = |holds| entrance.enter(NOW, Client::Unnamed, holds);
        enter(Holds::Descriptor).unwrap();
        assert_eq!(enter(Holds::Descriptor), Err(Full::Connections));
        enter(Holds::Nothing).unwrap();
        enter(Holds::Nothing).unwrap();
        assert_eq!(enter(Holds::Nothing), Err(Full::Connections));
        assert_eq!(entrance.connections(), 3);
        assert_eq!(entrance.take_descriptor(), Err(Full::Connections));
        entrance.leave(NOW, None, Holds::Descriptor);
        entrance.take_descriptor().unwrap();
        assert_eq!(enter(Holds::Descriptor), Err(Full::Connections));
        enter(Holds::Nothing).unwrap();
    }

    #[test]
    fn sessions_have_a_limit_of_their_own() {
        let entrance = Entrance::new(&LimitsConfig { max_sessions: 2, ..LimitsConfig::default() });
        assert!(entrance.open_session() && entrance.open_session());
        assert!(!entrance.open_session() && !entrance.open_session());
        entrance.end_session();
        assert!(entrance.open_session());
    }
}
