//! Answers to requests of peers.

use std::time::Duration;

use comet_protocol::codec::{Output, Refusal};
use comet_protocol::comet::Code;
use comet_protocol::ws::handshake::HandshakeError;

use super::{Effect, Endpoints};
use crate::delivery::Answer;
use crate::event::Event;
use crate::identity::Peer;
use crate::{Closed, SessionId};

impl Endpoints {
    /// Sends the router's answer to a message of a session, in the order of the messages.
    pub(in crate::shard) fn settle(&mut self, id: SessionId, number: u32, answer: Answer) {
        let Some(slot) = self.bucket.find(id) else { return };
        let Some(member) = self.bucket.get_mut(slot) else { return };
        if !member.session.settle(number, answer) {
            return;
        }
        let comet_state = member.session.comet_state_mut();
        if comet_state.is_some_and(|it| it.recharge().is_err()) {
            return self.effect(slot, Effect::EndForGood(Closed::Shed));
        }
        self.send_answers(slot);
        while let Some(member) = self.bucket.get_mut(slot)
            && let Some((seq, op, answer)) = member.session.poll_reply()
            && let Some(mut out) = self.out(slot)
        {
            out.answer(seq, op, &answer);
        }
        self.resume(slot);
    }

    /// Sends the answers that a comet peer is to hear by now.
    pub(in crate::shard) fn send_answers(&mut self, slot: u32) {
        while let Some(member) = self.bucket.get_mut(slot)
            && let Some((seq, answer)) = member.session.poll_answer()
        {
            if let Some(mut out) = self.out(slot) {
                out.answer(seq.get(), 0, &answer);
            }
        }
    }

    /// Answers a request for a session that is refused, as far as the dialect can; a time after
    /// which coming back may help goes along.
    pub(in crate::shard) fn refuse(
        &mut self,
        slot: u32,
        code: Code,
        return_after: Option<Duration>,
        refusal: Refusal<'_>,
    ) {
        let Some(member) = self.bucket.get(slot) else { return };
        let (seq, _) = member.session.state().handshake();
        if let Some(mut out) = self.out(slot) {
            out.put(&Output::Refused { seq, code, return_after, refusal });
        }
    }

    /// Answers the upgrade request of a raw peer that is refused; whether it is one.
    pub(in crate::shard) fn refuse_raw(&mut self, slot: u32, error: &HandshakeError) -> bool {
        let is_deciding = self.connections.is_deciding(slot);
        if is_deciding {
            self.refuse_upgrade(slot, error);
        }
        is_deciding
    }

    /// Answers an upgrade request that is refused.
    pub(in crate::shard) fn refuse_upgrade(&mut self, slot: u32, error: &HandshakeError) -> Closed {
        let mut response = Vec::with_capacity(256);
        error.write_response(&mut response);
        if let Some(mut out) = self.out(slot) {
            out.bytes(&response);
        }
        Closed::UpgradeRefused(error.status())
    }

    /// Tells the router of acks that it asked to hear of.
    ///
    /// # Errors
    ///
    /// The router panicked.
    pub(in crate::shard) fn report_acks(&self, slot: u32, tags: &[u64]) -> Result<(), Closed> {
        let peer = self.bucket.get(slot).and_then(|member| member.peer.as_ref());
        let report = |peer: &Peer| {
            let mut all = tags.iter();
            all.try_for_each(|&tag| self.cx.sink.event(peer, Event::Acked { tag }))
        };
        if tags.is_empty() { Ok(()) } else { peer.map_or(Ok(()), report) }
            .map_err(|_| Closed::RouterPanicked)
    }

    /// Tells the router of deliveries that have become overdue.
    ///
    /// # Errors
    ///
    /// The router panicked.
    pub(in crate::shard) fn report_overdue(&mut self, slot: u32) -> Result<(), Closed> {
        let Some(member) = self.bucket.get_mut(slot) else { return Ok(()) };
        let tags = member.session.take_overdue(self.cx.now, &self.cx.limits);
        let Some(peer) = &member.peer else { return Ok(()) };
        let mut all = tags.into_iter();
        all.try_for_each(|tag| self.cx.sink.event(peer, Event::Overdue { tag }))
            .map_err(|_| Closed::RouterPanicked)
    }
}
