//! What a frame asks for, done.

use bytes::Bytes;
use comet_protocol::comet::{ClientFrame, Received, ServerFrame};
use comet_protocol::dialect::HEARTBEAT_BODY;
use comet_protocol::{Inbound, Outbound, ws};

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
            Action::AuthReply { seq } => self.send(slot, Outbound::AuthReply { seq }, &[]),
            Action::HeartbeatReply { seq } => {
                self.send(slot, Outbound::HeartbeatReply { seq }, &HEARTBEAT_BODY);
            }
            Action::Acked { tag } => return self.acked(slot, tag),
            action => return self.act(slot, action),
        }
        Ok(())
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

    /// A comet peer says what has arrived.
    fn received(&mut self, slot: u32, received: Received<'_>) -> Result<(), Closed> {
        let now = self.now;
        let Some(member) = self.bucket.get_mut(slot) else { return Ok(()) };
        let mut tags = std::mem::take(&mut self.tags);
        let note = |tag: u64| tags.extend((tag != 0).then_some(tag));
        match member.session.receive(now, received, note) {
            None | Some(0) => self.counters().stray_acks.add(1),
            Some(fresh) => self.counters().acks.add(fresh as u64),
        }
        self.send_waiting(slot);
        let result = self.report_acks(slot, &tags);
        tags.clear();
        self.tags = tags;
        result
    }

    /// Tells the router of acks that it asked to hear of.
    pub(super) fn report_acks(&self, slot: u32, tags: &[u64]) -> Result<(), Closed> {
        let peer = self.bucket.get(slot).and_then(|member| member.peer.as_ref());
        let Some(peer) = peer else { return Ok(()) };
        tags.iter()
            .try_for_each(|&tag| self.sink.acked(peer, tag).map_err(|_| Closed::RouterPanicked))
    }

    fn receive(&mut self, slot: u32, number: u32, message: Message) -> Result<(), Closed> {
        self.counters().messages.add(1);
        let Some(peer) = self.bucket.get(slot).and_then(|member| member.peer.as_ref()) else {
            return Ok(());
        };
        let receipt = Receipt::new(peer.session(), number, self.mailbox.clone());
        self.sink.receive(peer, message, receipt).map_err(|_| Closed::RouterPanicked)
    }

    fn acked(&mut self, slot: u32, tag: u64) -> Result<(), Closed> {
        self.counters().acks.add(1);
        self.send_waiting(slot);
        if tag == 0 { Ok(()) } else { self.report_acks(slot, &[tag]) }
    }
}
