//! Inputs of a peer, whatever its dialect.

use comet_protocol::codec::{Abilities, AuthRequest, Input};
use comet_protocol::comet::Seq;

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
        if let (Phase::Open, Some(conversation)) = (self.phase, &mut self.conversation) {
            // A peer that sends on this connection has read its welcome, and the ticket in it.
            conversation.shown = conversation.epoch;
        }
        match (self.phase, input) {
            (Phase::Connecting, Input::Auth(request)) => self.authenticate(request, limits),
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
                if self.numbers_messages() {
                    return self.take(Seq::new(seq), answered, body, limits);
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

    fn authenticate(&mut self, request: Box<AuthRequest>, limits: &Limits) -> Action<'static> {
        if self.attempts >= limits.auth_attempts {
            return Action::Close(Closed::AuthAttempts);
        }
        self.attempts += 1;
        self.auth_seq = request.seq;
        self.phase = Phase::Authenticating;
        Action::Authenticate { request, attempt: self.attempts }
    }

    /// Whether the peer numbers its messages for the session.
    pub(super) fn numbers_messages(&self) -> bool {
        self.conversation.as_ref().is_some_and(|it| it.numbers_messages)
    }

    /// The ack of a single delivery.
    #[inline]
    pub(crate) fn ack(&mut self, now: Time, seq: u32) -> Action<'static> {
        let seq = Seq::new(seq);
        let ack = self.window.as_mut().map_or(Ack::Unknown, |window| window.ack(now, seq));
        self.returning &= !matches!(ack, Ack::Fresh(_));
        match ack {
            Ack::Fresh(tag) => Action::Acked { tag },
            Ack::Repeated | Ack::Unknown => Action::StrayAck,
        }
    }

    /// Takes a message that the peer has numbered for the session.
    fn take<'a>(&mut self, seq: Seq, answered: Seq, body: &'a [u8], limits: &Limits) -> Action<'a> {
        let Some(conversation) = &mut self.conversation else { return Action::Ignore };
        match conversation.upstream.take(seq, answered, limits.inbox) {
            Taken::New => {
                let number = seq.get();
                let kind = comet_protocol::ws::MessageKind::Binary;
                Action::Receive { number, seq: number, op: 0, kind, body }
            }
            Taken::Repeat(Some(answer)) => Action::Answer { seq, answer },
            Taken::Repeat(None) => Action::Ignore,
            Taken::OutOfSequence => Action::Close(Closed::Sequence),
            Taken::WindowFull => Action::Close(Closed::WindowFull),
        }
    }

    /// The stamp of our pings is their send time; any other stamp is ignored.
    fn pong(&mut self, now: Time, stamp: [u8; 8]) -> Action<'static> {
        let sent = Time::from_micros(u64::from_be_bytes(stamp));
        let conversation = self.conversation.as_mut();
        let asked = conversation.and_then(|it| it.pinged.take_if(|asked| *asked == sent));
        if let (Some(asked), Some(window)) = (asked, &mut self.window) {
            let millis = u32::try_from(now.since(asked).as_millis()).unwrap_or(u32::MAX);
            window.sample(millis);
        }
        Action::Ignore
    }
}
