//! The peer at the other end of a session.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::SessionId;
use crate::config::Overflow;
use crate::devices::Claim;

/// The identity under which a router accepts a peer, and the settings of its session.
pub struct Identity {
    pub(crate) app: Box<str>,
    pub(crate) user: Box<str>,
    pub(crate) device: Box<str>,
    pub(crate) class: Box<str>,
    pub(crate) rooms: Vec<Arc<str>>,
    pub(crate) context: Option<Arc<dyn Any + Send + Sync>>,
    pub(crate) overflow: Option<Overflow>,
    /// Quarters of a second; the greatest value is for ever.
    validity: u32,
    /// Ends with this.
    claim: Option<Claim>,
}

impl Identity {
    /// The user `user` of the application `app`.
    ///
    /// The pair decides on which shard the session lives, and is what
    /// [`Target::user`](crate::Target::user) reaches.
    #[must_use]
    pub fn new(app: impl Into<Box<str>>, user: impl Into<Box<str>>) -> Self {
        let (app, user) = (app.into(), user.into());
        let (device, class) = ("".into(), "".into());
        let (rooms, context) = (Vec::new(), None);
        let (overflow, validity, claim) = (None, u32::MAX, None);
        Self { app, user, device, class, rooms, context, overflow, validity, claim }
    }

    /// A peer without a user: the session stays on the shard that accepted it, and only its id,
    /// its rooms and broadcasts reach it.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::new("", "")
    }

    /// Which of the user's devices this is; empty if it did not say.
    #[must_use]
    pub fn device(mut self, device: impl Into<Box<str>>) -> Self {
        self.device = device.into();
        self
    }

    /// What kind of device it is, such as "phone": what a [`DevicePolicy`](crate::DevicePolicy)
    /// counts by. Empty if it does not matter.
    #[must_use]
    pub fn class(mut self, class: impl Into<Box<str>>) -> Self {
        self.class = class.into();
        self
    }

    /// A room that the session is in from its first moment on.
    ///
    /// Rooms beyond [`Config::rooms_per_session`](crate::Config::rooms_per_session) are not joined.
    #[must_use]
    pub fn room(mut self, name: &str) -> Self {
        self.rooms.push(name.into());
        self
    }

    /// What becomes of this session when it cannot keep up, instead of what
    /// [`Config::overflow`](crate::Config::overflow) says.
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = Some(overflow);
        self
    }

    /// How long the identity is valid, that of a token for instance: the session ends then, as
    /// [`Closed::Expired`](crate::Closed::Expired), connected or parked. Without it, never.
    ///
    /// The time runs from when the session opens or resumes; it ends up to a quarter of a second
    /// late. A peer that [renews](crate::Connect::renews) its authentication gets the validity of
    /// the identity that it is accepted under then, and
    /// [`Gateway::set_expiry`](crate::Gateway::set_expiry) sets another one at any time.
    #[must_use]
    pub fn expires_in(mut self, validity: Duration) -> Self {
        let quarters = validity.as_millis().div_ceil(250);
        self.validity = u32::try_from(quarters).unwrap_or(u32::MAX);
        self
    }

    /// The place that this peer [was given](crate::Gateway::claim), which its session takes.
    #[must_use]
    pub fn claim(mut self, claim: Claim) -> Self {
        self.claim = Some(claim);
        self
    }

    /// Anything the router wants to find again in [`Peer::context`].
    #[must_use]
    pub fn context(mut self, context: Arc<dyn Any + Send + Sync>) -> Self {
        self.context = Some(context);
        self
    }

    /// How long it is valid, if not for ever.
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

/// The other end of an open session. Cheap to clone, and may be kept after the session has ended.
#[derive(Clone)]
pub struct Peer(Arc<Inner>);

struct Inner {
    session: SessionId,
    /// App, user, device and class in one allocation; the numbers say where the first three end.
    names: Box<str>,
    app_end: u32,
    user_end: u32,
    device_end: u32,
    context: Option<Arc<dyn Any + Send + Sync>>,
}

impl Peer {
    pub(crate) fn new(session: SessionId, identity: Identity) -> Self {
        let Identity { app, user, device, class, context, .. } = identity;
        let names = [&*app, &*user, &*device, &*class].concat().into_boxed_str();
        let end = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let (app_end, user_end) = (end(app.len()), end(app.len() + user.len()));
        let device_end = end(app.len() + user.len() + device.len());
        Self(Arc::new(Inner { session, names, app_end, user_end, device_end, context }))
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.0.session
    }

    /// The application; empty for an anonymous peer.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.0.names[..self.0.app_end as usize]
    }

    /// The user; empty for an anonymous peer.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.0.names[self.0.app_end as usize..self.0.user_end as usize]
    }

    /// The device; empty if the peer did not say.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.0.names[self.0.user_end as usize..self.0.device_end as usize]
    }

    /// The class of the device; empty if the router did not say.
    #[must_use]
    pub fn class(&self) -> &str {
        &self.0.names[self.0.device_end as usize..]
    }

    /// What the router attached to the [`Identity`], if it is a `T`.
    #[must_use]
    pub fn context<T: Any>(&self) -> Option<&T> {
        self.0.context.as_deref()?.downcast_ref()
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
        let identity = identity.context(Arc::new(7u8));
        let peer = Peer::new(SessionId::new(0, 1, 2), identity);
        assert_eq!((peer.app(), peer.user()), ("im", "al"));
        assert_eq!((peer.device(), peer.class()), ("d-1", "phone"));
        assert_eq!(peer.context::<u8>(), Some(&7));
        assert_eq!(peer.context::<u16>(), None);
    }
}
