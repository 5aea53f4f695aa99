//! What an accepted peer gets on its home shard: the session that it left, or a new one if its user
//! may have another.

use bytes::Bytes;
use comet_protocol::Outbound;
use comet_protocol::comet::message::capability;
use comet_protocol::comet::{Code, Loss, ServerFrame, Welcome};

use super::Shard;
use super::connection::Transport;
use super::parking::Return;
use super::telling::millis;
use super::tickets::Claim;
use crate::Closed;
use crate::delivery::with_signals;
use crate::devices::{Existing, Newcomer, Verdict};
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
                Claim::Stale => return self.refuse_opened(slot, seq, Code::REPLACED),
            },
            None => {
                if let Some(earlier) = self.earlier_session(slot, &identity) {
                    return self.resume_session(slot, earlier, seq, identity);
                }
                Loss::None
            }
        };
        if self.admit_device(slot, &identity) {
            self.open_new(slot, seq, loss, identity);
        } else {
            self.refuse_opened(slot, seq, Code::FORBIDDEN);
        }
    }

    /// Opens a session that was not there before: the answer first, then everything else.
    fn open_new(&mut self, slot: u32, seq: u32, loss: Loss, mut identity: Identity) {
        if let Some(Transport::Deciding { key }) =
            self.connection(slot).map(|connection| &connection.transport)
        {
            let key = key.clone();
            self.upgraded(slot, &key);
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
        self.sessions_changed(1);
        self.rearm(slot);
        if self.sink.connected(&peer).is_err() {
            self.end(slot, &Closed::RouterPanicked);
        }
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

    /// Makes room for another device of the user, as the policy says; false if it has to stay out.
    fn admit_device(&mut self, slot: u32, identity: &Identity) -> bool {
        if identity.is_anonymous() {
            return true;
        }
        let mut found = std::mem::take(&mut self.found);
        self.bucket.sessions_of(&identity.app, &identity.user, &mut found);
        found.retain(|&other| {
            other != slot && self.bucket.get(other).is_some_and(|it| it.session.is_alive())
        });
        let describe = |&other: &u32| {
            let member = self.bucket.get(other)?;
            let (peer, since) = (member.peer.as_ref()?, member.since.into());
            Some(Existing { class: peer.class(), device: peer.device(), since })
        };
        let existing: Vec<Existing<'_>> = found.iter().filter_map(describe).collect();
        let newcomer = Newcomer { class: &identity.class, device: &identity.device };
        let verdict = self.shared.config.devices.admit(&newcomer, &existing);
        let Verdict::Admit { replaced, end } = verdict else {
            found.clear();
            self.found = found;
            return false;
        };
        // Devices of the old dialects may have several connections where nothing is resumed.
        let fences = self.speaks_comet(slot) || !self.limits.resume_ttl.is_zero();
        let replaced = replaced.into_iter().filter(|_| fences);
        for index in replaced.chain(end) {
            self.end_for_good(found[index], &Closed::Replaced);
        }
        found.clear();
        self.found = found;
        true
    }

    /// Turns away a peer that the router accepted, and that may have no session all the same.
    fn refuse_opened(&mut self, slot: u32, seq: u32, code: Code) {
        self.counters().refused.add(1);
        if self.speaks_comet(slot) {
            self.send_refused(slot, code, None, &[]);
        } else if !self.refuse_raw(slot) {
            self.send(slot, Outbound::AuthReply { seq }, b"too many devices");
        }
        // The router has not heard of it as a session.
        if let Some(member) = self.bucket.get_mut(slot) {
            member.session.close(self.now, &self.limits);
        }
        self.direct.clear(slot);
        self.counters().closed[Closed::Refused.index()].add(1);
        self.say_why(slot, &Closed::Refused);
        self.rearm(slot);
        self.flush(slot);
    }
}
