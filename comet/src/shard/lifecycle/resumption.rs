//! Tickets of the comet dialect, by which a peer gets its session back.

use std::hash::BuildHasher;
use std::time::Duration;

use bytes::Bytes;
use comet_protocol::comet::{Loss, Seq};

use super::super::context::Context;
use super::super::endpoints::Endpoints;
use super::super::transport::Protection;
use crate::SessionId;
use crate::identity::Identity;
use crate::keyed::Keyed;
use crate::session::Hello;
use crate::ticket::{BadTicket, LIFE, Ticket};

/// Tickets of a shard's sessions: issued, and checked when a peer shows one.
#[derive(Debug)]
pub(in crate::shard) struct Resumption {
    nonces: Nonces,
}

/// Outcome of a peer's claim to a session.
#[derive(Clone, Copy, Debug)]
pub(in crate::shard) enum Claim {
    /// The session that it had; it showed the ticket of this epoch.
    Resume { slot: u32, epoch: u32 },
    /// A new one, and why it does not get the one that it had, if it had one.
    New(Loss),
    /// Nothing: it shows a ticket that it has replaced. The request was long under way, or came
    /// from another client; the present peer of the session is not disturbed.
    Stale,
}

impl Resumption {
    pub(super) fn new(keys: &Keyed) -> Self {
        Self { nonces: Nonces::new(keys) }
    }

    /// Opens a ticket, before the router is asked.
    pub(in crate::shard) fn open(
        &self,
        cx: &Context,
        bytes: &[u8],
    ) -> Result<Option<Ticket>, Loss> {
        if bytes.is_empty() {
            return Ok(None);
        }
        match cx.shared.tickets.open(cx.shared.clock.unix_millis(), bytes) {
            Ok(ticket) => Ok(Some(ticket)),
            Err(BadTicket::Expired) => Err(Loss::Expired),
            Err(BadTicket::Unknown) => Err(Loss::Unknown),
        }
    }

    /// How much too early the holder of a ticket comes back.
    pub(in crate::shard) fn too_early(&self, cx: &Context, ticket: &Ticket) -> Option<Duration> {
        let left = ticket.not_before.saturating_sub(cx.shared.clock.unix_millis());
        (left > 0).then(|| Duration::from_millis(left))
    }

    /// A ticket for the session in a slot; `None` if it is not kept when its connection is lost.
    pub(in crate::shard) fn ticket(&mut self, ep: &Endpoints, slot: u32) -> Option<Bytes> {
        self.seal(ep, slot, 0)
    }

    /// The same, for a peer that is asked not to come back earlier.
    pub(in crate::shard) fn ticket_for_later(
        &mut self,
        ep: &Endpoints,
        slot: u32,
        after: Duration,
    ) -> Option<Bytes> {
        let after = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        self.seal(ep, slot, ep.cx.shared.clock.unix_millis().saturating_add(after))
    }

    fn seal(&mut self, ep: &Endpoints, slot: u32, not_before: u64) -> Option<Bytes> {
        let nonce = self.nonces.next();
        let member = ep.bucket.get(slot)?;
        let comet_state = member.session.comet_state()?;
        let kept = comet_state.keeps_tickets && !ep.cx.limits.resume_ttl.is_zero();
        let peer = member.peer.as_ref().filter(|_| kept)?;
        let now = ep.cx.shared.clock.unix_millis();
        let life = u64::try_from(LIFE.as_millis()).unwrap_or(u64::MAX);
        let ticket = Ticket {
            session: ep.bucket.id(slot).as_u64(),
            epoch: comet_state.epoch,
            expires: now.saturating_add(life),
            not_before,
            binding: binding(
                &ep.cx,
                protection_of(ep, slot),
                [peer.app(), peer.user(), peer.device()],
            ),
        };
        Some(ep.cx.shared.tickets.seal(now, nonce, &ticket))
    }

    /// Judges the claim to a session in the auth of that seq, which came over the connection in the
    /// slot.
    pub(super) fn claimed(
        &self,
        ep: &Endpoints,
        (slot, seq): (u32, u32),
        hello: &Hello,
        identity: &Identity,
    ) -> Claim {
        let ticket = match &hello.claim {
            Ok(Some(ticket)) => ticket,
            Ok(None) => return Claim::New(Loss::None),
            Err(loss) => return Claim::New(*loss),
        };
        let own = protection_of(ep, slot);
        let others = own.honours(ep.cx.shared.config.resume.plain_after_tls);
        let names = [&*identity.app, &*identity.user, &*identity.device];
        let is_bound = |to: &Protection| ticket.binding == binding(&ep.cx, *to, names);
        if !is_bound(&own) && !others.iter().any(is_bound) {
            return Claim::New(Loss::Unknown);
        }
        let id = SessionId::from_u64(ticket.session);
        let slot = ep.bucket.find(id).filter(|_| id.shard() == ep.cx.index);
        let alive = slot.filter(|&slot| {
            ep.bucket.get(slot).is_some_and(|member| member.session.state().is_alive())
        });
        match alive {
            Some(slot) => claim_to(ep, slot, seq, ticket.epoch, hello),
            None if ep.bucket.has_expired(id) => Claim::New(Loss::Expired),
            None => Claim::New(Loss::Ended),
        }
    }
}

/// The same, of a session that is there.
fn claim_to(ep: &Endpoints, slot: u32, seq: u32, epoch: u32, hello: &Hello) -> Claim {
    let session = ep.bucket.get(slot).map(|member| &member.session);
    let Some((session, comet_state)) =
        session.and_then(|session| Some((session, session.comet_state()?)))
    else {
        // A connection of an older dialect has it now.
        return Claim::New(Loss::Ended);
    };
    let has_sent = session.owed().has_sent(hello.continuity.received());
    if epoch < comet_state.shown || comet_state.is_overtaken(epoch, Seq::new(seq)) {
        Claim::Stale
    } else if epoch <= comet_state.epoch && has_sent && comet_state.fits(hello.continuity.max_body)
    {
        Claim::Resume { slot, epoch }
    } else {
        Claim::New(Loss::Unknown)
    }
}

/// How the connection in a slot is protected.
fn protection_of(ep: &Endpoints, slot: u32) -> Protection {
    let connection = ep.connections.get(slot);
    connection.map_or(Protection::Plain, |connection| connection.transport.protection())
}

/// The owner of a session, the protection of the connection to which a ticket is given, and the run
/// of the gateway: slots are given out anew in each.
fn binding(cx: &Context, protection: Protection, [app, user, device]: [&str; 3]) -> [u8; 16] {
    let app = format!("{:016x}{}{app}", cx.shared.incarnation, protection.name());
    cx.shared.tickets.binding(&app, user, device)
}

/// Nonces of tickets, no two alike: 16 bytes of chance, and a counter.
#[derive(Debug)]
struct Nonces {
    prefix: [u8; 16],
    given: u64,
}

impl Nonces {
    fn new(keys: &Keyed) -> Self {
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
