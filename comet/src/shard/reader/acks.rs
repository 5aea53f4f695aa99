//! Acks of deliveries.
//!
//! In the dtalk dialect each delivery has an ack of its own: a client that was sent twenty answers
//! with twenty frames in a row, and most of what is read from such clients is acks. A row of them
//! is taken in one go: its session is looked up once, and deliveries that have room now are sent
//! once. Input that is not plainly an ack is left to `input`, which could take these too.

use std::mem;

use comet_protocol::Framing;
use comet_protocol::codec::{Acks, Codec};
use comet_protocol::comet::Received;

use super::super::connections::FramingState;
use super::super::endpoints::Endpoints;
use super::Reader;
use crate::Closed;
use crate::session::Action;

impl Reader {
    /// Takes the acks at the front of the input. How many bytes those were.
    ///
    /// # Errors
    ///
    /// The router panicked when it heard of one.
    pub(super) fn take_acks(
        &mut self,
        ep: &mut Endpoints,
        slot: u32,
        input: &[u8],
    ) -> Result<usize, Closed> {
        let Some((codec, framing)) = ack_format(ep, slot) else { return Ok(0) };
        let mut at = 0;
        let mut next = codec.ack_at(framing, input);
        let (Some(member), true) = (ep.bucket.get_mut(slot), next.is_some()) else {
            return Ok(0);
        };
        let (mut all, mut fresh) = (0, 0);
        let mut tags = mem::take(&mut self.tags);
        while let Some((ack, len)) = next {
            at += len;
            all += 1;
            if let Action::Acked { tag } = member.session.ack(ep.cx.now, ack) {
                fresh += 1;
                tags.extend((tag != 0).then_some(tag));
            }
            next = codec.ack_at(framing, &input[at..]);
        }
        let round_trip = member.session.owed_mut().take_round_trip();
        let counters = ep.cx.counters();
        counters.note_round_trip(round_trip);
        counters.frames_in.add(all);
        counters.acks.add(fresh);
        counters.stray_acks.add(all - fresh);
        self.go_on_after_acks(ep, slot, tags).map(|()| at)
    }

    /// The ack of one delivery.
    pub(super) fn acked(&self, ep: &mut Endpoints, slot: u32, tag: u64) -> Result<(), Closed> {
        let member = ep.bucket.get_mut(slot);
        let round_trip = member.and_then(|member| member.session.owed_mut().take_round_trip());
        ep.cx.counters().note_round_trip(round_trip);
        ep.cx.counters().acks.add(1);
        ep.send_waiting(slot);
        ep.report_acks(slot, if tag == 0 { &[] } else { std::slice::from_ref(&tag) })
    }

    /// A cumulative ack.
    pub(super) fn received(
        &mut self,
        ep: &mut Endpoints,
        slot: u32,
        received: Received<'_>,
    ) -> Result<(), Closed> {
        let now = ep.cx.now;
        let Some(member) = ep.bucket.get_mut(slot) else { return Ok(()) };
        let mut tags = mem::take(&mut self.tags);
        let note = |tag: u64| tags.extend((tag != 0).then_some(tag));
        let fresh = member.session.receive(now, received, note);
        let round_trip = member.session.owed_mut().take_round_trip();
        let counters = ep.cx.counters();
        counters.note_round_trip(round_trip);
        match fresh {
            None | Some(0) => counters.stray_acks.add(1),
            Some(fresh) => counters.acks.add(fresh as u64),
        }
        self.go_on_after_acks(ep, slot, tags)
    }

    /// Sends deliveries that have room now, and keeps the list of tags for reuse.
    fn go_on_after_acks(
        &mut self,
        ep: &mut Endpoints,
        slot: u32,
        mut tags: Vec<u64>,
    ) -> Result<(), Closed> {
        ep.send_waiting(slot);
        let result = ep.report_acks(slot, &tags);
        tags.clear();
        self.tags = tags;
        result
    }
}

/// How frames stand in the input, if they may be acks of single deliveries.
fn ack_format(ep: &Endpoints, slot: u32) -> Option<(&'static dyn Codec, Framing)> {
    if !ep.bucket.get(slot)?.session.state().is_open() {
        return None;
    }
    let connection = ep.connections.get(slot)?;
    let dialect = connection.dialect?;
    if dialect.abilities().acks != Acks::Single {
        return None;
    }
    let framing = match &connection.framing {
        FramingState::Stream => Framing::Stream,
        FramingState::WebSocket(decoder) if decoder.is_idle() => Framing::Messages,
        _ => return None,
    };
    Some((dialect.codec(), framing))
}
