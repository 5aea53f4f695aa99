//! The router of a run: decides at random, and records all events.
//!
//! Not here: the times of pushes that no message or session causes (module `world`).

mod backend;
mod feed;
mod store;

use std::sync::Arc;

use comet::{Connect, ConnectReply, Gateway, Identity, Message, Peer, Receipt, Router};
use parking_lot::Mutex;

pub(crate) use backend::Backend;
use store::Job;

use crate::body::Body;
use crate::history::{ClientId, Event};
use crate::mapping;
use crate::names;

/// The user and the device of a session; the device is the number of its client.
fn numbers(peer: &Peer) -> (u32, u32) {
    let user = names::parse_token(peer.user()).unwrap_or_default();
    (user, names::parse_device(peer.device()).unwrap_or_default())
}

/// The router of one gateway; those of a run share a backend.
#[derive(Clone, Debug)]
pub(crate) struct SimRouter {
    pub(crate) gateway: u32,
    pub(crate) backend: Arc<Mutex<Backend>>,
}

impl Router for SimRouter {
    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        let (Some(user), Some((attempt, device))) =
            (names::parse_token(&request.token), names::parse_ext(&request.ext))
        else {
            return reply.close();
        };
        let mut backend = self.backend.lock();
        backend.log.record(Event::Asked { attempt });
        let mut identity =
            Identity::new(names::APP, request.token).device(names::device(device)).context(attempt);
        for room in backend.rooms_of(user) {
            identity = identity.room(&names::room(room));
        }
        backend.decide(attempt, identity, reply);
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        let mut backend = self.backend.lock();
        let Some(session) = backend.name(self.gateway, peer.session()) else { return };
        match Body::parse(&message.body) {
            Some(Body::Message(message)) => {
                backend.log.record(Event::Received { session, message });
                let sender = ClientId(numbers(peer).1);
                backend.receive(gateway, (session, sender), message, receipt);
            }
            _ => {
                let attempt = peer.context().copied().unwrap_or_default();
                backend
                    .log
                    .record(Event::InvalidInput { attempt, what: "a message that nobody sent" });
            }
        }
    }

    fn event(&self, gateway: &Gateway, peer: &Peer, event: comet::Event<'_>) {
        let attempt = peer.context().copied().unwrap_or_default();
        let mut backend = self.backend.lock();
        match event {
            comet::Event::Connected => {
                let session = (self.gateway, peer.session());
                return backend.connected(gateway, session, attempt, numbers(peer));
            }
            comet::Event::Acked { tag } => {
                return backend.acked(self.gateway, peer.session(), mapping::push_of(tag));
            }
            comet::Event::Disconnected(closed) => {
                return backend.ended(self.gateway, peer.session(), closed.label());
            }
            _ => {}
        }
        let Some(session) = backend.name(self.gateway, peer.session()) else { return };
        match event {
            comet::Event::Lost(gap) => {
                backend.log.record(Event::Dropped { session, gap: mapping::missing(gap) });
            }
            comet::Event::Gap(gap) => {
                backend.log.record(Event::Missing { session, gap: mapping::missing(gap) });
                if gap.room.is_none() {
                    let replay =
                        gap.replay.map(|replay| (mapping::push_of(replay.from), replay.pass));
                    backend.notify_store(Job::Lost(session, gap.count, replay));
                }
            }
            comet::Event::Parked(closed) => {
                backend.log.record(Event::Parked { session, reason: closed.label() });
                backend.notify_store(Job::Park(session));
            }
            comet::Event::Resumed => {
                backend.log.record(Event::Resumed { session, attempt });
                backend.notify_store(Job::Resume(session));
            }
            other => {
                let what = other.label();
                backend.log.record(Event::InvalidInput { attempt, what });
            }
        }
    }
}
