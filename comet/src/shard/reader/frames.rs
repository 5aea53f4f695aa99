//! Frames of peers, carried out.

use bytes::Bytes;
use comet_protocol::comet::{ClientFrame, ServerFrame};
use comet_protocol::dialect::HEARTBEAT_BODY;
use comet_protocol::{Dialect, Inbound, Outbound, ws};

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
    /// One message of a raw peer.
    pub(super) fn handle_raw(
        &self,
        ep: &mut Endpoints,
        slot: u32,
        message: ws::Message<'_>,
    ) -> Result<(), Closed> {
        let kind = match message.kind {
            ws::MessageKind::Text => Kind::Text,
            ws::MessageKind::Binary => Kind::Binary,
        };
        let frame = Inbound::Send { seq: 0, op: 0, body: &[] };
        let Some(member) = ep.bucket.get_mut(slot) else { return Ok(()) };
        match member.session.handle_frame(ep.cx.now, frame, &ep.cx.limits) {
            Action::Receive { number, .. } => {
                receive(ep, slot, number, Message::new(0, 0, kind, message.into_bytes()))
            }
            Action::Close(closed) => Err(closed),
            _ => Ok(()),
        }
    }

    /// One frame of a peer whose dialect has heads.
    pub(super) fn handle_frame(
        &mut self,
        sessions: &mut Sessions,
        door: &mut Admission,
        slot: u32,
        frame: Inbound<'_>,
    ) -> Result<(), Closed> {
        let ep = &mut sessions.endpoints;
        ep.cx.counters().frames_in.add(1);
        let Some(member) = ep.bucket.get_mut(slot) else { return Ok(()) };
        match member.session.handle_frame(ep.cx.now, frame, &ep.cx.limits) {
            Action::Authenticate { body, attempt } => {
                return door.authenticate(sessions, slot, body, attempt);
            }
            Action::Renew { seq, body } => return door.renew(ep, slot, seq, body),
            Action::HeartbeatReply { seq }
                if ep.connections.dialect(slot) == Some(Dialect::Goim) =>
            {
                census::count_for(ep, &mut self.counting, slot, seq);
            }
            Action::HeartbeatReply { seq } => {
                if let Some(mut out) = ep.out(slot) {
                    out.reply(Outbound::HeartbeatReply { seq }, &HEARTBEAT_BODY);
                }
            }
            Action::Acked { tag } => return self.acked(ep, slot, tag),
            action => return act(ep, slot, action),
        }
        Ok(())
    }

    /// One frame of a peer that speaks the comet dialect.
    pub(super) fn handle_comet(
        &mut self,
        sessions: &mut Sessions,
        door: &mut Admission,
        slot: u32,
        frame: ClientFrame<'_>,
    ) -> Result<(), Closed> {
        let ep = &mut sessions.endpoints;
        ep.cx.counters().frames_in.add(1);
        let Some(member) = ep.bucket.get_mut(slot) else { return Ok(()) };
        match member.session.handle_comet(ep.cx.now, frame, &ep.cx.limits) {
            Action::Greet { auth } => return door.authenticate_comet(sessions, slot, auth),
            Action::Received(received) => return self.received(ep, slot, received),
            Action::Answer { seq, answer } => {
                if let Some(mut out) = ep.out(slot) {
                    out.answer(seq, answer);
                }
            }
            Action::Pong { stamp } => {
                if let Some(mut out) = ep.out(slot) {
                    out.frame(&ServerFrame::Pong { stamp });
                }
            }
            action => return act(ep, slot, action),
        }
        Ok(())
    }
}

/// Frames that all dialects have.
fn act(ep: &Endpoints, slot: u32, action: Action<'_>) -> Result<(), Closed> {
    match action {
        Action::Receive { number, seq, op, body } => {
            let body = Bytes::copy_from_slice(body);
            return receive(ep, slot, number, Message::new(seq, op, Kind::Binary, body));
        }
        Action::StrayAck => ep.cx.counters().stray_acks.add(1),
        Action::Close(closed) => return Err(closed),
        _ => ep.cx.counters().frames_ignored.add(1),
    }
    Ok(())
}

fn receive(ep: &Endpoints, slot: u32, number: u32, message: Message) -> Result<(), Closed> {
    ep.cx.counters().messages.add(1);
    let Some(peer) = ep.bucket.get(slot).and_then(|member| member.peer.as_ref()) else {
        return Ok(());
    };
    let receipt = Receipt::new(peer.session(), number, ep.cx.mailbox().clone());
    ep.cx.sink.receive(peer, message, receipt).map_err(|_| Closed::RouterPanicked)
}
