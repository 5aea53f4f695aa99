//! The store as a router: accepts messages, tracks sessions and acks.
//!
//! Called on shard threads, so nothing here blocks: everything becomes a job for the writer.

use comet::{
    Connect, ConnectReply, Dialect, Event, GapReason, Gateway, Message, Peer, Receipt, Refusal,
    Repeats, Replay, Router, SessionId,
};
use comet_dtalk::clock;
use comet_dtalk::code::Code;
use comet_dtalk::device::DeviceInfo;

use crate::Store;
use crate::check::check;
use crate::store::Refused;
use crate::tag::Tag;
use crate::typing;
use crate::writer::group_of;
use crate::writer::job::{Client, Job};
use crate::writer::reply::ReplyTo;

impl Router for Store {
    /// A store alone admits no peers: the router that wraps it decides on admission.
    fn connect(&self, _gateway: &Gateway, _request: Connect, reply: ConnectReply) {
        reply.close();
    }

    fn receive(&self, gateway: &Gateway, peer: &Peer, message: Message, receipt: Receipt) {
        if peer.user().is_empty() {
            self.counters().forbidden();
            return receipt.refuse(Refusal::new(Code::SIGNATURE_INVALID.0));
        }
        if peer.dialect() == Dialect::Comet
            && let Some(typing) = typing::read(&message.body)
        {
            return match self.typing(gateway, peer.app(), peer.user(), typing) {
                Ok(()) => receipt.ack(""),
                Err(code) => receipt.refuse(Refusal::new(code.0)),
            };
        }
        let draft = match check(message.body) {
            Ok(draft) => draft,
            Err(reason) => {
                tracing::debug!(user = peer.user(), %reason, "message refused");
                self.counters().malformed();
                return receipt.refuse(Refusal::new(Code::BAD_PARAMETERS.0));
            }
        };
        let taken = self.submit(draft, peer.user(), is_phone(peer), ReplyTo::Socket(receipt));
        if let Err((refused, ReplyTo::Socket(receipt))) = taken {
            receipt.refuse(match refused {
                Refused::Forbidden(code) => Refusal::new(code.0),
                Refused::Busy => Refusal::later(refused.code().0),
            });
        }
    }

    fn event(&self, gateway: &Gateway, peer: &Peer, event: Event<'_>) {
        let session = peer.session();
        match event {
            Event::Connected if peer.user().is_empty() => {}
            Event::Connected => {
                self.deliver_through(gateway);
                let (phone, pulls) = (is_phone(peer), pulls(peer));
                self.send_job(Job::Attach {
                    session,
                    client: Client { uid: peer.user().into(), phone, pulls },
                });
            }
            Event::Acked { tag } => {
                let Some(tag) = Tag::decode(tag) else { return };
                // A lost ack of an entry of a group costs a repeat only.
                if !self.acked(session, tag) && !matches!(tag, Tag::Group(_)) {
                    end_behind(gateway, session);
                }
            }
            Event::Gap(gap) if gap.room.is_none() => {
                let count = usize::try_from(gap.count).unwrap_or(usize::MAX);
                let from = |replay: Replay| Some((Tag::decode(replay.from)?, replay.pass));
                let replay = gap.replay.and_then(from);
                self.send_job(Job::Lost { session, count, replay });
            }
            Event::Gap(gap) if gap.reason != GapReason::TooLarge => {
                // Without a position it is of several rooms. Phones get those at their next login.
                let group = gap.room.as_deref().and_then(group_of);
                let position = i64::try_from(gap.position).unwrap_or(0);
                let count = i64::try_from(gap.count).unwrap_or(0);
                if let Some(group) = group.filter(|_| position > 0) {
                    self.send_job(Job::LostEntries { session, group, position, count });
                }
            }
            Event::Parked(_) => self.send_job(Job::Park(session)),
            Event::Resumed => self.send_job(Job::Resume(session)),
            Event::Disconnected(_) => self.send_job(Job::Detach(session)),
            // Only acked deliveries to users are recorded.
            _ => {}
        }
    }
}

/// Ends a session with an unrecorded ack: its device gets the delivery again.
fn end_behind(gateway: &Gateway, session: SessionId) {
    let kicked = gateway.kick(session, "message store is behind with acks");
    static REPEATS: Repeats = Repeats::new();
    if let Some(more) = REPEATS.admit(clock::unix()) {
        tracing::warn!(%session, ?kicked, "ack not recorded: too many wait{more}");
    }
}

/// Whether the peer is notified of missed messages and pulls them itself.
fn pulls(peer: &Peer) -> bool {
    peer.context::<DeviceInfo>().is_some_and(|device| device.pulls)
}

/// Whether the peer is a phone: phones get missed messages, and their acks count as received.
fn is_phone(peer: &Peer) -> bool {
    peer.context::<DeviceInfo>().is_some_and(DeviceInfo::is_phone)
}
