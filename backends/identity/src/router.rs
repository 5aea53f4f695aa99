//! Admission of peers with a valid token: a router that wraps the router of the application.
//!
//! ```text
//! shard                    tokio                                        shard
//! connect ── known app? ── good token? ── place? ── newest phone? ── registered ── accepted,
//!               │ no         │ no           │ no      │ no                         connected, ...
//!               ▼ close      ▼ close        ▼ refused, may try again
//! ```
//!
//! No device is registered, and no login announced, before the device policy of the gateway has
//! granted the claim ("place" above).
//!
//! Verifying a signature takes a fraction of a millisecond, and registering a device waits for the
//! disk, so neither happens on the shard. Not here: the decision (`gate`), and the rules themselves
//! ([`token`](crate::token), [`registry`](crate::registry)).

use std::sync::Arc;

use comet::{Connect, ConnectReply, Event, Gateway, Middleware, Peer, Router};
use comet_dtalk::device::DeviceInfo;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::gate::{Gate, LATER};
use crate::outcome::{Logins, Outcome};
use crate::presence::Presence;
use crate::registry::Registry;
use crate::superseded::ANNOUNCED;
use crate::tokens::Tokens;

/// Router that authenticates peers, and passes everything else on to the inner one; the
/// [`connect`](Router::connect) of the inner one is never called.
///
/// Peers of accepted sessions have a [`DeviceInfo`] as their context, all empty if the login named
/// no device.
#[derive(Debug)]
pub struct Authenticated<R> {
    inner: R,
    gate: Arc<Gate>,
    runtime: Handle,
    slots: Arc<Semaphore>,
}

impl<R> Authenticated<R> {
    /// Authentication of the users of these applications, on this runtime.
    pub fn new<A: Into<Box<str>>>(
        registry: Registry,
        runtime: Handle,
        apps: impl IntoIterator<Item = A>,
        inner: R,
    ) -> Self {
        let apps = apps.into_iter().map(Into::into).collect();
        let gate = Arc::new(Gate::new(apps, registry));
        let slots = Arc::new(Semaphore::new(Self::LOGINS));
        Self { inner, gate, runtime, slots }
    }

    /// Default limit of concurrent logins.
    ///
    /// A core verifies several thousand tokens per second, so that the last login waits about a
    /// second, well below the handshake timeout. An auth frame has at most 16 KiB: the memory of
    /// waiting logins is bounded by 64 MiB.
    pub const LOGINS: usize = 4096;

    /// Limit of concurrent logins; connections beyond it are closed. Default [`Self::LOGINS`].
    #[must_use]
    pub fn logins(mut self, logins: usize) -> Self {
        self.slots = Arc::new(Semaphore::new(logins));
        self
    }

    /// Tokens that are accepted. Default: those of dtalk.
    ///
    /// # Panics
    ///
    /// If the router is in use.
    #[must_use]
    pub fn tokens(mut self, tokens: Tokens) -> Self {
        Arc::get_mut(&mut self.gate).expect("not in use yet").tokens = tokens;
        self
    }

    /// Outcomes of the logins so far.
    #[must_use]
    pub fn outcomes(&self) -> &Logins {
        self.gate.logins()
    }

    /// Registered devices that have a session.
    #[must_use]
    pub fn presence(&self) -> Arc<Presence> {
        Arc::clone(self.gate.presence())
    }
}

impl<R: Router> Middleware for Authenticated<R> {
    type Inner = R;

    fn inner(&self) -> &R {
        &self.inner
    }

    fn connect(&self, gateway: &Gateway, request: Connect, reply: ConnectReply) {
        if !self.gate.serves(&request.app) {
            self.gate.logins().count(Outcome::UnknownApp);
            return reply.close();
        }
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            self.gate.logins().count(Outcome::Overloaded);
            return reply.later(LATER);
        };
        let (gate, gateway) = (Arc::clone(&self.gate), gateway.clone());
        self.runtime.spawn(gate.decide(gateway, request, reply, slot));
    }

    fn event(&self, gateway: &Gateway, peer: &Peer, event: Event<'_>) {
        if let Some(device) = peer.context::<DeviceInfo>() {
            let presence = self.gate.presence();
            match event {
                Event::Connected | Event::Resumed => presence.enter(device, peer.session()),
                Event::Parked(_) => presence.park(device),
                Event::Disconnected(_) => presence.leave(device),
                _ => {}
            }
        }
        match event {
            Event::Acked { tag: ANNOUNCED } => {
                return self.gate.superseded().acked(gateway, peer.session());
            }
            Event::Disconnected(_) => self.gate.superseded().left(peer.session()),
            _ => {}
        }
        self.inner.event(gateway, peer, event);
    }
}
