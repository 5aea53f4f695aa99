//! What a frame asks for, done.

use bytes::Bytes;
use comet_protocol::comet::{ClientFrame, ServerFrame};
use comet_protocol::dialect::HEARTBEAT_BODY;
use comet_protocol::{Dialect, Inbound, Outbound, ws};

use super::Shard;
use super::settle::{Message, Receipt};
use crate::Closed;
use crate::delivery::Kind;
use crate::session::Action;

impl Shard {
    /// One message of a raw peer.
    pub(super) fn handle_raw(&mut self, slot: u32, message: ws::Message<'_>) -> Result<(), Closed> {
        let kind = match message.kind {
            ws::MessageKind::Text => Kind::Text,
            ws::MessageKind::Binary => Kind::Binary,
        };
        let frame = Inbound::Send { seq: 0, op: 0, body: &[] };
        let Some(member) = self.bucket.get_mut(slot) else { return Ok(()) };
        match member.session.handle_frame(self.now, frame, &self.limits) {
            Action::Receive { number, .. } => {
                self.receive(slot, number, Message::new(0, 0, kind, message.into_bytes()))
            }
            Action::Close(closed) => Err(closed),
            _ => Ok(()),
        }
    }

    /// One frame of a peer whose dialect has heads.
    pub(super) fn handle_frame(&mut self, slot: u32, frame: Inbound<'_>) -> Result<(), Closed> {
        self.counters().frames_in.add(1);
        let Some(member) = self.bucket.get_mut(slot) else { return Ok(()) };
        match member.session.handle_frame(self.now, frame, &self.limits) {
            Action::Authenticate { body, attempt } => {
                return self.authenticate(slot, body, attempt);
            }
            Action::Renew { seq, body } => return self.renew(slot, seq, body),
            Action::HeartbeatReply { seq } if self.speaks_goim(slot) => self.count_for(slot, seq),
            Action::HeartbeatReply { seq } => {
                self.send(slot, Outbound::HeartbeatReply { seq }, &HEARTBEAT_BODY);
            }
            Action::Acked { tag } => return self.acked(slot, tag),
            action => return self.act(slot, action),
        }
        Ok(())
    }

    fn speaks_goim(&mut self, slot: u32) -> bool {
        self.connections.get_mut(slot).is_some_and(|it| it.dialect == Some(Dialect::Goim))
    }

    /// One frame of a peer that speaks the comet dialect.
    pub(super) fn handle_comet(&mut self, slot: u32, frame: ClientFrame<'_>) -> Result<(), Closed> {
        self.counters().frames_in.add(1);
        let Some(member) = self.bucket.get_mut(slot) else { return Ok(()) };
        match member.session.handle_comet(self.now, frame, &self.limits) {
            Action::Greet { auth } => return self.greet(slot, auth),
            Action::Received(received) => return self.received(slot, received),
            Action::Answer { seq, answer } => self.send_answer(slot, seq, answer),
            Action::Pong { stamp } => self.tell(slot, &ServerFrame::Pong { stamp }),
            action => return self.act(slot, action),
        }
        Ok(())
    }

    /// What frames of all dialects may ask for.
    fn act(&mut self, slot: u32, action: Action<'_>) -> Result<(), Closed> {
        match action {
            Action::Receive { number, seq, op, body } => {
                let body = Bytes::copy_from_slice(body);
                return self.receive(slot, number, Message::new(seq, op, Kind::Binary, body));
            }
            Action::StrayAck => self.counters().stray_acks.add(1),
            Action::Close(closed) => return Err(closed),
            _ => self.counters().frames_ignored.add(1),
        }
        Ok(())
    }

    fn receive(&mut self, slot: u32, number: u32, message: Message) -> Result<(), Closed> {
        self.counters().messages.add(1);
        let Some(peer) = self.bucket.get(slot).and_then(|member| member.peer.as_ref()) else {
            return Ok(());
        };
        let receipt = Receipt::new(peer.session(), number, self.mailbox.clone());
        self.sink.receive(peer, message, receipt).map_err(|_| Closed::RouterPanicked)
    }
}
