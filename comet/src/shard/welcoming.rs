//! What an accepted peer gets on its home shard: the session that it left, or a new one if its user
//! may have another.

use bytes::Bytes;
use comet_protocol::comet::message::capability;
use comet_protocol::comet::{Code, Loss, ServerFrame, Welcome};
use comet_protocol::ws::handshake::HandshakeError;
use comet_protocol::{AuthRefusal, Outbound};

use super::Shard;
use super::connection::{Transport, Upgrade};
use super::parking::Return;
use super::telling::millis;
use super::tickets::Claim;
use crate::Closed;
use crate::delivery::with_signals;
use crate::devices::Crowded;
use crate::identity::{Identity, Peer};

impl Shard {
    /// Opens the session in its slot, or gives its connection to the one that its peer left.
    pub(super) fn open(&mut self, slot: u32, identity: Identity) {
        self.finish_run(super::fanout::Last::No);
        let Some(member) = self.bucket.get_mut(slot) else { return };
        let hello = member.session.take_hello();
        let Some(seq) = member.session.accept(self.now) else { return };
        let loss = match &hello {
            Some(hello) => match self.claimed(seq, hello, &identity) {
                Claim::Resume { slot: earlier, epoch } => {
                    let back = Return { slot, earlier, seq, epoch };
                    return self.resume_numbered(back, hello, identity);
                }
                Claim::New(loss) => loss,
                Claim::Stale => return self.refuse_opened(slot, seq, Code::REPLACED, None),
            },
            None => {
                if let Some(earlier) = self.earlier_session(slot, &identity) {
                    return self.resume_session(slot, earlier, seq, identity);
                }
                Loss::None
            }
        };
        match self.admit_device(slot, &identity) {
            Ok(()) => self.open_new(slot, seq, loss, identity),
            Err(crowded) => self.refuse_opened(slot, seq, Code::FORBIDDEN, Some(&crowded)),
        }
    }

    /// Opens a session that was not there before: the answer first, then everything else.
    fn open_new(&mut self, slot: u32, seq: u32, loss: Loss, mut identity: Identity) {
        if !self.shared.entrance.open_session() {
            return self.refuse_full(slot);
        }
        if let Some(connection) = self.connections.get_mut(slot)
            && let Transport::Deciding(upgrade) = &mut connection.transport
        {
            // Becomes a WebSocket, and needs the key no longer.
            let upgrade = std::mem::take(&mut **upgrade);
            let Upgrade { key, subprotocol } = upgrade;
            self.upgraded(slot, &key, subprotocol.as_deref());
        }
        let rooms = std::mem::take(&mut identity.rooms);
        if let Some(member) = self.bucket.get_mut(slot) {
            member.session.set_overflow(identity.overflow);
        }
        let peer = Peer::new(self.bucket.id(slot), identity);
        self.bucket.open(slot, peer.clone());
        self.welcome(slot, seq, false, loss);
        for room in rooms {
            self.join_from_here(slot, &room);
        }
        self.sessions_changed(slot, 1);
        self.rearm(slot);
        if self.sink.connected(&peer).is_err() {
            self.end(slot, &Closed::RouterPanicked);
        }
    }

    /// Turns away a peer that the router accepted, because there are as many sessions as may be.
    fn refuse_full(&mut self, slot: u32) {
        self.counters().turned_away.add(1);
        if self.speaks_comet(slot) {
            let after = self.gate.later(self.now);
            self.send_refused(slot, Code::OVERLOADED, Some(after), &[]);
        } else {
            self.refuse_raw_with(slot, &HandshakeError::Unavailable);
        }
        self.end_unopened(slot, &Closed::TurnedAway);
    }

    /// Answers the auth frame of an accepted peer.
    pub(super) fn welcome(&mut self, slot: u32, seq: u32, resumed: bool, loss: Loss) {
        if !self.speaks_comet(slot) {
            return self.send(slot, Outbound::AuthReply { seq }, &[]);
        }
        if loss != Loss::None {
            self.counters().tickets_refused.add(1);
        }
        let ticket = self.ticket(slot).unwrap_or_default();
        let heartbeat = self.heartbeat(slot);
        let config = &self.shared.config;
        let session = self.bucket.get(slot).map(|member| &member.session);
        let Some(conversation) = session.and_then(|session| session.conversation()) else { return };
        let latest = if conversation.takes_latest { capability::LATEST } else { 0 };
        let resume = if ticket.is_empty() { 0 } else { capability::RESUME };
        let welcome = Welcome {
            session: self.bucket.id(slot).short(),
            epoch: conversation.epoch,
            resumed,
            ticket_ttl_ms: if ticket.is_empty() { 0 } else { millis(config.resume_ttl) },
            ticket,
            accepted: conversation.accepted().get(),
            capabilities: latest | resume,
            heartbeat_ms: millis(heartbeat),
            max_body: u32::try_from(config.max_body).unwrap_or(u32::MAX),
            send_window: config.inbox.into(),
            deliver_window: u32::try_from(with_signals(config.window)).unwrap_or(u32::MAX),
            loss: loss.into(),
            body: Bytes::new(),
        };
        self.tell(slot, &ServerFrame::Welcome { ack: seq, welcome: Box::new(welcome) });
    }

    /// Turns away a peer that the router accepted, and that may have no session all the same.
    fn refuse_opened(&mut self, slot: u32, seq: u32, code: Code, why: Option<&Crowded>) {
        self.counters().refused.add(1);
        if self.speaks_comet(slot) {
            self.send_refused(slot, code, None, &[]);
        } else if !self.refuse_raw(slot) {
            let stays = why.and_then(|crowded| crowded.devices.last());
            let stays = stays.map(|device| AuthRefusal::by(device)).unwrap_or_default();
            self.send(slot, Outbound::AuthReply { seq }, &stays.to_vec());
        }
        self.end_unopened(slot, &Closed::Refused);
    }

    /// Ends a session that the router has not heard of.
    fn end_unopened(&mut self, slot: u32, closed: &Closed) {
        if self.hold_refused(slot, closed) {
            return;
        }
        if let Some(member) = self.bucket.get_mut(slot) {
            member.session.close(self.now, &self.limits);
        }
        self.connections.end_input(slot);
        self.counters().closed[closed.index()].add(1);
        self.say_why(slot, closed);
        self.rearm(slot);
        self.flush(slot);
    }
}
