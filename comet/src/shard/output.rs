//! From frames to queued bytes, and from queues to sockets.
//!
//! Not here: what is sent to whom (`delivering`, `fanout`), and frames of the comet dialect
//! (`telling`).

use std::io::ErrorKind;
use std::rc::Rc;

use comet_protocol::comet::{self, Seq};
use comet_protocol::ws::{self, CloseCode, Opcode};
use comet_protocol::{Dialect, Framing, Outbound};

use super::Shard;
use super::connection::Transport;
use super::write_queue::{Flush, Keeper};
use crate::delivery::{Class, Delivery, Held, Kind};

/// What a turn may queue before it is written.
const TURN_BYTES: usize = 16 * 1024 * 1024;

impl Shard {
    /// Queues a frame with a small body.
    pub(super) fn send(&mut self, slot: u32, what: Outbound, body: &[u8]) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let Some(dialect) = connection.dialect else { return };
        let framing = connection.transport.framing();
        let Some(head) = dialect.head(what, framing, body.len()) else { return };
        let head = head.as_slice();
        let Some(out) = self.connections.queue(slot, self.now) else { return };
        if framing == Framing::Messages {
            out.push(&ws::header(Opcode::Binary, head.len() + body.len()));
        }
        out.push(head);
        out.push(body);
        self.queued += body.len();
    }

    /// Queues a delivery under a number, 0 for none.
    pub(super) fn send_delivery(&mut self, slot: u32, seq: u32, item: &Rc<Held>) {
        let Some(delivery) = item.as_delivery() else { return };
        let takes_latest = delivery.class == Class::Latest && self.takes_latest(slot);
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let Some(dialect) = connection.dialect else { return };
        let framing = connection.transport.framing();
        let Some(out) = self.connections.queue(slot, self.now) else { return };
        let class = match delivery.class {
            Class::Latest if !takes_latest => Class::BestEffort,
            class => class,
        };
        write_delivery_head(dialect, framing, class, seq, delivery, &mut |bytes| out.push(bytes));
        out.push_shared(&delivery.body, || Keeper::Held(Rc::clone(item)));
        self.queued += delivery.body.len();
    }

    /// Queues a WebSocket control frame.
    pub(super) fn send_control(&mut self, slot: u32, opcode: Opcode, payload: &[u8]) {
        let Some(out) = self.connections.queue(slot, self.now) else { return };
        out.push(&ws::header(opcode, payload.len()));
        out.push(payload);
    }

    /// Queues a close frame, once, on a WebSocket; elsewhere nothing.
    pub(super) fn send_close(&mut self, slot: u32, code: Option<CloseCode>) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let is_websocket = matches!(connection.transport, Transport::WebSocket(_));
        if !is_websocket || connection.state.close_sent {
            return;
        }
        connection.state.close_sent = true;
        let code = code.map(|code| code.get().to_be_bytes());
        self.send_control(slot, Opcode::Close, code.as_ref().map_or(&[], |code| code));
    }

    /// Queues bytes as they are.
    pub(super) fn queue(&mut self, slot: u32, bytes: &[u8]) {
        if let Some(out) = self.connections.queue(slot, self.now) {
            out.push(bytes);
        }
    }

    /// Whether the turn has queued so much that memory matters more than calls.
    pub(super) fn has_queued_much(&self) -> bool {
        self.queued > TURN_BYTES.min(self.shared.config.memory_budget / 16)
    }

    /// Writes before the turn ends if it has queued much.
    pub(super) fn flush_if_much(&mut self) {
        if self.has_queued_much() {
            self.flush_dirty();
        }
    }

    /// Writes what waits, and ends nothing, whatever comes of it.
    pub(super) fn write_out(&mut self, slot: u32) -> Result<Flush, ErrorKind> {
        let now = self.now;
        let connection = self.connections.get_mut(slot);
        let Some(connection) = connection else { return Ok(Flush::Done) };
        let Some(out) = &mut connection.out else { return Ok(Flush::Done) };
        let (flush, written) =
            out.flush(now, &mut connection.socket).map_err(|error| error.kind())?;
        self.shared.counters[self.index].bytes_out.add(written as u64);
        debug_assert_eq!(flush == Flush::Done, out.len() == 0);
        Ok(self.settle_queue(slot))
    }

    /// After a write: gives the queue back if it is empty; the socket takes no more if it is not.
    pub(super) fn settle_queue(&mut self, slot: u32) -> Flush {
        if self.connections.give_back_queue(slot) {
            self.losses.may_be_over(slot);
        } else if self.backlog(slot).is_some_and(|bytes| bytes > 0) {
            self.wait_for_space(slot);
            return Flush::Blocked;
        }
        Flush::Done
    }

    /// The socket has said that it takes no more: it is not asked again before it takes more.
    pub(super) fn wait_for_space(&mut self, slot: u32) {
        let due = self.now + self.shared.config.write_timeout;
        if let Some(connection) = self.connections.get_mut(slot) {
            connection.state.blocked = true;
            self.wheel.arm_by(slot, due);
            self.shedding.holders.note(slot);
        }
    }

    /// The socket takes bytes again.
    pub(super) fn handle_writable(&mut self, slot: u32) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if std::mem::take(&mut connection.state.blocked) {
            self.flush(slot);
            self.resume(slot);
        }
    }

    /// Writes what waits, as far as the socket takes it.
    pub(super) fn flush(&mut self, slot: u32) {
        if self.connections.get_mut(slot).is_none() {
            return;
        }
        let outcome = self.write_out(slot);
        self.follow(slot, outcome);
    }

    /// What a write means for the connection and its session.
    pub(super) fn follow(&mut self, slot: u32, outcome: Result<Flush, ErrorKind>) {
        match outcome {
            // What was done for others of the same batch may have queued more meanwhile.
            Ok(Flush::Done) if self.backlog(slot).is_some_and(|bytes| bytes > 0) => return,
            Ok(Flush::Done) => {}
            Ok(Flush::Blocked) => return,
            Err(ErrorKind::OutOfMemory) => return self.run_out_of_memory(slot),
            Err(kind) => return self.lose(slot, kind),
        }
        self.say_unnumbered(slot);
        self.flushed(slot);
        // Reading may have stopped because too much waited.
        self.resume(slot);
    }
}

