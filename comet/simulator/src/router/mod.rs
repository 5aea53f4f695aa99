//! The router of a run: decides at random, and records all events.
//!
//! Not here: the times of pushes that no message or session causes (module `world`).

mod desk;
mod feed;
mod post;

use std::sync::Arc;

use comet::{Connect, ConnectReply, Event, Gateway, Identity, Message, Peer, Receipt, Router};
use parking_lot::Mutex;

pub(crate) use desk::Desk;
use post::Job;

use crate::body::Body;
use crate::contract;
use crate::history::{ClientId, What};
use crate::names;

/// The user and the device of a session; the device is the number of its client.
fn numbers(peer: &Peer) -> (u32, u32) {
    let user = names::parse_token(peer.user()).unwrap_or_default();
    (user, names::parse_device(peer.device()).unwrap_or_default())
}

/// The router of one gateway; all routers of a run share a desk.
#[derive(Clone, Debug)]
pub(crate) struct SimRouter {
    pub(crate) gateway: u32,
    pub(crate) desk: Arc<Mutex<Desk>>,
}

impl Router for SimRouter {
    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        let (Some(user), Some((attempt, device))) =
            (names::parse_token(&request.token), names::parse_ext(&request.ext))
        else {
            return reply.close();
        };
        let mut desk = self.desk.lock();
        desk.log.note(What::Asked { attempt });
        let mut identity =
            Identity::new(names::APP, request.token).device(names::device(device)).context(attempt);
        for room in desk.rooms_of(user) {
            identity = identity.room(&names::room(room));
        }
        desk.decide(attempt, identity, reply);
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        let mut desk = self.desk.lock();
        let Some(session) = desk.name(self.gateway, peer.session()) else { return };
        match Body::parse(&message.body) {
            Some(Body::Message(message)) => {
                desk.log.note(What::Received { session, message });
                let sender = ClientId(numbers(peer).1);
                desk.receive(gateway, (session, sender), message, receipt);
            }
            _ => {
                let attempt = peer.context().copied().unwrap_or_default();
                desk.log.note(What::Nonsense { attempt, what: "a message that nobody sent" });
            }
        }
    }

    fn event(&self, gateway: &Gateway, peer: &Peer, event: Event<'_>) {
        let attempt = peer.context().copied().unwrap_or_default();
        let mut desk = self.desk.lock();
        match event {
            Event::Connected => {
                let session = (self.gateway, peer.session());
                return desk.connected(gateway, session, attempt, numbers(peer));
            }
            Event::Acked { tag } => {
                return desk.acked(self.gateway, peer.session(), contract::push_of(tag));
            }
            Event::Disconnected(closed) => {
                return desk.ended(self.gateway, peer.session(), closed.label());
            }
            _ => {}
        }
        let Some(session) = desk.name(self.gateway, peer.session()) else { return };
        match event {
            Event::Lost(gap) => {
                desk.log.note(What::Dropped { session, gap: contract::missing(gap) });
            }
            Event::Gap(gap) => {
                desk.log.note(What::Missing { session, gap: contract::missing(gap) });
                if gap.room.is_none() {
                    let replay =
                        gap.replay.map(|replay| (contract::push_of(replay.from), replay.pass));
                    desk.tell(Job::Lost(session, gap.count, replay));
                }
            }
            Event::Parked(closed) => {
                desk.log.note(What::Parked { session, why: closed.label() });
                desk.tell(Job::Park(session));
            }
            Event::Resumed => {
                desk.log.note(What::Resumed { session, attempt });
                desk.tell(Job::Resume(session));
            }
            other => {
                let what = other.label();
                desk.log.note(What::Nonsense { attempt, what });
            }
        }
    }
}
