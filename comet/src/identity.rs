//! The peer at the other end of a session.

use std::any::Any;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use comet_protocol::Dialect;

use crate::SessionId;
use crate::config::Overflow;
use crate::contexts::Contexts;
use crate::devices::Claim;

/// The identity under which a router accepts a peer, and the settings of its session.
pub struct Identity {
    pub(crate) app: Box<str>,
    pub(crate) user: Box<str>,
    pub(crate) device: Box<str>,
    pub(crate) class: Box<str>,
    pub(crate) rooms: Vec<Arc<str>>,
    contexts: Contexts,
    origin: Origin,
    pub(crate) overflow: Option<Overflow>,
    /// Quarters of a second; the maximum stands for unlimited.
    validity: u32,
    /// Released with the identity.
    claim: Option<Claim>,
}

impl Identity {
    /// The user `user` of the application `app`.
    ///
    /// The pair determines the shard on which the session lives, and is addressed by
    /// [`Target::user`](crate::Target::user). The names of an identity, including device and class,
    /// have at most 65,535 bytes together: beyond that, it is not accepted.
    #[must_use]
    pub fn new(app: impl Into<Box<str>>, user: impl Into<Box<str>>) -> Self {
        let (app, user) = (app.into(), user.into());
        let (device, class) = ("".into(), "".into());
        let (rooms, contexts, origin) = (Vec::new(), Contexts::default(), Origin::UNKNOWN);
        let (overflow, validity, claim) = (None, u32::MAX, None);
        Self { app, user, device, class, rooms, contexts, origin, overflow, validity, claim }
    }

    /// A peer without a user: the session stays on the shard that accepted it, and is reached only
    /// by its id, its rooms and broadcasts.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::new("", "")
    }

    /// Name of the user's device; empty if the peer gave none.
    #[must_use]
    pub fn device(mut self, device: impl Into<Box<str>>) -> Self {
        self.device = device.into();
        self
    }

    /// Class of the device, such as "phone", by which a [`DevicePolicy`](crate::DevicePolicy)
    /// counts. Empty if irrelevant.
    #[must_use]
    pub fn class(mut self, class: impl Into<Box<str>>) -> Self {
        self.class = class.into();
        self
    }

    /// A room that the session is in from the start.
    ///
    /// Rooms beyond [`limits.rooms_per_session`](crate::LimitsConfig::rooms_per_session) are not
    /// joined.
    #[must_use]
    pub fn room(mut self, name: &str) -> Self {
        self.rooms.push(name.into());
        self
    }

    /// Overflow policy of this session, instead of
    /// [`delivery.overflow`](crate::DeliveryConfig::overflow).
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = Some(overflow);
        self
    }

    /// Validity of the identity, that of a token for instance: the session then ends as
    /// [`Closed::Expired`](crate::Closed::Expired), connected or parked. Default: unlimited.
    ///
    /// The time runs from when the session opens or resumes; it ends up to a quarter of a second
    /// late. A peer that [renews](crate::Connect::renews) its authentication gets the validity of
    /// the identity then accepted, and [`Gateway::set_expiry`](crate::Gateway::set_expiry) changes
    /// it at any time.
    #[must_use]
    pub fn expires_in(mut self, validity: Duration) -> Self {
        let quarters = validity.as_millis().div_ceil(250);
        self.validity = u32::try_from(quarters).unwrap_or(u32::MAX);
        self
    }

    /// The place [given](crate::Gateway::claim) to this peer, which its session takes.
    #[must_use]
    pub fn claim(mut self, claim: Claim) -> Self {
        self.claim = Some(claim);
        self
    }

    /// Attaches a value, found again by its type with [`Peer::context`]; it replaces an earlier one
    /// of the same type.
    ///
    /// A wrapper that does not make the identity itself attaches its value to the
    /// [`ConnectReply`](crate::ConnectReply::context).
    #[must_use]
    pub fn context<T: Any + Send + Sync>(mut self, value: T) -> Self {
        self.contexts.insert(value);
        self
    }

    /// Completes the identity of an accepted peer; `false` if its names are too long.
    #[must_use]
    pub(crate) fn complete(&mut self, origin: Origin, contexts: Contexts) -> bool {
        self.origin = origin;
        self.contexts.append(contexts);
        let names = [&self.app, &self.user, &self.device, &self.class];
        names.iter().map(|name| name.len()).sum::<usize>() <= usize::from(u16::MAX)
    }

    /// Validity, unless unlimited.
    pub(crate) fn validity(&self) -> Option<Duration> {
        let millis = u64::from(self.validity) * 250;
        (self.validity != u32::MAX).then(|| Duration::from_millis(millis))
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        self.user.is_empty()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("app", &self.app)
            .field("user", &self.user)
            .field("device", &self.device)
            .field("class", &self.class)
            .field("rooms", &self.rooms)
            .finish_non_exhaustive()
    }
}

/// The connection that an identity was accepted on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) remote: SocketAddr,
    pub(crate) dialect: Dialect,
}

