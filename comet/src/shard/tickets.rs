//! Tickets of the comet dialect: what a peer shows to get its session back, and when.

use std::hash::BuildHasher;
use std::time::Duration;

use bytes::Bytes;
use comet_protocol::comet::{Loss, Seq};

use super::Shard;
use crate::SessionId;
use crate::identity::Identity;
use crate::keyed::Keyed;
use crate::plant::Plant;
use crate::session::Hello;
use crate::ticket::{BadTicket, Ticket};

/// How long a ticket is good, however long its connection lasts.
pub(crate) const TICKET_LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);

/// What a peer that asks for a session gets.
#[derive(Clone, Copy, Debug)]
pub(super) enum Claim {
    /// The session that it had; it showed the ticket of this epoch.
    Resume { slot: u32, epoch: u32 },
    /// A new one, and why it does not get the one that it had, if it had one.
    New(Loss),
    /// Nothing: it shows a ticket that it has replaced. The request was long under way, or somebody
    /// else made it; whoever has the session now is not disturbed.
    Stale,
}

impl Shard {
    /// What a ticket proves, before anything is asked of anybody else.
    pub(super) fn open_ticket(&self, bytes: &[u8]) -> Result<Option<Ticket>, Loss> {
        if bytes.is_empty() {
            return Ok(None);
        }
        match self.shared.tickets.open(self.shared.clock.unix_millis(), bytes) {
            Ok(ticket) => Ok(Some(ticket)),
            Err(BadTicket::Expired) => Err(Loss::Expired),
            Err(BadTicket::Unknown) => Err(Loss::Unknown),
        }
    }

    /// How much too early the holder of a ticket comes back.
    pub(super) fn too_early(&self, ticket: &Ticket) -> Option<Duration> {
        let left = ticket.not_before.saturating_sub(self.shared.clock.unix_millis());
        (left > 0).then(|| Duration::from_millis(left))
    }

    /// A ticket for the session in a slot; `None` if it is not kept when its connection is lost.
    pub(super) fn ticket(&mut self, slot: u32) -> Option<Bytes> {
        self.seal(slot, 0)
    }

    /// The same, for a peer that is asked not to come back earlier.
    pub(super) fn ticket_for_later(&mut self, slot: u32, after: Duration) -> Option<Bytes> {
        let after = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        self.seal(slot, self.shared.clock.unix_millis().saturating_add(after))
    }

    fn seal(&mut self, slot: u32, not_before: u64) -> Option<Bytes> {
        let nonce = self.nonces.next();
        let member = self.bucket.get(slot)?;
        let conversation = member.session.conversation()?;
        let kept = conversation.keeps_tickets && !self.limits.resume_ttl.is_zero();
        let peer = member.peer.as_ref().filter(|_| kept)?;
        let now = self.shared.clock.unix_millis();
        let life = u64::try_from(TICKET_LIFE.as_millis()).unwrap_or(u64::MAX);
        let ticket = Ticket {
            session: self.bucket.id(slot).as_u64(),
            epoch: conversation.epoch,
            expires: now.saturating_add(life),
            not_before,
            binding: self.binding(peer.app(), peer.user(), peer.device()),
        };
        Some(self.shared.tickets.seal(now, nonce, &ticket))
    }

    /// Whose a session is, and of which run of the gateway: slots are given out anew in each.
    fn binding(&self, app: &str, user: &str, device: &str) -> [u8; 16] {
        let app = format!("{:016x}{app}", self.shared.incarnation);
        self.shared.tickets.binding(&app, user, device)
    }

    /// What the claim to a session comes to that a peer makes in the auth of that seq.
    pub(super) fn claimed(&self, seq: u32, hello: &Hello, identity: &Identity) -> Claim {
        let ticket = match &hello.claim {
            Ok(Some(ticket)) => ticket,
            Ok(None) => return Claim::New(Loss::None),
            Err(loss) => return Claim::New(*loss),
        };
        if ticket.binding != self.binding(&identity.app, &identity.user, &identity.device) {
            return Claim::New(Loss::Unknown);
        }
        let id = SessionId::from_u64(ticket.session);
        if self.limits.planted.has(Plant::CleanupRace) && self.lost_mapping(id) {
            return Claim::New(Loss::Unknown);
        }
        let slot = self.bucket.find(id).filter(|_| id.shard() == self.index);
        let alive = slot
            .filter(|&slot| self.bucket.get(slot).is_some_and(|member| member.session.is_alive()));
        match alive {
            Some(slot) => self.claim_to(slot, seq, ticket.epoch, hello),
            None if self.bucket.has_expired(id) => Claim::New(Loss::Expired),
            None => Claim::New(Loss::Ended),
        }
    }

    /// The same, of a session that is there.
    fn claim_to(&self, slot: u32, seq: u32, epoch: u32, hello: &Hello) -> Claim {
        let session = self.bucket.get(slot).map(|member| &member.session);
        let Some((session, conversation)) =
            session.and_then(|session| Some((session, session.conversation()?)))
        else {
            // A connection of an older dialect has it now.
            return Claim::New(Loss::Ended);
        };
        let has_sent = hello.auth.received().is_ok_and(|received| session.has_sent(received));
        if epoch < conversation.shown || conversation.is_overtaken(epoch, Seq::new(seq)) {
            Claim::Stale
        } else if epoch <= conversation.epoch && has_sent && conversation.fits(hello.auth.max_body)
        {
            Claim::Resume { slot, epoch }
        } else {
            Claim::New(Loss::Unknown)
        }
    }
}

/// Nonces of tickets, no two alike: 16 bytes of chance, and a counter.
#[derive(Debug)]
pub(super) struct Nonces {
    prefix: [u8; 16],
    given: u64,
}

impl Nonces {
    pub(super) fn new(keys: &Keyed) -> Self {
        let [high, low] = [1, 2].map(|part| keys.hash_one(part).to_be_bytes());
        let mut prefix = [0; 16];
        prefix[..8].copy_from_slice(&high);
        prefix[8..].copy_from_slice(&low);
        Self { prefix, given: 0 }
    }

    fn next(&mut self) -> [u8; 24] {
        self.given += 1;
        let mut nonce = [0; 24];
        nonce[..16].copy_from_slice(&self.prefix);
        nonce[16..].copy_from_slice(&self.given.to_be_bytes());
        nonce
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_nonces_are_alike() {
        let keys = Keyed::by_chance();
        let mut nonces = [Nonces::new(&keys.for_part(0)), Nonces::new(&keys.for_part(1))];
        let all: std::collections::HashSet<_> =
            (0..100).flat_map(|_| nonces.each_mut().map(Nonces::next)).collect();
        assert_eq!(all.len(), 200);
    }
}
