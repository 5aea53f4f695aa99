//! Opening the session of an accepted peer on its home shard: the one that it left, or a new one if
//! its user may have another.

use bytes::Bytes;
use comet_protocol::codec::{Beside, Output, Refusal};
use comet_protocol::comet::message::capability;
use comet_protocol::comet::{Code, Loss, Welcome};
use comet_protocol::ws::handshake::HandshakeError;

use super::super::connections::{FramingState, Upgrade, millis};
use super::super::endpoints::{Endpoints, lanes};
use super::parking::Return;
use super::resumption::Claim;
use super::{Lifecycle, change_open, join};
use crate::Closed;
use crate::delivery::with_signals;
use crate::devices::Crowded;
use crate::event::Event;
use crate::identity::{Identity, Peer};

/// Whether an accepted peer has been dealt with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub(in crate::shard) enum Opened {
    /// It has a session, or has been told why not.
    Done,
    /// There are as many sessions as may be: it is to be turned away.
    Full,
}

impl Lifecycle {
    /// Opens the session in its slot, or gives its connection to the one that its peer left.
    pub(in crate::shard) fn open(
        &mut self,
        ep: &mut Endpoints,
        slot: u32,
        identity: Identity,
    ) -> Opened {
        let Some(member) = ep.bucket.get_mut(slot) else { return Opened::Done };
        let hello = member.session.comet_state_mut().and_then(|it| it.hello.take());
        let Some(seq) = member.session.state_mut().accept(ep.cx.now) else { return Opened::Done };
        if let Some(connection) = ep.connections.get_mut(slot) {
            connection.extras.forget_introduction();
        }
        let loss = match &hello {
            Some(hello) => match self.resumption.claimed(ep, (slot, seq), hello, &identity) {
                Claim::Resume { slot: earlier, epoch } => {
                    let back = Return { slot, earlier, seq, epoch };
                    self.resume_numbered(ep, back, hello, identity);
                    return Opened::Done;
                }
                Claim::New(loss) => loss,
                Claim::Stale => {
                    self.refuse_opened(ep, slot, Code::REPLACED, None);
                    return Opened::Done;
                }
            },
            None => {
                if let Some(earlier) = self.earlier_session(ep, slot, &identity) {
                    self.resume_session(ep, slot, earlier, seq, identity);
                    return Opened::Done;
                }
                Loss::None
            }
        };
        match self.devices.admit(ep, slot, &identity) {
            Ok(replaced) => {
                for other in replaced {
                    self.end_for_good(ep, other, &Closed::Replaced);
                }
                self.open_new(ep, slot, seq, loss, identity)
            }
            Err(crowded) => {
                self.refuse_opened(ep, slot, Code::FORBIDDEN, Some(&crowded));
                Opened::Done
            }
        }
    }

    /// Opens a session that was not there before: the answer first, then everything else.
    fn open_new(
        &mut self,
        ep: &mut Endpoints,
        slot: u32,
        seq: u32,
        loss: Loss,
        mut identity: Identity,
    ) -> Opened {
        if !ep.cx.shared.entrance.open_session() {
            return Opened::Full;
        }
        if let Some(connection) = ep.connections.get_mut(slot)
            && let FramingState::Deciding(upgrade) = &mut connection.framing
        {
            // Becomes a WebSocket, and needs the key no longer.
            let upgrade = std::mem::take(&mut **upgrade);
            let Upgrade { key, subprotocol, deflate } = upgrade;
            if let Some(mut out) = ep.out(slot) {
                out.upgraded(&key, subprotocol.as_deref(), deflate);
            }
        }
        let rooms = std::mem::take(&mut identity.rooms);
        if let Some(member) = ep.bucket.get_mut(slot) {
            member.session.set_overflow(identity.overflow);
            member.session.set_expiry(ep.cx.now, identity.validity());
        }
        let peer = Peer::new(ep.bucket.id(slot), identity);
        ep.bucket.open(slot, peer.clone());
        lanes::begin(ep, slot, false);
        self.welcome(ep, slot, seq, false, loss);
        for room in rooms {
            join(ep, slot, &room);
        }
        change_open(ep, slot, 1);
        ep.rearm(slot);
        if ep.cx.sink.event(&peer, Event::Connected).is_err() {
            self.end(ep, slot, &Closed::RouterPanicked);
        }
        Opened::Done
    }

    /// Answers the auth frame of an accepted peer.
    pub(in crate::shard) fn welcome(
        &mut self,
        ep: &mut Endpoints,
        slot: u32,
        seq: u32,
        resumed: bool,
        loss: Loss,
    ) {
        if loss != Loss::None {
            ep.cx.counters().tickets_refused.add(1);
        }
        let ticket = self.resumption.ticket(ep, slot).unwrap_or_default();
        let heartbeat = ep.heartbeat(slot);
        let config = &ep.cx.shared.config;
        let numbered = ep.bucket.comet_state(slot);
        let takes_latest = numbered.is_some_and(|it| it.takes_latest);
        let latest = if takes_latest { capability::LATEST } else { 0 };
        let resume = if ticket.is_empty() { 0 } else { capability::RESUME };
        let beside = numbered.map_or(Beside::default(), |it| it.ways.granted());
        let lanes = if beside.lanes { capability::LANES } else { 0 };
        let datagrams = if beside.datagrams { capability::DATAGRAMS } else { 0 };
        let welcome = Welcome {
            session: ep.bucket.id(slot).short(),
            epoch: numbered.map_or(1, |it| it.epoch),
            resumed,
            ticket_ttl_ms: if ticket.is_empty() { 0 } else { millis(config.resume.ttl) },
            ticket,
            accepted: numbered.map_or(0, |it| it.accepted().get()),
            capabilities: latest | resume | lanes | datagrams,
            heartbeat_ms: millis(heartbeat),
            max_body: u32::try_from(config.limits.max_body).unwrap_or(u32::MAX),
            send_window: config.limits.inbox.into(),
            deliver_window: u32::try_from(with_signals(config.delivery.window)).unwrap_or(u32::MAX),
            loss: loss.into(),
            body: Bytes::new(),
        };
        let peer = ep.bucket.get(slot).and_then(|member| member.peer.clone());
        let user = peer.as_ref().map_or("", |peer| peer.user());
        if let Some(mut out) = ep.out(slot) {
            out.put(&Output::Accepted { seq, user, welcome: &welcome });
        }
    }

    /// Turns away a peer that the router accepted, and that may have no session all the same.
    fn refuse_opened(&mut self, ep: &mut Endpoints, slot: u32, code: Code, why: Option<&Crowded>) {
        ep.cx.counters().refused.add(1);
        if !ep.refuse_raw(slot, &HandshakeError::Forbidden) {
            let stays = why.and_then(|crowded| crowded.devices.last());
            ep.refuse(slot, code, None, Refusal::Crowded(stays.map(|device| &**device)));
        }
        self.end_unopened(ep, slot, &Closed::Refused);
    }

    /// Ends a session that the router has not heard of.
    pub(in crate::shard) fn end_unopened(
        &mut self,
        ep: &mut Endpoints,
        slot: u32,
        closed: &Closed,
    ) {
        if self.hold_refused(ep, slot, closed) {
            return;
        }
        if let Some(member) = ep.bucket.get_mut(slot) {
            member.session.close(ep.cx.now, &ep.cx.limits);
        }
        ep.connections.end_input(slot);
        ep.cx.counters().closed[closed.index()].add(1);
        self.say_goodbye(ep, slot, closed);
    }
}
