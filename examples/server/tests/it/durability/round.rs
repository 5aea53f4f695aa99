//! One round: everybody talks, then something is killed.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use comet_server_testkit::server::Server;
use comet_sql_testing::Server as DatabaseServer;
use comet_testkit::clock;

use super::Kill;

/// Progress of a round, which all of its threads see.
#[derive(Debug)]
pub(super) struct Round {
    /// Answers before the kill, and again after it if the server lives on.
    enough: usize,
    /// The server lives on, and with it all connections.
    pub(super) stays: bool,
    answered: AtomicUsize,
    over: AtomicBool,
    done: AtomicBool,
}

/// Ends the round, also if the test fails: the other threads stop only then.
pub(super) struct EndOfRound<'a>(&'a Round);

impl Drop for EndOfRound<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
        self.0.done.store(true, Ordering::Relaxed);
    }
}

impl Round {
    pub(super) fn new(enough: usize, stays: bool) -> Self {
        let answered = AtomicUsize::new(0);
        let (over, done) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { enough, stays, answered, over, done }
    }

    pub(super) const fn ends_on_drop(&self) -> EndOfRound<'_> {
        EndOfRound(self)
    }

    /// Counts messages that were answered for the first time.
    pub(super) fn count(&self, answered: usize) {
        self.answered.fetch_add(answered, Ordering::Relaxed);
    }

    /// No sender sends anything new.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// No sender sends anything at all.
    pub(super) fn is_done(&self) -> bool {
        self.done.load(Ordering::Relaxed)
    }

    pub(super) fn senders_are_done(&self) {
        self.done.store(true, Ordering::Relaxed);
    }

    /// Waits for the time of the kill, kills, and starts again what was killed.
    pub(super) fn kills(&self, kill: Kill, server: &mut Server, database: Option<&DatabaseServer>) {
        let so_far = || self.answered.load(Ordering::Relaxed);
        clock::eventually("the time of the kill", || so_far() >= self.enough);
        let database = database.filter(|_| kill != Kill::Server);
        if let Some(database) = database {
            database.kill();
        }
        if kill != Kill::Database {
            server.kill();
        }
        if let Some(database) = database {
            database.resume();
        }
        match kill {
            Kill::Server | Kill::ServerAndDatabase => server.restart(),
            Kill::Database => {
                let before = so_far();
                clock::eventually("messages are answered again", || {
                    so_far() >= before + self.enough
                });
            }
        }
        self.over.store(true, Ordering::Relaxed);
    }
}
