//! Where a thread's messages are written: its sessions, and the count of what they sent.

use std::ops::Range;
use std::sync::Arc;

use crate::audience::Audience;
use crate::driver::{Driver, Time, To};
use crate::latency::Latency;
use crate::oracle::{Ledger, Stamp};
use crate::plan::{Layout, Plan};

/// A session's way to a stream; the session by its number in its thread.
#[derive(Clone, Debug)]
pub(super) struct Voice {
    pub(super) session: usize,
    pub(super) stream: u32,
    pub(super) to: To,
}

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stuck {
    /// The session is not there.
    Absent,
    /// The session cannot take more.
    Full,
}

/// The sessions of one thread.
#[derive(Debug)]
pub(super) struct Desk {
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
    /// How late these were sent, if nothing but this thread held them up.
    pub(super) lag: Latency,
}

/// Where all threads write down what is sent.
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

impl Desk {
    /// Sends the next message of a stream, which was due at a time; `is_first` says that it did
    /// not have to wait for its session.
    pub(super) fn publish(
        &mut self,
        voice: &Voice,
        due: Time,
        now: Option<Time>,
    ) -> Result<(), Stuck> {
        if !self.audience.is_open(voice.session) {
            return Err(Stuck::Absent);
        }
        let counter = self.ledger.sent(voice.stream) + 1;
        let stamp = Stamp { publisher: voice.stream, counter, due };
        let body = stamp.body(self.body);
        self.driver.send(voice.session, &voice.to, body).map_err(|_full| Stuck::Full)?;
        self.ledger.handle_sent(voice.stream, due);
        if self.is_answered {
            self.audience.handle_sent(voice.session);
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

    /// So many sessions, of which the first so many are open.
    pub(crate) fn desk(sessions: usize, open: usize) -> Desk {
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
        let mut desk =
            Desk { driver, audience, ledger, body, is_answered, sent: 0, sent_within: 0, lag };
        (0..open).for_each(|session| open_again(&mut desk, session));
        desk
    }

    /// A session opens.
    pub(crate) fn open_again(desk: &mut Desk, session: usize) {
        let opened = Event::Opened { resumed: false, welcome: None };
        desk.audience.handle(Time::default(), session, opened);
    }
}
