//! Handoff: connections that go to the shard of their user, or come from elsewhere.

use super::super::command::Command;
use super::super::connections::Connection;
use super::super::handoff::{Accepted, Handoff};
use super::super::lifecycle::forget_connection;
use super::super::sessions::Sessions;
use super::Admission;
use super::authentication::Question;
use super::listeners::watch;
use crate::Closed;
use crate::identity::Identity;
use crate::session::Session;

/// Hands the connection to the shard where its user's sessions live.
pub(super) fn send_home(sessions: &mut Sessions, slot: u32, identity: Box<Identity>, home: usize) {
    let ep = &mut sessions.endpoints;
    let Some(member) = ep.bucket.get_mut(slot) else { return };
    let (auth_seq, deadline) = member.session.state().handshake();
    let hello = member.session.comet_state_mut().and_then(|it| it.hello.take());
    if let Err(kind) = ep.write_out(slot) {
        return sessions.abandon(slot, &Closed::Lost(kind));
    }
    if ep.connections.get(slot).is_some_and(|connection| connection.out.is_some()) {
        // It has asked for more than it reads before it even had a session.
        return sessions.abandon(slot, &Closed::Slow);
    }
    let Some(mut connection) = sessions.lifecycle.take_out(ep, slot) else { return };
    ep.connections.unwatch(&mut connection);
    ep.cx.counters().moved.add(1);
    let (introduction, tail) = connection.extras.into_parts();
    let handoff = Handoff {
        transport: connection.transport,
        framing: connection.framing,
        dialect: connection.dialect,
        listener: connection.listener,
        unread: tail.map(|tail| Box::new(tail.unread)),
        introduction,
        accepted: Some(Accepted { identity, auth_seq, deadline, hello }),
    };
    ep.cx.shared.mailboxes[home].post(Command::Handoff(Box::new(handoff)));
}

impl Admission {
    /// Begins the authentication of an adopted peer that sends no auth frame.
    fn begin_adopted(&mut self, sessions: &mut Sessions, slot: u32) {
        let dialect = sessions.endpoints.connections.dialect(slot);
        if dialect.is_none_or(|dialect| dialect.abilities().auth_frames) {
            return;
        }
        if self.turn_away(sessions) {
            return sessions.end(slot, &Closed::TurnedAway);
        }
        if let Some(member) = sessions.endpoints.bucket.get_mut(slot) {
            member.session.state_mut().begin_authentication();
        }
        Question::first().ask(&mut sessions.endpoints, slot);
    }

    /// Takes over a connection from another shard or from outside.
    pub(in crate::shard) fn arrive(&mut self, sessions: &mut Sessions, handoff: Handoff) {
        let Handoff { transport, framing, dialect, listener, unread, introduction, accepted } =
            handoff;
        let ep = &mut sessions.endpoints;
        let mut connection = Connection::new(ep.cx.now, transport, framing, dialect);
        connection.listener = listener;
        connection.extras.introduce(introduction);
        let (session, identity) = match accepted {
            Some(Accepted { identity, auth_seq, deadline, hello }) => {
                let mut session = Session::moved(auth_seq, deadline);
                if let Some(hello) = hello {
                    session.begin_comet(&ep.account, *hello);
                }
                (session, Some(identity))
            }
            None => {
                ep.cx.counters().adopted.add(1);
                (Session::new(ep.cx.now, &ep.cx.limits), None)
            }
        };
        let (visitor, holds) = (connection.visitor(), connection.transport.holds());
        let Some(slot) = watch(ep, connection, session) else {
            return forget_connection(&ep.cx, visitor, holds);
        };
        if let (Some(unread), Some(key)) = (unread, ep.connections.key(slot))
            && let Some(tail) = ep.connections.tail_of(key, ep.cx.now)
        {
            tail.unread = *unread;
            ep.settle_tail(key, false);
        }
        if let Some(key) = ep.connections.key(slot) {
            ep.settle_held(key);
        }
        if ep.cx.is_draining {
            return sessions.end(slot, &Closed::Draining);
        }
        ep.rearm(slot);
        match identity {
            Some(identity) => self.open(sessions, slot, *identity),
            None => self.begin_adopted(sessions, slot),
        }
        sessions.endpoints.connections.resume_later(slot);
    }
}
