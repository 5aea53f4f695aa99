//! Acks of deliveries.
//!
//! In the dtalk dialect each delivery has an ack of its own: a client that was sent twenty answers
//! with twenty frames in a row, and most of what is read from such clients is acks. A row of them
//! is taken in one go: its session is looked up once, and what it makes room for is sent once.
//! Whatever is not plainly an ack is left to `input`, which could take these too.

use std::mem;

use comet_protocol::comet::Received;
use comet_protocol::ws::apply_mask;
use comet_protocol::{Dialect, Framing, Inbound, Layout, head};

use super::super::connections::Transport;
use super::super::endpoints::Endpoints;
use super::Reader;
use crate::Closed;
use crate::session::Action;

/// Bytes of an ack: a head, and nothing else.
const ACK: usize = Layout::Dtalk.head_len();
/// The frame of one begins so: final and binary, masked and of this length (RFC 6455 section 5.2).
/// Its mask follows.
const FRAME: [u8; 2] = [0x82, 0x80 | 20];

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
        let Some(framing) = ack_framing(ep, slot) else { return Ok(0) };
        let mut at = 0;
        let mut next = read(framing, input);
        let (Some(member), true) = (ep.bucket.get_mut(slot), next.is_some()) else {
            return Ok(0);
        };
        let (mut all, mut fresh) = (0, 0);
        let mut tags = mem::take(&mut self.tags);
        while let Some((ack, len)) = next {
            at += len;
            all += 1;
            let action = member.session.handle_frame(ep.cx.now, ack, &ep.cx.limits);
            if let Action::Acked { tag } = action {
                fresh += 1;
                tags.extend((tag != 0).then_some(tag));
            }
            next = read(framing, &input[at..]);
        }
        let round_trip = member.session.take_round_trip();
        let counters = ep.cx.counters();
        counters.note_round_trip(round_trip);
        counters.frames_in.add(all);
        counters.acks.add(fresh);
        counters.stray_acks.add(all - fresh);
        self.go_on_after_acks(ep, slot, tags).map(|()| at)
    }

    /// A dtalk peer has received one delivery.
    pub(super) fn acked(&self, ep: &mut Endpoints, slot: u32, tag: u64) -> Result<(), Closed> {
        let member = ep.bucket.get_mut(slot);
        let round_trip = member.and_then(|member| member.session.take_round_trip());
        ep.cx.counters().note_round_trip(round_trip);
        ep.cx.counters().acks.add(1);
        ep.send_waiting(slot);
        ep.report_acks(slot, if tag == 0 { &[] } else { std::slice::from_ref(&tag) })
    }

    /// A comet peer says what has arrived.
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
        let round_trip = member.session.take_round_trip();
        let counters = ep.cx.counters();
        counters.note_round_trip(round_trip);
        match fresh {
            None | Some(0) => counters.stray_acks.add(1),
            Some(fresh) => counters.acks.add(fresh as u64),
        }
        self.go_on_after_acks(ep, slot, tags)
    }

    /// Sends what there is room for now, and gives the list of tags back to the shard.
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

/// How frames stand in the input, if they may be acks.
fn ack_framing(ep: &Endpoints, slot: u32) -> Option<Framing> {
    if !ep.bucket.get(slot)?.session.is_open() {
        return None;
    }
    let connection = ep.connections.get(slot)?;
    match &connection.transport {
        _ if connection.dialect != Some(Dialect::Dtalk) => None,
        Transport::Stream => Some(Framing::Stream),
        Transport::WebSocket(decoder) if decoder.is_idle() => Some(Framing::Messages),
        _ => None,
    }
}

/// The ack at the front of the input, and how many bytes it takes.
fn read(framing: Framing, input: &[u8]) -> Option<(Inbound<'static>, usize)> {
    match framing {
        Framing::Stream => Some((parse(input.first_chunk()?)?, ACK)),
        Framing::Messages => {
            let ([first, second, mask @ ..], payload) = input.split_first_chunk::<6>()?;
            if [*first, *second] != FRAME {
                return None;
            }
            let mut packet = *payload.first_chunk()?;
            apply_mask(*mask, &mut packet);
            Some((parse(&packet)?, 6 + ACK))
        }
    }
}

fn parse(packet: &[u8; ACK]) -> Option<Inbound<'static>> {
    match head::split(Layout::Dtalk, packet, 0) {
        Ok(head::Split::Packet { head, .. }) => {
            let frame = Dialect::Dtalk.inbound(head, &[]);
            matches!(frame, Inbound::Ack { .. }).then_some(frame)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use comet_protocol::Head;
    use comet_protocol::dialect::op;
    use comet_protocol::ws::{FrameHead, Opcode};

    use super::*;

    fn packet(op: u32, body: &[u8]) -> Vec<u8> {
        let mut packet = Vec::new();
        Head::new(op, 3, 9).write(Layout::Dtalk, body, &mut packet);
        packet
    }

    fn frame(opcode: Opcode, fin: bool, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
        let head = FrameHead { fin, opcode, mask, payload_len: payload.len() as u64 };
        let mut frame = head.encode().to_vec();
        let mut payload = payload.to_vec();
        apply_mask(mask.unwrap_or_default(), &mut payload);
        frame.extend(payload);
        frame
    }

    #[test]
    fn an_ack_is_read_from_streams_and_from_masked_frames() {
        let ack = packet(op::DELIVER_ACK, b"");
        let read_ack = Some((Inbound::Ack { seq: 9 }, 20));
        assert_eq!(read(Framing::Stream, &[ack.clone(), ack.clone()].concat()), read_ack);
        let framed = frame(Opcode::Binary, true, Some([1, 2, 3, 4]), &ack);
        let read_ack = Some((Inbound::Ack { seq: 9 }, 26));
        assert_eq!(read(Framing::Messages, &[framed, ack].concat()), read_ack);
    }

    #[test]
    fn what_is_not_plainly_an_ack_is_left_alone() {
        let ack = packet(op::DELIVER_ACK, b"");
        let mask = Some([1, 2, 3, 4]);
        for other in [packet(op::SEND, b""), packet(op::DELIVER_ACK, b"x"), ack[..19].to_vec()] {
            assert_eq!(read(Framing::Stream, &other), None, "{other:?}");
        }
        for other in [
            frame(Opcode::Binary, true, None, &ack),
            frame(Opcode::Binary, false, mask, &ack),
            frame(Opcode::Text, true, mask, &ack),
            frame(Opcode::Ping, true, mask, &ack),
            frame(Opcode::Binary, true, mask, &packet(op::HEARTBEAT, b"")),
            frame(Opcode::Binary, true, mask, &[&ack[..], &ack[..]].concat()),
            frame(Opcode::Binary, true, mask, &ack)[..25].to_vec(),
            b"\xc2\x94".to_vec(),
        ] {
            assert_eq!(read(Framing::Messages, &other), None, "{other:?}");
        }
    }
}