/// Writes all of a delivery that goes before its body, and returns where the number stands among
/// these bytes, if there is one. `class` is what the peer gets it as, where its dialect says so.
pub(super) fn write_delivery_head(
    dialect: Dialect,
    framing: Framing,
    class: Class,
    seq: u32,
    delivery: &Delivery,
    write: &mut dyn FnMut(&[u8]),
) -> Option<usize> {
    if dialect == Dialect::Comet {
        return write_comet_head(framing, class, seq, delivery, write);
    }
    let body_len = delivery.body.len();
    let head = dialect.head(Outbound::Deliver { seq }, framing, body_len)?;
    let mut before = 0;
    if framing == Framing::Messages {
        let opcode = match (dialect, delivery.kind) {
            (Dialect::Raw, Kind::Text) => Opcode::Text,
            _ => Opcode::Binary,
        };
        let header = ws::header(opcode, head.as_slice().len() + body_len);
        before = header.len();
        write(&header);
    }
    write(head.as_slice());
    head.seq_at().map(|at| before + at)
}

fn write_comet_head(
    framing: Framing,
    class: Class,
    seq: u32,
    delivery: &Delivery,
    write: &mut dyn FnMut(&[u8]),
) -> Option<usize> {
    let key = delivery.key.as_deref().filter(|_| class == Class::Latest);
    let (class, prefix) = match (class, key) {
        (Class::Acked, _) => (comet::Class::Acked, 0),
        (Class::Latest, Some(key)) => (comet::Class::Latest, 1 + key.len()),
        _ => (comet::Class::BestEffort, 0),
    };
    let body_len = prefix + delivery.body.len();
    let head = comet::deliver_head(class, Seq::new(seq), body_len);
    let mut before = 0;
    if framing == Framing::Messages {
        let header = ws::header(Opcode::Binary, head.len() + body_len);
        before = header.len();
        write(&header);
    }
    write(&head);
    if let Some(key) = key {
        write(&[u8::try_from(key.len()).unwrap_or(u8::MAX)]);
        write(key);
    }
    (class == comet::Class::Acked).then_some(before + comet::SEQ_AT)
}