impl Origin {
    /// Origin of an identity without a connection.
    const UNKNOWN: Self = Self {
        remote: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        dialect: Dialect::Raw,
    };
}

/// The other end of an open session. Cheap to clone, and may be kept after the session has ended.
#[derive(Clone)]
pub struct Peer(Arc<Inner>);

struct Inner {
    session: SessionId,
    /// App, user, device and class in one allocation; the numbers are the ends of the first three.
    names: Box<str>,
    app_end: u16,
    user_end: u16,
    device_end: u16,
    port: u16,
    /// An IPv6 address is stored among the contexts instead, so that IPv4 peers do not pay for it.
    address: Ipv4Addr,
    dialect: Dialect,
    contexts: Contexts,
}

/// Address of a peer that is not IPv4.
struct Remote(SocketAddr);

impl Peer {
    pub(crate) fn new(session: SessionId, identity: Identity) -> Self {
        let Identity { app, user, device, class, mut contexts, origin, .. } = identity;
        let Origin { remote, dialect } = origin;
        let address = match remote.ip().to_canonical() {
            IpAddr::V4(address) => address,
            IpAddr::V6(_) => {
                contexts.insert(Remote(remote));
                Ipv4Addr::UNSPECIFIED
            }
        };
        let names = [&*app, &*user, &*device, &*class].concat().into_boxed_str();
        let end = |len: usize| u16::try_from(len).unwrap_or(u16::MAX);
        let (app_end, user_end) = (end(app.len()), end(app.len() + user.len()));
        let device_end = end(app.len() + user.len() + device.len());
        let port = remote.port();
        Self(Arc::new(Inner {
            session,
            names,
            app_end,
            user_end,
            device_end,
            port,
            address,
            dialect,
            contexts,
        }))
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.0.session
    }

    /// The application; empty for an anonymous peer.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.0.names[..usize::from(self.0.app_end)]
    }

    /// The user; empty for an anonymous peer.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.0.names[usize::from(self.0.app_end)..usize::from(self.0.user_end)]
    }

    /// The device; empty if the peer gave none.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.0.names[usize::from(self.0.user_end)..usize::from(self.0.device_end)]
    }

    /// The class of the device; empty if the router gave none.
    #[must_use]
    pub fn class(&self) -> &str {
        &self.0.names[usize::from(self.0.device_end)..]
    }

    /// Remote address of the peer, as in [`Connect::remote`](crate::Connect::remote) except that
    /// IPv4-mapped IPv6 addresses are IPv4 here. Taken from the first connection, or from the one
    /// on which the session was last [resumed](crate::Event::Resumed).
    #[must_use]
    pub fn remote(&self) -> SocketAddr {
        match self.0.contexts.get::<Remote>() {
            Some(remote) => remote.0,
            None => SocketAddr::new(IpAddr::V4(self.0.address), self.0.port),
        }
    }

    /// Dialect of that connection.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.0.dialect
    }

    /// The value of this type that a router attached to the [`Identity`] or to the
    /// [`ConnectReply`](crate::ConnectReply::context).
    #[must_use]
    pub fn context<T: Any>(&self) -> Option<&T> {
        self.0.contexts.get()
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("session", &self.session())
            .field("app", &self.app())
            .field("user", &self.user())
            .field("device", &self.device())
            .field("class", &self.class())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_knows_what_its_identity_said() {
        let identity = Identity::new("im", "al").device("d-1").class("phone");
        let mut identity = identity.context(7u8);
        let remote = "[::ffff:203.0.113.9]:4711".parse().unwrap();
        let origin = Origin { remote, dialect: Dialect::Comet };
        assert!(identity.complete(origin, Contexts::default()));
        let peer = Peer::new(SessionId::new(0, 1, 2), identity);
        assert_eq!((peer.app(), peer.user()), ("im", "al"));
        assert_eq!((peer.device(), peer.class()), ("d-1", "phone"));
        assert_eq!(peer.context::<u8>(), Some(&7));
        assert_eq!(peer.context::<u16>(), None);
        assert_eq!(peer.remote(), "203.0.113.9:4711".parse().unwrap());
        assert_eq!(peer.dialect(), Dialect::Comet);
    }

    #[test]
    fn an_address_of_ipv6_is_kept_beside_the_contexts() {
        let mut identity = Identity::anonymous().context("mine");
        let remote = "[2001:db8::1]:80".parse().unwrap();
        assert!(identity.complete(Origin { remote, ..Origin::UNKNOWN }, Contexts::default()));
        let peer = Peer::new(SessionId::new(0, 1, 2), identity);
        assert_eq!((peer.remote(), peer.context()), (remote, Some(&"mine")));
    }

    #[test]
    fn names_have_64_kib_together() {
        let complete = |len: usize| {
            let mut identity = Identity::new("im", "x".repeat(len));
            identity.complete(Origin::UNKNOWN, Contexts::default())
        };
        assert!(complete(65_533));
        assert!(!complete(65_534));
    }

    #[test]
    fn what_a_peer_shares_is_small() {
        let inner = size_of::<Inner>();
        assert!(inner <= 56, "{inner}");
    }
}
