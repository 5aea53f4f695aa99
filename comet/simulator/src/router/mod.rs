//! The router of a run: decides at random, and records all events.
//!
//! Not here: the times of pushes that no message or session causes (module `world`).

mod desk;
mod feed;
mod post;

use std::sync::Arc;

use bytes::Bytes;
use comet::{Connect, ConnectReply, Event, Gateway, Identity, Message, Peer, Receipt, Router};
use parking_lot::Mutex;

pub(crate) use desk::Desk;
use post::Job;

use crate::body::Body;
use crate::contract;
use crate::history::{Attempt, ClientId, PushId, What};

/// The only application.
pub(crate) const APP: &str = "sim";

/// The token of a user.
pub(crate) fn token(user: u32) -> String {
    format!("u{user}")
}

/// The `ext` that names connection and device.
pub(crate) fn ext(attempt: Attempt, device: u32) -> Bytes {
    [attempt.0.to_be_bytes(), device.to_be_bytes()].concat().into()
}

fn parse_ext(ext: &[u8]) -> Option<(Attempt, u32)> {
    let (attempt, rest) = ext.split_first_chunk()?;
    let device = rest.try_into().ok()?;
    Some((Attempt(u32::from_be_bytes(*attempt)), u32::from_be_bytes(device)))
}

/// The user and the device of a session; the device is the number of its client.
fn names(peer: &Peer) -> (u32, u32) {
    let number = |name: &str, kind| name.strip_prefix(kind)?.parse().ok();
    let (user, device) = (number(peer.user(), 'u'), number(peer.device(), 'd'));
    (user.unwrap_or_default(), device.unwrap_or_default())
}

/// The push identified by a tag.
fn push_of(tag: u64) -> PushId {
    PushId(u32::try_from(tag.saturating_sub(1)).unwrap_or(u32::MAX))
}

pub(crate) fn room_name(room: u32) -> String {
    format!("r{room}")
}

pub(crate) fn room_number(name: &str) -> Option<u32> {
    name.strip_prefix('r')?.parse().ok()
}

/// The router of one gateway; all routers of a run share a desk.
#[derive(Clone, Debug)]
pub(crate) struct SimRouter {
    pub(crate) gateway: u32,
    pub(crate) desk: Arc<Mutex<Desk>>,
}

impl Router for SimRouter {
    fn connect(&self, _: &Gateway, request: Connect, reply: ConnectReply) {
        let user = request.token.strip_prefix('u').and_then(|user| user.parse().ok());
        let (Some(user), Some((attempt, device))) = (user, parse_ext(&request.ext)) else {
            return reply.close();
        };
        let mut desk = self.desk.lock();
        desk.log.note(What::Asked { attempt });
        let mut identity =
            Identity::new(APP, request.token).device(format!("d{device}")).context(attempt);
        for room in desk.rooms_of(user) {
            identity = identity.room(&room_name(room));
        }
        desk.decide(attempt, identity, reply);
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        let mut desk = self.desk.lock();
        let Some(session) = desk.name(self.gateway, peer.session()) else { return };
        match Body::parse(&message.body) {
            Some(Body::Message(message)) => {
                desk.log.note(What::Received { session, message });
                let sender = ClientId(names(peer).1);
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
                return desk.connected(gateway, session, attempt, names(peer));
            }
            Event::Acked { tag } => return desk.acked(self.gateway, peer.session(), push_of(tag)),
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
                    let replay = gap.replay.map(|replay| (push_of(replay.from), replay.pass));
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
