//! Handling of server frames by a client session: those of its stream, of lanes, and datagrams.

use std::time::Duration;

use super::Time;
use super::connection::LANES;
use super::deliveries::Deliveries;
use super::event::{Closed, Event, Link};
use super::heartbeat::Heartbeat;
use super::session::{ClientSession, State};
use super::unnumbered::Counts;
use crate::Frame;
use crate::comet::message::capability;
use crate::comet::{Code, GoingAway, Seq, ServerFrame, Welcome};

impl ClientSession {
    /// Handles a frame; one that violates the dialect ends the connection, and the client
    /// reconnects.
    pub(super) fn read(&mut self, now: Time, Frame { head, body }: Frame) {
        let Ok(frame) = ServerFrame::decode(head, body) else {
            return self.give_up(Duration::ZERO);
        };
        match frame {
            ServerFrame::Ping(ping) => self.connection.request_pong(ping.stamp),
            ServerFrame::Pong { stamp } => self.heartbeat.handle_pong(now, stamp),
            ServerFrame::GoingAway(away) => self.go_away(now, &away),
            // The server has taken the session to the connection that is to take over.
            ServerFrame::Error(failure)
                if failure.code == Code::REPLACED.get() && self.successor.is_some() =>
            {
                self.give_up(Duration::ZERO);
            }
            ServerFrame::Error(failure) if failure.retryable => {
                self.give_up(millis(failure.return_after_ms));
            }
            ServerFrame::Error(failure) => self.end(Closed::Failed(failure)),
            ServerFrame::Unknown { .. } => {}
            frame if matches!(self.state, State::Open) => self.read_open(now, frame),
            frame => self.read_answer(now, frame),
        }
    }

    fn read_answer(&mut self, now: Time, frame: ServerFrame) {
        match frame {
            ServerFrame::Welcome { welcome, .. } => self.open(now, welcome),
            ServerFrame::Refused { refused, .. } if refused.retryable => {
                self.give_up(millis(refused.return_after_ms));
            }
            ServerFrame::Refused { refused, .. } => self.end(Closed::Refused(refused)),
            _ => self.give_up(Duration::ZERO),
        }
    }

    fn read_open(&mut self, now: Time, frame: ServerFrame) {
        match frame {
            ServerFrame::Gap { to, gap } if to.is_none() => {
                self.events.push_back(Event::Gap { from: to, to, gap });
            }
            frame @ (ServerFrame::Deliver { .. } | ServerFrame::Gap { .. }) => {
                read_numbered(self, now, frame);
            }
            frame @ (ServerFrame::BestEffort { .. } | ServerFrame::Latest { .. }) => {
                read_unnumbered(self, now, frame);
            }
            ServerFrame::SendReply { ack, body } => {
                self.answer(now, ack, Event::Replied { seq: ack, body });
            }
            ServerFrame::Refusal { ack, refusal } => {
                self.answer(now, ack, Event::Refused { seq: ack, refusal });
            }
            // A second answer to the auth.
            _ => self.give_up(Duration::ZERO),
        }
    }

    /// Repeated answers are dropped.
    fn answer(&mut self, now: Time, seq: Seq, event: Event) {
        if self.outbox.handle_answer(now, seq) {
            self.events.push_back(event);
        }
    }

    pub(super) fn open(&mut self, now: Time, welcome: Box<Welcome>) {
        self.state = State::Open;
        self.backoff.reset();
        self.ticket = welcome.ticket.clone();
        if !welcome.resumed {
            self.deliveries = Deliveries::new(self.config.ack_every);
        }
        let can = |ability| welcome.capabilities & ability != 0;
        self.deliveries.set_lanes(can(capability::LANES));
        // Those of a connection that this one takes over from.
        self.events.extend(self.unnumbered.end());
        self.unnumbered = Counts::new(can(capability::DATAGRAMS));
        // Acks must be sent before the server's window is full.
        let quarter = welcome.deliver_window.max(4) / 4;
        self.deliveries.set_ack_every(self.config.ack_every.min(quarter));
        // An ack confirms the welcome: from now on only its ticket is valid.
        self.deliveries.ack_now(now);
        let window = usize::try_from(welcome.send_window).unwrap_or(usize::MAX);
        self.outbox.handle_open(now, Seq::new(welcome.accepted), window);
        self.connection.limit_transmit(welcome.max_body);
        let asked = Duration::from_millis(welcome.heartbeat_ms.into());
        let own = self.config.heartbeat;
        let every = if asked.is_zero() { own } else { asked.min(own) };
        self.heartbeat = Heartbeat::new(every, now, self.heartbeat.round_trip());
        self.events.push_back(Event::Opened { resumed: welcome.resumed, welcome });
        let link = self.link();
        (0..LANES).for_each(|lane| read_lane(self, now, link, lane));
    }

    /// Acks the received deliveries, then closes and comes back.
    fn go_away(&mut self, now: Time, away: &GoingAway) {
        if !away.ticket.is_empty() {
            self.ticket = away.ticket.clone();
        } else if !away.may_resume {
            self.ticket.clear();
        }
        self.deliveries.ack_now(now);
        self.backoff.reset();
        self.connection.return_later(millis(away.return_after_ms));
    }
}

/// Handles what a lane has brought; to be called once the session is open.
pub(super) fn read_lane(session: &mut ClientSession, now: Time, link: Link, lane: usize) {
    while session.is_connected(link) {
        let frame = match session.connection.next_of_lane(lane) {
            Ok(Some(Frame { head, body })) => ServerFrame::decode(head, body).ok(),
            Ok(None) => return,
            Err(_broken) => None,
        };
        match frame {
            Some(frame) => read_numbered(session, now, frame),
            None => session.give_up(Duration::ZERO),
        }
    }
}

/// Handles deliveries and gaps with numbers.
fn read_numbered(session: &mut ClientSession, now: Time, frame: ServerFrame) {
    let ClientSession { deliveries, config, events, .. } = session;
    match frame {
        ServerFrame::Deliver { seq, body } => {
            events.extend(deliveries.handle_delivery(now, config, seq, body));
        }
        ServerFrame::Gap { to, gap } if !to.is_none() => {
            events.extend(deliveries.handle_gap(now, config, to, gap));
        }
        ServerFrame::Unknown { .. } => {}
        _ => session.give_up(Duration::ZERO),
    }
}

/// Handles deliveries without a number of the session, which the connection may count; ignores all
/// else.
pub(super) fn read_unnumbered(session: &mut ClientSession, now: Time, frame: ServerFrame) {
    let event = match frame {
        ServerFrame::BestEffort { seq, body } => {
            let takes = session.unnumbered.takes_best_effort(now, seq);
            takes.then_some(Event::BestEffort { body })
        }
        ServerFrame::Latest { seq, key, body } => {
            let takes = session.unnumbered.takes_latest(now, seq, &key);
            takes.then_some(Event::Latest { key, body })
        }
        _ => None,
    };
    session.events.extend(event);
    session.events.extend(session.unnumbered.tell(now));
}

fn millis(millis: u32) -> Duration {
    Duration::from_millis(millis.into())
}
