//! The dialect of dtalk clients: a head of 20 bytes, and an ack for every delivery with a number.

use comet_protocol::head::{Split, split};
use comet_protocol::{AuthMsg, Head, Layout, op};

use super::carry::{Carry, Front};
use super::talk::Talk;
use super::{Broken, Event, Identity, Outgoing, To, address};

/// A conversation of the dtalk dialect.
#[derive(Debug, Default)]
pub(super) struct Dtalk {
    carry: Carry,
    /// What this side has said, counted.
    seq: u32,
    /// The newest number that was delivered: what comes again is acked again and dropped.
    newest: u32,
}

/// The longest body that is taken.
const MAX_BODY: usize = 1 << 20;

impl Dtalk {
    /// Writes a packet with the next number.
    fn say(&mut self, op: u32, ack: u32, parts: &[&[u8]], out: &mut Outgoing<'_>) {
        self.seq = self.seq.wrapping_add(1);
        let len = parts.iter().map(|part| part.len()).sum();
        let head = Head::new(op, self.seq, ack).to_bytes(Layout::Dtalk, len);
        match parts {
            [] => out.message(&[&head]),
            [body] => out.message(&[&head, body]),
            [line, body, ..] => out.message(&[&head, line, body]),
        }
    }
}

impl Talk for Dtalk {
    fn open(&mut self, me: &Identity, out: &mut Outgoing<'_>) -> bool {
        *self = Self::default();
        let auth = AuthMsg {
            app_id: address::APP.to_owned(),
            token: me.token.as_ref().unwrap_or(&me.user).clone(),
            ext: address::rooms(me).into(),
        };
        self.say(op::AUTH, 0, &[&auth.to_vec()], out);
        false
    }

    fn read(
        &mut self,
        _: &Identity,
        input: &[u8],
        out: &mut Outgoing<'_>,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<(), Broken> {
        let mut carry = std::mem::take(&mut self.carry);
        let outcome = carry.feed(input, |input| {
            let (head, body, len) = match split(Layout::Dtalk, input, MAX_BODY)? {
                Split::Packet { head, body, len } => (head, body, len),
                Split::Need(need) => return Ok(Front::Need(need)),
            };
            match head.op {
                op::DELIVER if head.seq == 0 => tell(Event::Delivery { body }),
                op::DELIVER => {
                    self.say(op::DELIVER_ACK, head.seq, &[], out);
                    if head.seq > self.newest {
                        self.newest = head.seq;
                        tell(Event::Delivery { body });
                    }
                }
                op::SEND_REPLY => tell(Event::Replied),
                op::AUTH_REPLY if body.is_empty() => {
                    tell(Event::Opened { resumed: false, welcome: None });
                }
                op::AUTH_REPLY => {
                    return Err(Broken::Refused(format!("auth reply of {} bytes", body.len())));
                }
                _ => {}
            }
            Ok(Front::Packet(len))
        });
        self.carry = carry;
        outcome
    }

    fn send(&mut self, me: &Identity, to: &To, body: &[u8], out: &mut Outgoing<'_>) {
        address::line(me, to, |line| self.say(op::SEND, 0, &[line, body], out));
    }

    fn beat(&mut self, out: &mut Outgoing<'_>) -> bool {
        self.say(op::HEARTBEAT, 0, &[], out);
        true
    }

    fn leave(&mut self, out: &mut Outgoing<'_>) {
        self.say(op::DISCONNECT, 0, &[], out);
    }
}
