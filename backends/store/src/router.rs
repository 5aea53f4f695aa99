//! The store as a router: accepts messages, tracks sessions and acks.
//!
//! Called on shard threads, so nothing here blocks: everything becomes a job for the writer.

use comet::{
    Connect, ConnectReply, Event, Gateway, Message, Peer, Receipt, Refusal, Repeats, Replay,
    Router, SessionId,
};
use comet_dtalk::clock;
use comet_dtalk::code::Code;
use comet_dtalk::device::DeviceInfo;

use crate::Store;
use crate::check::check;
use crate::tag::Tag;
use crate::writer::job::{Client, Job};
use crate::writer::reply::ReplyTo;

impl Router for Store {
    /// A store alone admits no peers: the router that wraps it decides on admission.
    fn connect(&self, _gateway: &Gateway, _request: Connect, reply: ConnectReply) {
        reply.close();
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
        let taken = self.submit(draft, peer.user(), is_phone(peer), ReplyTo::Socket(receipt));
        if let Err((code, ReplyTo::Socket(receipt))) = taken {
            let refusal = match code {
                Code::MESSAGE_NOT_SENT => Refusal::later(code.0),
                _ => Refusal::new(code.0),
            };
            receipt.refuse(refusal);
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
            Event::Acked { tag } => match Tag::decode(tag) {
                None => {}
                Some(tag @ Tag::Group(_)) => {
                    // Devices that pull have no cursor. A lost ack costs a repeat only.
                    let _recorded = !is_phone(peer) || self.acked(session, tag);
                }
                Some(tag) => {
                    if !self.acked(session, tag) {
                        end_behind(gateway, session);
                    }
                }
            },
            Event::Gap(gap) if gap.room.is_none() => {
                let count = usize::try_from(gap.count).unwrap_or(usize::MAX);
                let from = |replay: Replay| Some((Tag::decode(replay.from)?, replay.pass));
                let replay = gap.replay.and_then(from);
                self.send_job(Job::Lost { session, count, replay });
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
