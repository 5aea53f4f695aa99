//! A router composed of one router per application.

use std::collections::HashMap;
use std::sync::Arc;

use crate::gateway::Gateway;
use crate::gateway::Router;
use crate::{Connect, ConnectReply, Event, Message, Peer, Receipt, RoomRequest};

/// Dispatches by application: a connecting peer by the name in its auth frame, a session by the app
/// of its [`Identity`](crate::Identity). A router behind a `Mux` should accept peers under the app
/// they asked for; otherwise their messages go to another router.
///
/// Peers of an unknown application are refused, unless there is an [`otherwise`](Self::otherwise).
#[derive(Default)]
pub struct Mux {
    apps: HashMap<Box<str>, Arc<dyn Router>>,
    otherwise: Option<Arc<dyn Router>>,
}

impl Mux {
    /// A router that refuses every peer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the router of an application.
    #[must_use]
    pub fn app(mut self, app: impl Into<Box<str>>, router: impl Router) -> Self {
        self.apps.insert(app.into(), Arc::new(router));
        self
    }

    /// Sets the router of all other applications.
    #[must_use]
    pub fn otherwise(mut self, router: impl Router) -> Self {
        self.otherwise = Some(Arc::new(router));
        self
    }

    fn of(&self, app: &str) -> Option<&dyn Router> {
        self.apps.get(app).or(self.otherwise.as_ref()).map(|router| &**router)
    }
}

impl std::fmt::Debug for Mux {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mux").field("apps", &self.apps.keys()).finish_non_exhaustive()
    }
}

impl Router for Mux {
    fn connect(&self, gateway: &Gateway, request: Connect, reply: ConnectReply) {
        match self.of(&request.app) {
            Some(router) => router.connect(gateway, request, reply),
            None => reply.close(),
        }
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        if let Some(router) = self.of(peer.app()) {
            router.receive(gateway, peer, message, receipt);
        }
    }

    fn room(&self, gateway: &Gateway, peer: &Peer, request: RoomRequest, receipt: Receipt) {
        if let Some(router) = self.of(peer.app()) {
            router.room(gateway, peer, request, receipt);
        }
    }

    fn event(&self, gateway: &Gateway, peer: &Peer, event: Event<'_>) {
        if let Some(router) = self.of(peer.app()) {
            router.event(gateway, peer, event);
        }
    }
}
