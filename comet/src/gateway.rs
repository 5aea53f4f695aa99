//! The handle by which everybody but the peers talks to the gateway.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::config::Config;
use crate::delivery::{Delivery, MAX_BODY};
use crate::repeats::LeftOut;
use crate::reservation::Reservation;
use crate::shard::Question;
use crate::shard::Shared;
use crate::shard::command::{Command, Others, UserName, Who};
use crate::stats::Stats;
use crate::{AdoptError, Claim, CommandError, Crowded, Identity, SessionId, StartError};

/// A running gateway. Cheap to clone; all clones mean the same one, which runs until
/// [`drain`](Self::drain)ed, also when every handle is gone.
///
/// Commands are carried out later, on the shards concerned; what one thread asks of one session is
/// carried out in the order it was asked. A command for a session or user that is not there does
/// nothing.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    addresses: Vec<SocketAddr>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    next_adopter: AtomicU64,
    draining: AtomicBool,
    router_panics: AtomicU64,
}

impl Gateway {
    /// Delivers to one session.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the command was not taken.
    pub fn push(&self, session: SessionId, delivery: Delivery) -> Result<(), CommandError> {
        self.offer(session.shard(), Command::Push { session, delivery })
    }

    /// Delivers to several sessions. Those that follow each other on one shard, as all sessions of
    /// a user do, take one command, and what they keep of the delivery is kept and charged to the
    /// memory budget once. Returns those that did not get it because the mailbox was full.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "like the other ways to deliver")]
    pub fn push_many(&self, sessions: &[SessionId], delivery: Delivery) -> Vec<SessionId> {
        let mut left_out = Vec::new();
        for part in sessions.chunk_by(|one, other| one.shard() == other.shard()) {
            let Some(first) = part.first() else { continue };
            let command = Command::PushMany { sessions: part.into(), delivery: delivery.clone() };
            if let Err(CommandError::Full) = self.offer(first.shard(), command) {
                left_out.extend_from_slice(part);
            }
        }
        left_out
    }

    /// Delivers to all sessions of a user.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the command was not taken.
    pub fn push_user(&self, app: &str, user: &str, delivery: Delivery) -> Result<(), CommandError> {
        let (shard, user) = self.home(app, user);
        self.offer(shard, Command::PushUser { user, delivery })
    }

    /// Delivers to at most `most` connected sessions of a user on other devices than this one,
    /// those that began last: what a user's devices are to hear of each other. Parked sessions
    /// neither get it nor miss it.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the command was not taken.
    pub fn push_others(
        &self,
        app: &str,
        user: &str,
        device: &str,
        most: usize,
        delivery: Delivery,
    ) -> Result<(), CommandError> {
        let (shard, user) = self.home(app, user);
        let others = Others { user, device: device.into(), most, delivery };
        self.offer(shard, Command::PushOthers(Box::new(others)))
    }

    /// Delivers to every session in a room. The body is encoded once for each wire format that the
    /// members speak, and shared by all of them.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when a shard with members did not take the command; others may have.
    #[expect(clippy::needless_pass_by_value, reason = "like the other ways to deliver")]
    pub fn publish(&self, room: &str, delivery: Delivery) -> Result<(), CommandError> {
        let hash = self.0.shared.homes.room_hash(room);
        let present = |shard: &usize| self.0.shared.presence[*shard].may_have(hash);
        let mut room_name: Option<Arc<str>> = None;
        let mut result = Ok(());
        for shard in (0..self.shards()).filter(present) {
            let room = Arc::clone(room_name.get_or_insert_with(|| room.into()));
            let publish = Command::Publish { room, delivery: delivery.clone() };
            result = result.and(self.offer(shard, publish));
        }
        result
    }

    /// Delivers to every session.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when a shard did not take the command; others may have.
    #[expect(clippy::needless_pass_by_value, reason = "like the other ways to deliver")]
    pub fn broadcast(&self, delivery: Delivery) -> Result<(), CommandError> {
        (0..self.shards())
            .map(|shard| self.offer(shard, Command::Broadcast(delivery.clone())))
            .fold(Ok(()), Result::and)
    }

