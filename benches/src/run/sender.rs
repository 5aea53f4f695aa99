//! The sessions of a thread, as senders of counted and stamped messages.

use std::ops::Range;
use std::sync::Arc;

use crate::audience::Audience;
use crate::driver::{Destination, Driver, Time};
use crate::latency::Latency;
use crate::oracle::{Ledger, Stamp};
use crate::plan::{Layout, Plan};

/// A session's way to a stream; the session by its number in its thread.
#[derive(Clone, Debug)]
pub(super) struct Publisher {
    pub(super) session: usize,
    pub(super) stream: u32,
    pub(super) to: Destination,
}

/// Reasons why a message was not sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum SendError {
    /// The session is not there.
    Absent,
    /// The session cannot take more.
    Full,
}

/// The sessions of one thread.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) driver: Driver,
    pub(super) audience: Audience,
    pub(super) ledger: Arc<Ledger>,
    /// Length of a body.
    pub(super) body: usize,
    /// Whether messages are answered.
    pub(super) is_answered: bool,
    /// Messages that were sent, ever.
    pub(super) sent: u64,
    /// Messages that were sent of those due in the window.
    pub(super) sent_within: u64,
    /// Lag of these behind their due times, as far as this thread alone caused it.
    pub(super) lag: Latency,
}

/// The ledger of all sent messages, which threads share.
pub(super) fn ledger(plan: &Plan, layout: &Layout) -> Ledger {
    let mut ledger = Ledger::new();
    for room in &layout.rooms {
        ledger.add_room(room.streams);
    }
    if plan.body() < Stamp::LEN {
        ledger.keep_dues();
    }
    ledger
}

impl Sender {
    /// Sends the next message of a stream, which was due at a time; `now` is given unless it had to
    /// wait for its session.
    pub(super) fn publish(
        &mut self,
        publisher: &Publisher,
        due: Time,
        now: Option<Time>,
    ) -> Result<(), SendError> {
        if !self.audience.is_open(publisher.session) {
            return Err(SendError::Absent);
        }
        let counter = self.ledger.sent(publisher.stream) + 1;
        let stamp = Stamp { publisher: publisher.stream, counter, due };
        let body = stamp.body(self.body);
        self.driver
            .send(publisher.session, &publisher.to, body)
            .map_err(|_full| SendError::Full)?;
        self.ledger.handle_sent(publisher.stream, due);
        if self.is_answered {
            self.audience.handle_sent(publisher.session);
        }
        self.sent += 1;
        if self.window().contains(&due) {
            self.sent_within += 1;
            if let Some(now) = now {
                self.lag.record(now.since(due));
            }
        }
        Ok(())
    }

    fn window(&self) -> Range<Time> {
        let never = Time::from_micros(u64::MAX);
        self.audience.meter.as_ref().map_or(never..never, |meter| meter.window.clone())
    }
}

/// Desks of sessions that are open without any server.
#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::dialect::Dialect;
    use crate::driver::{Event, Identity, Observer, Route, Tuning};
    use crate::oracle::Oracle;

    /// A number of sessions, of which the first ones are open.
    pub(crate) fn sender(sessions: usize, open: usize) -> Sender {
        let mut ledger = Ledger::new();
        ledger.add_room(1);
        let ledger = Arc::new(ledger);
        let mut audience = Audience::new();
        audience.oracle = Oracle::of(Arc::clone(&ledger));
        let mut driver = Driver::new(Tuning::default()).unwrap();
        let routes: Arc<[Route]> = Arc::new([Route::tcp("127.0.0.1:9".parse().unwrap())]);
        for _ in 0..sessions {
            driver.add(Dialect::Dtalk, Identity::new("u", []), Arc::clone(&routes), 0);
            audience.add(Time::default(), &[0]);
        }
        let (lag, body, is_answered) = (Latency::new(), 64, true);
        let mut sender =
            Sender { driver, audience, ledger, body, is_answered, sent: 0, sent_within: 0, lag };
        (0..open).for_each(|session| open_again(&mut sender, session));
        sender
    }

    /// A session opens.
    pub(crate) fn open_again(sender: &mut Sender, session: usize) {
        let opened = Event::Opened { resumed: false, welcome: None };
        sender.audience.handle(Time::default(), session, opened);
    }
}
