//! A turn of the driver: what the sockets and the clock bring.

use std::io;
use std::time::Duration;

use comet_protocol::client::Time;

use super::connection::Arrived;
use super::session::Lost;
use super::{Driver, Observer};
use crate::clock;

/// What the poll said about a session's socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    session: usize,
    is_writable: bool,
    /// Nothing comes after what is there.
    is_ending: bool,
}

/// How often one session reads before others have their turn.
const READS: usize = 4;

/// What a poll can sleep.
const TICK: Duration = Duration::from_millis(1);

impl Driver {
    /// Waits until something happens, at the latest until the given time, and deals with it.
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
        ready.extend(self.events.iter().map(|event| Ready {
            session: event.token().0,
            is_writable: event.is_writable(),
            is_ending: event.is_read_closed() || event.is_error(),
        }));
        let now = clock::now();
        for ready in ready.drain(..) {
            self.handle_ready(now, ready, observer);
        }
        self.ready = ready;
        self.handle_timers(observer);
        Ok(())
    }

    fn wait(&self, until: Time) -> Duration {
        if !self.listed.is_empty() {
            return Duration::ZERO;
        }
        let due = self.timers.next().map_or(until, |due| due.min(until));
        let wait = due.since(clock::now());
        if self.tuning.is_precise && wait < TICK { Duration::ZERO } else { wait }
    }

    fn look_at_listed(&mut self, observer: &mut impl Observer) {
        if self.listed.is_empty() {
            return;
        }
        let mut listed = std::mem::take(&mut self.listed);
        let now = clock::now();
        for id in listed.drain(..) {
            self.sessions[id].is_listed = false;
            if !self.sessions[id].is_frozen {
                // What the poll said while it was frozen was not heard.
                self.handle_writable(now, id);
                self.read(now, id, true, observer);
                self.pump(now, id, observer);
            }
        }
        // Those that listed themselves meanwhile are in a list of their own.
        listed.append(&mut self.listed);
        self.listed = listed;
    }

    fn handle_ready(&mut self, now: Time, ready: Ready, observer: &mut impl Observer) {
        let id = ready.session;
        if self.sessions[id].is_frozen {
            return;
        }
        if ready.is_writable {
            self.handle_writable(now, id);
        }
        self.read(now, id, ready.is_ending, observer);
        self.pump(now, id, observer);
    }

    fn handle_writable(&mut self, now: Time, id: usize) {
        let session = &mut self.sessions[id];
        let Some(connection) = &mut session.connection else { return };
        let was_dialing = connection.is_dialing();
        let Ok(opened) = connection.handle_writable() else { return self.drop_connection(id) };
        if was_dialing && !connection.is_dialing() {
            self.dialing -= 1;
        }
        if opened {
            session.client.handle_connected(now, connection.link);
        }
    }

    /// Reads what is there; a short read means that there is no more, unless the end is near.
    fn read(&mut self, now: Time, id: usize, is_ending: bool, observer: &mut impl Observer) {
        for _ in 0..READS {
            let session = &mut self.sessions[id];
            let Some(connection) = &mut session.connection else { return };
            if connection.is_dialing() {
                return;
            }
            let outcome = match connection.receive(&mut self.buffer) {
                Ok(Arrived::Nothing) => return,
                Ok(Arrived::End) => Err(Lost),
                Ok(Arrived::Bytes { len, full }) => {
                    let outcome = session.handle_input(now, &mut self.buffer[..len]);
                    if outcome.is_ok() && !full && !is_ending {
                        return;
                    }
                    outcome
                }
                Err(error) => Err(error.into()),
            };
            if outcome.is_err() {
                self.drop_connection(id);
            }
            self.pump(now, id, observer);
        }
        self.list(id);
    }

    fn handle_timers(&mut self, observer: &mut impl Observer) {
        let now = clock::now();
        while let Some(id) = self.timers.pop(now) {
            if self.sessions[id].is_frozen {
                continue;
            }
            if self.sessions[id].is_overdue(now) {
                self.drop_connection(id);
            }
            self.sessions[id].client.handle_timeout(now);
            self.pump(now, id, observer);
        }
    }
}