    /// Asks for a place for a peer, before its session is opened: what a router does that stores or
    /// announces devices, so that it does neither for one that the
    /// [`DevicePolicy`](crate::DevicePolicy) refuses. `then` gets the place, to be
    /// [attached](Identity::claim) to the identity under which the peer is accepted, or the devices
    /// that stay. Until the place is dropped it counts as if it were a session.
    ///
    /// `then` runs on a shard, or here if the policy refuses nobody: it must not block. It is
    /// dropped without a call if the gateway stops.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the question was not taken; then `then` is dropped.
    pub fn claim(
        &self,
        identity: &Identity,
        then: impl FnOnce(Result<Claim, Crowded>) + Send + 'static,
    ) -> Result<(), CommandError> {
        if identity.is_anonymous() || !self.0.shared.config.devices.may_refuse() {
            then(Ok(Claim::default()));
            return Ok(());
        }
        let (shard, user) = self.home(&identity.app, &identity.user);
        let (class, device) = (identity.class.clone(), identity.device.clone());
        let question = Question { user, class, device, then: Box::new(then) };
        self.offer(shard, Command::Claim(Box::new(question)))
    }

    /// Puts a session into a room, which exists as long as somebody is in it.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the command was not taken.
    pub fn join(&self, session: SessionId, room: &str) -> Result<(), CommandError> {
        self.join_on(session.shard(), Who::Session(session), room)
    }

    /// Puts all sessions that a user has now into a room.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the command was not taken.
    pub fn join_user(&self, app: &str, user: &str, room: &str) -> Result<(), CommandError> {
        let (shard, user) = self.home(app, user);
        self.join_on(shard, Who::User(user), room)
    }

    /// Takes a session out of a room.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the command was not taken.
    pub fn leave(&self, session: SessionId, room: &str) -> Result<(), CommandError> {
        let leave = Command::Leave { who: Who::Session(session), room: room.into() };
        self.offer(session.shard(), leave)
    }

    /// Takes all sessions of a user out of a room.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the command was not taken.
    pub fn leave_user(&self, app: &str, user: &str, room: &str) -> Result<(), CommandError> {
        let (shard, user) = self.home(app, user);
        self.offer(shard, Command::Leave { who: Who::User(user), room: room.into() })
    }

    /// Ends a session, as [`Closed::Kicked`](crate::Closed::Kicked).
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the command was not taken.
    pub fn kick(&self, session: SessionId, reason: &'static str) -> Result<(), CommandError> {
        self.offer(session.shard(), Command::Kick { who: Who::Session(session), reason })
    }

    /// Ends all sessions of a user.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the command was not taken.
    pub fn kick_user(
        &self,
        app: &str,
        user: &str,
        reason: &'static str,
    ) -> Result<(), CommandError> {
        let (shard, user) = self.home(app, user);
        self.offer(shard, Command::Kick { who: Who::User(user), reason })
    }

    /// Has a session end after this time, as [`Closed::Expired`](crate::Closed::Expired), whatever
    /// was said before or by its [`Identity`](Identity::expires_in); with `None`, not any more.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the command was not taken.
    pub fn set_expiry(
        &self,
        session: SessionId,
        after: impl Into<Option<Duration>>,
    ) -> Result<(), CommandError> {
        let (who, after) = (Who::Session(session), after.into());
        self.offer(session.shard(), Command::SetExpiry { who, after })
    }

    /// Holds bytes of [`Config::memory_budget`](crate::Config::memory_budget) for something beside
    /// the gateway that keeps memory for clients, answers of an HTTP server for instance, so that
    /// one number bounds it all.
    ///
    /// `None` if there are not so many: all reservations together have an eighth of the budget, and
    /// none is made that would make memory short for sessions.
    #[must_use]
    pub fn reserve_memory(&self, bytes: usize) -> Option<Reservation> {
        Reservation::new(Arc::clone(&self.0.shared.budget), bytes)
    }

    /// Bytes that [`reserve_memory`](Self::reserve_memory) gives in all: an eighth of the budget.
    #[must_use]
    pub fn reservable_memory(&self) -> usize {
        self.0.shared.budget.reservable()
    }

