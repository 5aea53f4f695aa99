//! Inputs of a peer, whatever its dialect.

use comet_protocol::codec::{Abilities, Input};
use comet_protocol::comet::Seq;
use comet_protocol::ws::MessageKind;

use super::{Action, Limits, Phase, Session};
use crate::Closed;
use crate::delivery::{Ack, Taken};
use crate::time::Time;

impl Session {
    /// Handles one input of the peer, whose dialect has the given abilities.
    pub(crate) fn handle<'a>(
        &mut self,
        now: Time,
        input: Input<'a>,
        abilities: &Abilities,
        limits: &Limits,
    ) -> Action<'a> {
        if let (Phase::Open, Some(comet_state)) = (self.state.phase(), &mut self.comet_state) {
            // A peer that sends on this connection has read its welcome, and the ticket in it.
            comet_state.shown = comet_state.epoch;
        }
        match (self.state.phase(), input) {
            (Phase::Connecting, Input::Auth(request)) => {
                match self.state.authenticate(request.seq, limits) {
                    Some(attempt) => Action::Authenticate { request, attempt },
                    None => Action::Close(Closed::AuthAttempts),
                }
            }
            (Phase::Connecting, _) | (Phase::Open, Input::Auth(_)) if abilities.strict => {
                Action::Close(Closed::OutOfTurn)
            }
            (Phase::Connecting | Phase::Open, Input::Leave) => Action::Close(Closed::Left),
            (Phase::Open, Input::Auth(request)) => Action::Renew { request },
            (Phase::Open, Input::Heartbeat { seq }) => Action::HeartbeatReply { seq },
            (Phase::Open, Input::Send { seq, op, kind, answered, body }) => {
                if !self.rate.admit(now, limits.message_rate) {
                    return Action::Close(Closed::RateExceeded);
                }
                if let Some(comet_state) = &mut self.comet_state
                    && comet_state.numbers_messages
                {
                    let seq = Seq::new(seq);
                    let taken = comet_state.upstream.take(seq, answered, limits.inbox);
                    return numbered(taken, seq, body);
                }
                let number = self.inbox.open(seq, op);
                Action::Receive { number, seq, op, kind, body }
            }
            (Phase::Connecting, Input::Misunderstood { .. }) => Action::Close(Closed::BadAuth),
            (Phase::Open, Input::Misunderstood { id, problem }) => {
                if !self.rate.admit(now, limits.message_rate) {
                    return Action::Close(Closed::RateExceeded);
                }
                Action::Misunderstood { id, problem }
            }
            (Phase::Open, Input::Ask(question)) => {
                if !self.rate.admit(now, limits.message_rate) {
                    return Action::Close(Closed::RateExceeded);
                }
                let number = self.inbox.open(question.seq, question.op);
                Action::Ask { number, question }
            }
            (Phase::Open, Input::Ack { seq }) => self.ack(now, seq),
            (Phase::Open, Input::Received(received)) => Action::Received(received),
            (Phase::Open, Input::Ping { stamp }) => Action::Pong { stamp },
            (Phase::Open, Input::Pong { stamp }) => self.pong(now, stamp),
            _ => Action::Ignore,
        }
    }

    /// The ack of a single delivery.
    #[inline]
    pub(crate) fn ack(&mut self, now: Time, seq: u32) -> Action<'static> {
        let ack = self.owed.ack(now, Seq::new(seq));
        self.returning &= !matches!(ack, Ack::Fresh(_));
        match ack {
            Ack::Fresh(tag) => Action::Acked { tag },
            Ack::Repeated | Ack::Unknown => Action::StrayAck,
        }
    }

    /// The stamp of our pings is their send time; any other stamp is ignored.
    fn pong(&mut self, now: Time, stamp: [u8; 8]) -> Action<'static> {
        let sent = Time::from_micros(u64::from_be_bytes(stamp));
        let comet_state = self.comet_state.as_mut();
        let asked = comet_state.and_then(|it| it.pinged.take_if(|asked| *asked == sent));
        if let Some(asked) = asked {
            let millis = u32::try_from(now.since(asked).as_millis()).unwrap_or(u32::MAX);
            self.owed.sample(millis);
        }
        Action::Ignore
    }
}

/// The consequence of a message that the peer has numbered for the session.
fn numbered(taken: Taken, seq: Seq, body: &[u8]) -> Action<'_> {
    match taken {
        Taken::New => {
            let (number, kind) = (seq.get(), MessageKind::Binary);
            Action::Receive { number, seq: number, op: 0, kind, body }
        }
        Taken::Repeat(Some(answer)) => Action::Answer { seq, answer },
        Taken::Repeat(None) => Action::Ignore,
        Taken::OutOfSequence => Action::Close(Closed::Sequence),
        Taken::WindowFull => Action::Close(Closed::WindowFull),
    }
}
