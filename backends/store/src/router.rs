//! The store behind a gateway: takes messages, learns who is there and what has arrived.
//!
//! Called on shard threads, so nothing here waits: everything becomes a job for the writer.

use comet::{
    Class, Closed, Connect, ConnectReply, Gap, Gateway, Message, Peer, Receipt, Refusal, Replay,
    Router,
};
use comet_dtalk::code::Code;
use comet_dtalk::device::DeviceInfo;

use crate::Store;
use crate::check::check;
use crate::tag::Tag;
use crate::writer::job::{Client, Job};
use crate::writer::reply::Reply;

impl Router for Store {
    /// Nobody connects to a store itself: whatever wraps it decides about that.
    fn connect(&self, _gateway: &Gateway, _request: Connect, reply: ConnectReply) {
        reply.close();
    }

    fn connected(&self, gateway: &Gateway, peer: &Peer) {
        if peer.user().is_empty() {
            return;
        }
        self.deliver_through(gateway);
        let client = Client { uid: peer.user().into(), phone: is_phone(peer), pulls: pulls(peer) };
        self.tell(Job::Attach { session: peer.session(), client });
    }

    fn receive(&self, _gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        if peer.user().is_empty() {
            self.counters().forbidden();
            return receipt.refuse(Refusal::new(Code::SIGNATURE_INVALID.0));
        }
        let draft = match check(message.body) {
            Ok(draft) => draft,
            Err(reason) => {
                tracing::debug!(user = peer.user(), %reason, "message refused");
                self.counters().malformed();
                return receipt.refuse(Refusal::new(Code::BAD_PARAMETERS.0));
            }
        };
        let taken = self.submit(draft, peer.user(), is_phone(peer), Reply::Socket(receipt));
        if let Err((code, Reply::Socket(receipt))) = taken {
            let refusal = match code {
                Code::MESSAGE_NOT_SENT => Refusal::later(code.0),
                _ => Refusal::new(code.0),
            };
            receipt.refuse(refusal);
        }
    }

    fn acked(&self, _gateway: &Gateway, peer: &Peer, tag: u64) {
        match Tag::decode(tag) {
            // Nothing is kept for each member of a group.
            None | Some(Tag::Group(_)) => {}
            Some(tag) => self.tell(Job::Acked { session: peer.session(), tag }),
        }
    }

    fn gap(&self, _gateway: &Gateway, peer: &Peer, gap: &Gap) {
        // Of what is not acked nothing is on record, or nobody would say when it has arrived.
        if gap.class == Class::Acked && gap.room.is_none() {
            let count = usize::try_from(gap.count).unwrap_or(usize::MAX);
            let from = |replay: Replay| Some((Tag::decode(replay.from)?, replay.pass));
            let replay = gap.replay.and_then(from);
            self.tell(Job::Lost { session: peer.session(), count, replay });
        }
    }

    fn parked(&self, _gateway: &Gateway, peer: &Peer, _closed: &Closed) {
        self.tell(Job::Park(peer.session()));
    }

    fn resumed(&self, _gateway: &Gateway, peer: &Peer) {
        self.tell(Job::Resume(peer.session()));
    }

    fn disconnected(&self, _gateway: &Gateway, peer: &Peer, _closed: &Closed) {
        self.tell(Job::Detach(peer.session()));
    }
}

/// Such a peer is told itself of what it misses, and asks for it.
fn pulls(peer: &Peer) -> bool {
    peer.context::<DeviceInfo>().is_some_and(|device| device.pulls)
}

/// Phones get what they missed, and what they acknowledge counts as received.
fn is_phone(peer: &Peer) -> bool {
    peer.context::<DeviceInfo>().is_some_and(DeviceInfo::is_phone)
}
