//! A turn of the driver: events of sockets and of the clock.

use std::io;
use std::time::Duration;

use comet_protocol::client::Time;

use super::connection::ReadResult;
use super::disconnect_reason::DisconnectReason;
use super::{Driver, Observer, WAKER};
use crate::clock;
use crate::dialect::Side;

/// Readiness of a session's socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    session: usize,
    is_writable: bool,
    /// Nothing comes after the bytes that are there.
    is_ending: bool,
}

/// Reads of one session before others have their turn.
const READS: usize = 4;

/// Resolution of a poll's sleep.
const TICK: Duration = Duration::from_millis(1);

impl Driver {
    /// Waits until something happens, at the latest until the given time, and handles it.
    ///
    /// # Errors
    ///
    /// When the poll fails.
    pub fn turn(&mut self, until: Time, observer: &mut impl Observer) -> io::Result<()> {
        self.look_at_listed(observer);
        self.dial(clock::now(), observer);
        let wait = self.wait(until);
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        let mut ready = std::mem::take(&mut self.ready);
        let mut datagrams = std::mem::take(&mut self.hubs.unfinished);
        for event in self.events.iter().filter(|event| event.token() != WAKER) {
            match self.hubs.find(event.token()) {
                Some(hub) => datagrams.push(hub),
                None => ready.push(Ready {
                    session: event.token().0,
                    is_writable: event.is_writable(),
                    is_ending: event.is_read_closed() || event.is_error(),
                }),
            }
        }
        for hub in datagrams {
            self.receive_datagrams(hub, &mut ready)?;
        }
        for ready in ready.drain(..) {
            // Not once for all of them: the last would have come earlier than it did.
            self.handle_ready(clock::now(), ready, observer);
        }
        self.ready = ready;
        self.handle_timers(observer);
        Ok(())
    }

    /// Hands datagrams to their connections; sessions that have some are ready.
    fn receive_datagrams(&mut self, hub: usize, ready: &mut Vec<Ready>) -> io::Result<()> {
        let (mut arrivals, first) = (std::mem::take(&mut self.arrivals), ready.len());
        let outcome = self.hubs.receive(hub, &mut arrivals);
        for arrival in arrivals.drain(..) {
            let session = arrival.session;
            if let Some(known) = self.sessions.get_mut(session) {
                known.handle_datagram(hub, arrival);
                ready.push(Ready { session, is_writable: true, is_ending: false });
            }
        }
        self.arrivals = arrivals;
        ready[first..].sort_unstable_by_key(|ready| ready.session);
        ready.dedup_by_key(|ready| (ready.session, ready.is_ending));
        outcome
    }

    fn wait(&self, until: Time) -> Duration {
        if !self.listed.is_empty() || !self.hubs.unfinished.is_empty() {
            return Duration::ZERO;
        }
        let due = self.timers.next().map_or(until, |due| due.min(until));
        let wait = due.since(clock::now());
        if !self.tuning.is_precise {
            return wait;
        }
        // The poll rounds up: a fraction of a tick would be slept too long.
        TICK * u32::try_from(wait.as_micros() / TICK.as_micros()).unwrap_or(u32::MAX)
    }

    fn look_at_listed(&mut self, observer: &mut impl Observer) {
        if self.listed.is_empty() {
            return;
        }
        let mut listed = std::mem::take(&mut self.listed);
        for id in listed.drain(..) {
            // Not once for all of them: the last would have come earlier than it did.
            let now = clock::now();
            let session = &mut self.sessions[id];
            session.is_listed = false;
            if session.is_frozen {
                continue;
            }
            if std::mem::take(&mut session.may_read) {
                // Events of the poll while it was frozen were not handled.
                for side in self.sessions[id].sides() {
                    self.handle_writable(now, (id, side), observer);
                    self.read(now, (id, side), true, observer);
                }
            }
            self.pump(now, id, observer);
        }
        // Those that listed themselves meanwhile are in a list of their own.
        listed.append(&mut self.listed);
        self.listed = listed;
    }

    fn handle_ready(&mut self, now: Time, ready: Ready, observer: &mut impl Observer) {
        let id = ready.session;
        if self.sessions[id].is_frozen {
            // Its transport lives on.
            return self.drive_frozen(id);
        }
        // Both connections of a session have the same name in the poll.
        for side in self.sessions[id].sides() {
            if ready.is_writable {
                self.handle_writable(now, (id, side), observer);
            }
            self.read(now, (id, side), ready.is_ending, observer);
        }
        self.pump(now, id, observer);
    }

    fn drive_frozen(&mut self, id: usize) {
        self.sessions[id].drive();
        let due = self.sessions[id].poll_transport_timeout();
        self.timers.arm(id, due);
    }

    fn handle_writable(
        &mut self,
        now: Time,
        (id, side): (usize, Side),
        observer: &mut impl Observer,
    ) {
        let session = &mut self.sessions[id];
        let was_dialing = session.is_dialing(side);
        let emit = &mut |event: super::Event<'_>| observer.handle(now, id, event);
        let at = (now, &self.tuning);
        let outcome = session.handle_writable(side, at, &mut self.scratch, emit);
        if let Err(lost) = outcome {
            return self.drop_connection(id, side, &lost);
        }
        if was_dialing && !self.sessions[id].is_dialing(side) {
            self.dialing -= 1;
        }
    }

    /// Reads until the socket is empty; a short read is the last one, unless the end is near.
    fn read(
        &mut self,
        mut now: Time,
        (id, side): (usize, Side),
        is_ending: bool,
        observer: &mut impl Observer,
    ) {
        for reads in 0..READS {
            if reads > 0 {
                now = clock::now();
            }
            match self.read_once(now, (id, side), observer) {
                Ok(Some(is_full)) if is_full || is_ending => {}
                Ok(_) => return,
                Err(lost) => return self.drop_connection(id, side, &lost),
            }
            self.pump(now, id, observer);
        }
        self.sessions[id].may_read = true;
        self.list(id);
    }

    /// Returns whether the buffer was full; `None` if there was nothing.
    fn read_once(
        &mut self,
        now: Time,
        (id, side): (usize, Side),
        observer: &mut impl Observer,
    ) -> Result<Option<bool>, DisconnectReason> {
        let session = &mut self.sessions[id];
        let Some(connection) = session.at_mut(side) else { return Ok(None) };
        if connection.is_dialing() {
            return Ok(None);
        }
        match connection.receive(&mut self.buffer)? {
            ReadResult::Nothing => Ok(None),
            ReadResult::End => Err(DisconnectReason::End),
            ReadResult::Bytes { len, full } => {
                let emit = &mut |event: super::Event<'_>| observer.handle(now, id, event);
                let (input, scratch) = (&mut self.buffer[..len], &mut self.scratch);
                session.handle_input(side, (now, &self.tuning), input, scratch, emit)?;
                Ok(Some(full))
            }
        }
    }

    fn handle_timers(&mut self, observer: &mut impl Observer) {
        let now = clock::now();
        while let Some(id) = self.timers.pop(now) {
            if self.sessions[id].is_frozen {
                self.drive_frozen(id);
                continue;
            }
            let session = &mut self.sessions[id];
            session.drive();
            if let Err(lost) = session.handle_timeout(now, &self.tuning, &mut self.scratch) {
                self.drop_connection(id, Side::Current, &lost);
            }
            if self.sessions[id].is_next_late(now) {
                self.drop_connection(id, Side::Next, &DisconnectReason::Late);
            }
            self.pump(now, id, observer);
        }
    }
}
