//! Inputs of peers, carried out.

use bytes::Bytes;
use comet_protocol::codec::{Abilities, Ask, Input, Output, Question};
use comet_protocol::ws::MessageKind;

use super::super::admission::Admission;
use super::super::census;
use super::super::endpoints::Endpoints;
use super::super::requests::{Message, Receipt};
use super::super::sessions::Sessions;
use super::Reader;
use crate::Closed;
use crate::delivery::Kind;
use crate::room_request::RoomRequest;
use crate::session::Action;

impl Reader {
    /// One input of a peer with these abilities.
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
                let body = Bytes::copy_from_slice(body);
                return receive(ep, slot, number, Message::new(seq, op, kind_of(kind), body));
            }
            Action::Ask { number, question } => return ask(ep, slot, number, *question),
            Action::Misunderstood { id, problem } => {
                put(ep, slot, &Output::Misunderstood { id, problem });
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

/// Has the router answer a question.
fn ask(ep: &Endpoints, slot: u32, number: u32, question: Question) -> Result<(), Closed> {
    let Question { seq, op, ask } = question;
    let request = match ask {
        Ask::Take { kind, body } => {
            return receive(ep, slot, number, Message::new(seq, op, kind_of(kind), body));
        }
        Ask::Join(room) => RoomRequest::Join { room },
        Ask::Leave(room) => RoomRequest::Leave { room },
        Ask::Change(room) => RoomRequest::Change { room: Some(room).filter(|it| !it.is_empty()) },
        Ask::Watch(ops) => RoomRequest::Watch { ops },
        Ask::Unwatch(ops) => RoomRequest::Unwatch { ops },
        Ask::Publish { room, kind, body } => {
            RoomRequest::Publish { room, kind: kind_of(kind), body }
        }
        // Nothing that this gateway knows.
        _ => return Ok(()),
    };
    ep.cx.counters().messages.add(1);
    let Some(peer) = ep.bucket.get(slot).and_then(|member| member.peer.as_ref()) else {
        return Ok(());
    };
    let receipt = Receipt::new(peer.session(), number, ep.cx.mailbox().clone());
    ep.cx.sink.room(peer, request, receipt).map_err(|_| Closed::RouterPanicked)
}

fn kind_of(kind: MessageKind) -> Kind {
    match kind {
        MessageKind::Text => Kind::Text,
        MessageKind::Binary => Kind::Binary,
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