    /// Sums of what all shards have counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        self.0.shared.counters.iter().for_each(|counters| stats.add(counters));
        let accepted = &self.0.shared.accepted_by;
        stats.accepted_by = accepted.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        stats.memory += self.0.shared.budget.reserved() as u64;
        // One that moves between two shards is in neither, and forgotten if its shard has ended.
        let shared = &self.0.shared;
        let missed: usize = shared.mailboxes.iter().map(|mailbox| mailbox.missed()).sum();
        let open = shared.entrance.connections();
        stats.connections = open.saturating_sub(missed) as u64;
        stats.router_panics = self.0.router_panics.load(Ordering::Relaxed);
        stats
    }

    /// The addresses listened on, in the order they were given; port 0 has become a real one.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.addresses.clone()
    }

    /// How many shards there are.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.0.shared.mailboxes.len()
    }

    /// Takes no more connections, ends all sessions within the time, and stops.
    ///
    /// Sessions are ended a few at a time over the first half, those last that wait for replies or
    /// acks; WebSocket peers are told 1001. Returns at once; [`wait`](Self::wait) returns when it
    /// is done.
    pub fn drain(&self, within: Duration) {
        self.0.draining.store(true, Ordering::Relaxed);
        for mailbox in &self.0.shared.mailboxes {
            mailbox.post(Command::Drain(within));
        }
    }

    /// Takes over from `config` the limits that can change while sessions are open:
    /// [`message_rate`](Config::message_rate), [`handshake_rate`](Config::handshake_rate),
    /// [`connections_per_address`](Config::connections_per_address) and
    /// [`handshakes_per_address`](Config::handshakes_per_address). Everything else in it is left
    /// as it was at the start. Nobody is closed for being over a limit that has become lower; who
    /// was not counted before a limit for addresses was set is not counted.
    ///
    /// # Errors
    ///
    /// [`StartError::Config`], and nothing is taken over.
    pub fn reconfigure(&self, config: &Config) -> Result<(), StartError> {
        config.validate()?;
        self.0.shared.entrance.reconfigure(config);
        for mailbox in &self.0.shared.mailboxes {
            let (message_rate, handshake_rate) = (config.message_rate, config.handshake_rate);
            mailbox.post(Command::Reconfigure { message_rate, handshake_rate });
        }
        Ok(())
    }

    /// Whether [`drain`](Self::drain) was called.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// Blocks until the gateway has been drained. Never call it on a shard.
    pub fn wait(&self) {
        // Whoever else waits, waits for the lock.
        let mut threads = self.0.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a shard panicked");
            }
        }
    }

    pub(crate) fn new(shared: Arc<Shared>, addresses: Vec<SocketAddr>) -> Self {
        Self(Arc::new(Inner {
            shared,
            addresses,
            threads: Mutex::default(),
            next_adopter: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            router_panics: AtomicU64::new(0),
        }))
    }

    pub(crate) fn started(&self, threads: Vec<JoinHandle<()>>) {
        *self.0.threads.lock().unwrap_or_else(PoisonError::into_inner) = threads;
    }

    /// Counts a panic of the router. Returns what to write behind the line that tells of it.
    pub(crate) fn count_panic(&self) -> Option<LeftOut> {
        self.0.router_panics.fetch_add(1, Ordering::Relaxed);
        self.0.shared.warnings.router.admit(self.0.shared.uptime())
    }

    /// The shard that the next adopted connection goes to.
    pub(crate) fn next_adopter(&self) -> Result<usize, AdoptError> {
        let shards = self.shards() as u64;
        let shard = self.0.next_adopter.fetch_add(1, Ordering::Relaxed) % shards;
        let shard = usize::try_from(shard).unwrap_or(0);
        let is_stopped = self.0.shared.mailboxes[shard].is_stopped();
        if is_stopped || self.0.draining.load(Ordering::Relaxed) {
            return Err(AdoptError::Stopped);
        }
        Ok(shard)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    fn home(&self, app: &str, user: &str) -> (usize, UserName) {
        let shard = self.0.shared.homes.of(app, user);
        (shard, UserName { app: app.into(), user: user.into() })
    }

    fn join_on(&self, shard: usize, who: Who, room: &str) -> Result<(), CommandError> {
        // Counted before the command is on its way, so that a publish that follows finds the room.
        let hash = self.0.shared.homes.room_hash(room);
        let Some(presence) = self.0.shared.presence.get(shard) else { return Ok(()) };
        presence.add(hash);
        let result = self.offer(shard, Command::Join { who, room: room.into() });
        if result.is_err() {
            presence.remove(hash);
        }
        result
    }

    /// A shard that does not exist has no sessions.
    fn offer(&self, shard: usize, command: Command) -> Result<(), CommandError> {
        if command.body_len() > MAX_BODY {
            return Err(CommandError::TooLong);
        }
        self.0.shared.mailboxes.get(shard).map_or(Ok(()), |mailbox| mailbox.offer(command))
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("shards", &self.shards()).finish_non_exhaustive()
    }
}
