//! Inputs of peers, carried out.

use bytes::Bytes;
use comet_protocol::codec::{Abilities, Input, Output};
use comet_protocol::ws::MessageKind;

use super::super::admission::Admission;
use super::super::census;
use super::super::endpoints::Endpoints;
use super::super::sessions::Sessions;
use super::super::settle::{Message, Receipt};
use super::Reader;
use crate::Closed;
use crate::delivery::Kind;
use crate::session::Action;

impl Reader {
    /// One input of a peer whose dialect can do so much.
    pub(super) fn handle(
        &mut self,
        sessions: &mut Sessions,
        door: &mut Admission,
        slot: u32,
        input: Input<'_>,
        abilities: &Abilities,
    ) -> Result<(), Closed> {
        let ep = &mut sessions.endpoints;
        ep.cx.counters().frames_in.add(1);
        let Some(member) = ep.bucket.get_mut(slot) else { return Ok(()) };
        match member.session.handle(ep.cx.now, input, abilities, &ep.cx.limits) {
            Action::Receive { number, seq, op, kind, body } => {
                let kind = match kind {
                    MessageKind::Text => Kind::Text,
                    MessageKind::Binary => Kind::Binary,
                };
                let body = Bytes::copy_from_slice(body);
                return receive(ep, slot, number, Message::new(seq, op, kind, body));
            }
            Action::Acked { tag } => return self.acked(ep, slot, tag),
            Action::Received(received) => return self.received(ep, slot, received),
            Action::Authenticate { request, attempt } => {
                return door.authenticate(sessions, slot, *request, attempt);
            }
            Action::Renew { request } => return door.renew(ep, slot, *request),
            Action::HeartbeatReply { seq } if abilities.counts => {
                census::count_for(ep, &mut self.counting, slot, seq);
            }
            Action::HeartbeatReply { seq } => {
                put(ep, slot, &Output::HeartbeatReply { seq, members: 0 });
            }
            Action::Answer { seq, answer } => {
                if let Some(mut out) = ep.out(slot) {
                    out.answer(seq.get(), 0, &answer);
                }
            }
            Action::Pong { stamp } => put(ep, slot, &Output::Pong { stamp }),
            Action::StrayAck => ep.cx.counters().stray_acks.add(1),
            Action::Close(closed) => return Err(closed),
            Action::Ignore => ep.cx.counters().frames_ignored.add(1),
        }
        Ok(())
    }
}

fn put(ep: &mut Endpoints, slot: u32, output: &Output<'_>) {
    if let Some(mut out) = ep.out(slot) {
        out.put(output);
    }
}

fn receive(ep: &Endpoints, slot: u32, number: u32, message: Message) -> Result<(), Closed> {
    ep.cx.counters().messages.add(1);
    let Some(peer) = ep.bucket.get(slot).and_then(|member| member.peer.as_ref()) else {
        return Ok(());
    };
    let receipt = Receipt::new(peer.session(), number, ep.cx.mailbox().clone());
    ep.cx.sink.receive(peer, message, receipt).map_err(|_| Closed::RouterPanicked)
}
