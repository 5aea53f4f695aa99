//! A check that routers around other routers forward every call.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use comet_protocol::Dialect;
use comet_protocol::comet::GapReason;

use super::Simulation;
use crate::config::Config;
use crate::delivery::{Delivery, Kind};
use crate::gateway::Gateway;
use crate::gateway::Router;
use crate::identity::{Identity, Origin, Peer};
use crate::{
    Closed, Connect, ConnectReply, Event, Gap, Message, Receipt, RoomRequest, SessionId, StartError,
};

/// Passes every call of [`Router`], and [`event`](Router::event) with every [`Event`], through a
/// router that wraps the one it is given, for a peer with this identity. Returns the calls that did
/// not reach the inner router exactly once and unchanged.
///
/// The test gateways are simulated; pushes of the wrapper go nowhere.
///
/// # Errors
///
/// [`StartError`] if the system provides no randomness.
pub fn swallowed_calls<R: Router>(
    identity: Identity,
    wrap: impl FnOnce(Arc<dyn Router>) -> R,
) -> Result<Vec<&'static str>, StartError> {
    let recorder = Arc::new(Recorder::default());
    let router = wrap(Arc::clone(&recorder) as Arc<dyn Router>);
    let simulation = Simulation::new(Config::default().shards(1), Arc::clone(&recorder), 1)?;
    let gateway = simulation.gateway();
    let mailbox = || Arc::clone(&gateway.shared().mailboxes[0]);
    let session = SessionId::new(0, 0, 1);
    let mut swallowed = Vec::new();
    let mut check = |name: &'static str, call: String| {
        if recorder.take() != [call] {
            swallowed.push(name);
        }
    };

    let request = request(&identity);
    let call = format!("{request:?}");
    let origin = Origin { remote: request.remote, dialect: request.dialect };
    router.connect(gateway, request, ConnectReply::new(session, 0, origin, mailbox()));
    check("connect", call);

    let peer = Peer::new(session, identity);
    let message = Message::new(1, 7, Kind::Text, Bytes::from_static(b"a message"));
    let call = format!("{peer:?} {message:?}");
    router.receive(gateway, &peer, message, Receipt::new(session, 1, mailbox()));
    check("receive", call);

    let request = RoomRequest::Join { room: "a room".to_owned() };
    let call = format!("{peer:?} {request:?}");
    router.room(gateway, &peer, request, Receipt::new(session, 2, mailbox()));
    check("room", call);

    let gap = Gap::of(&Delivery::acked("given up").position(5), None, GapReason::Slow);
    let closed = Closed::Idle;
    for event in std::iter::successors(Some(Event::Connected), |event| next(event, &gap, &closed)) {
        router.event(gateway, &peer, event);
        check(event.label(), format!("{peer:?} {event:?}"));
    }
    Ok(swallowed)
}

/// Connect request of a peer with this identity.
fn request(identity: &Identity) -> Connect {
    Connect {
        app: identity.app.to_string(),
        token: identity.user.to_string(),
        ext: Bytes::new(),
        remote: ([127, 0, 0, 1], 1).into(),
        dialect: Dialect::Comet,
        attempt: 1,
        upgrade: None,
        #[cfg(feature = "tls")]
        client_certificate: None,
        renews: None,
    }
}

/// Iterates over all events, from [`Event::Connected`] on.
fn next<'a>(event: &Event<'_>, gap: &'a Gap, closed: &'a Closed) -> Option<Event<'a>> {
    Some(match event {
        Event::Connected => Event::Acked { tag: 3 },
        Event::Acked { .. } => Event::Overdue { tag: 4 },
        Event::Overdue { .. } => Event::Lost(gap),
        Event::Lost(_) => Event::Gap(gap),
        Event::Gap(_) => Event::Parked(closed),
        Event::Parked(_) => Event::Resumed,
        Event::Resumed => Event::Disconnected(closed),
        Event::Disconnected(_) => return None,
    })
}

/// An inner router that records its calls.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<String>>);

impl Recorder {
    fn record(&self, call: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Router for Recorder {
    fn connect(&self, _: &Gateway, request: Connect, _: ConnectReply) {
        self.record(format!("{request:?}"));
    }

    fn receive(&self, _: &Gateway, peer: &Peer, message: Message, _: Receipt) {
        self.record(format!("{peer:?} {message:?}"));
    }

    fn room(&self, _: &Gateway, peer: &Peer, request: RoomRequest, _: Receipt) {
        self.record(format!("{peer:?} {request:?}"));
    }

    fn event(&self, _: &Gateway, peer: &Peer, event: Event<'_>) {
        self.record(format!("{peer:?} {event:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Middleware, Mux};

    /// Forwards every call by default.
    struct Plain(Arc<dyn Router>);

    impl Middleware for Plain {
        type Inner = dyn Router;

        fn inner(&self) -> &Self::Inner {
            &*self.0
        }
    }

    /// Swallows acks.
    struct Deaf(Arc<dyn Router>);

    impl Middleware for Deaf {
        type Inner = dyn Router;

        fn inner(&self) -> &Self::Inner {
            &*self.0
        }

        fn event(&self, gateway: &Gateway, peer: &Peer, event: Event<'_>) {
            if !matches!(event, Event::Acked { .. }) {
                self.0.event(gateway, peer, event);
            }
        }
    }

    fn alice() -> Identity {
        Identity::new("im", "alice").device("phone")
    }

    #[test]
    fn everything_reaches_the_router_inside_a_middleware_a_mux_and_an_arc() {
        assert_eq!(swallowed_calls(alice(), Plain).unwrap(), [""; 0]);
        assert_eq!(swallowed_calls(alice(), |inner| Mux::new().app("im", inner)).unwrap(), [""; 0]);
        assert_eq!(swallowed_calls(alice(), |inner| Mux::new().otherwise(inner)).unwrap(), [""; 0]);
        assert_eq!(swallowed_calls(alice(), |inner| Arc::new(Plain(inner))).unwrap(), [""; 0]);
    }

    #[test]
    fn a_call_that_is_not_passed_on_is_named() {
        assert_eq!(swallowed_calls(alice(), Deaf).unwrap(), ["acked"]);
        let other = |inner| Mux::new().app("another", inner);
        assert_eq!(swallowed_calls(alice(), other).unwrap().len(), 11);
    }
}
