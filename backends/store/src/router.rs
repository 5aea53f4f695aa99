//! The store behind a gateway: takes messages, learns who is there and what has arrived.
//!
//! Called on shard threads, so nothing here waits: everything becomes a job for the writer.

use comet::{
    Class, Closed, Connect, ConnectReply, Gap, Gateway, Message, Peer, Receipt, Refusal, Router,
};
use comet_dtalk::code::Code;
use comet_dtalk::device::DeviceInfo;

use crate::Store;
use crate::check::check;
use crate::tag::Tag;
use crate::writer::catch_up::{Source, Stretch};
use crate::writer::job::Job;
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
        let (session, uid) = (peer.session(), peer.user().into());
        self.tell(Job::Attach { session, uid, phone: is_phone(peer) });
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
            let repair = if pulls(peer) { None } else { missing(gap) };
            self.tell(Job::Lost { session: peer.session(), count, repair });
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

/// What is missing of a user's record, if that is known. Signals have no place there: phones get
/// them again when they log in, and others learn of their effect when they sync.
fn missing(gap: &Gap) -> Option<Stretch> {
    let first = i64::try_from(gap.position).ok().filter(|&first| first > 0)?;
    let after = first - 1;
    let upto = after.saturating_add(i64::try_from(gap.count).unwrap_or(i64::MAX));
    Some(Stretch { source: Source::Record, after, upto })
}

/// Such a peer has been told itself.
fn pulls(peer: &Peer) -> bool {
    peer.context::<DeviceInfo>().is_some_and(|device| device.pulls)
}

/// Phones get what they missed, and what they acknowledge counts as received.
fn is_phone(peer: &Peer) -> bool {
    peer.context::<DeviceInfo>().is_some_and(DeviceInfo::is_phone)
}
