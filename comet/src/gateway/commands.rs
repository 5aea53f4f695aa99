//! Commands to sessions, for the shards on which they live.

use std::sync::Arc;
use std::time::Duration;

use super::Gateway;
use crate::delivery::{Delivery, MAX_BODY};
use crate::shard::Question;
use crate::shard::command::{Command, Others, UserName, Who};
use crate::{Claim, CommandError, Crowded, Identity, SessionId, Target};

impl Gateway {
    /// Delivers to every session of the target, connected or parked. The body is encoded once for
    /// each wire format in use, and shared by all receivers.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when a shard concerned did not take the command. A room, or all sessions,
    /// span several shards, and the others may have taken it.
    pub fn push<'a>(
        &self,
        target: impl Into<Target<'a>>,
        delivery: Delivery,
    ) -> Result<(), CommandError> {
        match target.into() {
            Target::Session(session) => {
                self.offer(session.shard(), Command::Push { session, delivery })
            }
            Target::User { app, user } => {
                let (shard, user) = self.home(app, user);
                self.offer(shard, Command::PushUser { user, delivery })
            }
            Target::Room(room) => self.publish(room, delivery),
            Target::All => self.broadcast(delivery),
        }
    }

    /// Delivers to several sessions. Consecutive ones on one shard, as all sessions of a user are,
    /// take one command, and the delivery they keep is stored and charged to the memory budget
    /// once. Returns those that did not get it because the mailbox was full.
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

    /// Delivers to at most `most` connected sessions of a user on other devices than this one, the
    /// newest first: for notices between the devices of a user. Parked sessions neither get it nor
    /// miss it.
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

    /// Delivers to every session in a room: shorthand for a [`push`](Self::push) to
    /// [`Target::Room`].
    ///
    /// # Errors
    ///
    /// [`CommandError`], as from [`push`](Self::push).
    #[expect(clippy::needless_pass_by_value, reason = "like the other ways to deliver")]
    pub fn publish(&self, room: &str, delivery: Delivery) -> Result<(), CommandError> {
        let mut room_name: Option<Arc<str>> = None;
        let mut result = Ok(());
        for shard in self.shards_of(room) {
            let room = Arc::clone(room_name.get_or_insert_with(|| room.into()));
            let publish = Command::Publish { room, delivery: delivery.clone() };
            result = result.and(self.offer(shard, publish));
        }
        result
    }

    /// Delivers to every session: shorthand for a [`push`](Self::push) to [`Target::All`].
    ///
    /// # Errors
    ///
    /// [`CommandError`], as from [`push`](Self::push).
    #[expect(clippy::needless_pass_by_value, reason = "like the other ways to deliver")]
    pub fn broadcast(&self, delivery: Delivery) -> Result<(), CommandError> {
        (0..self.shards())
            .map(|shard| self.offer(shard, Command::Broadcast(delivery.clone())))
            .fold(Ok(()), Result::and)
    }

    /// Claims a place for a peer before its session is opened: for a router that stores or
    /// announces devices, so that it does neither for one that the
    /// [`DevicePolicy`](crate::DevicePolicy) refuses. `then` gets the place, to be
    /// [attached](Identity::claim) to the identity under which the peer is accepted, or the devices
    /// that stay. Until the place is dropped it counts as a session.
    ///
    /// `then` runs on a shard, or in this call if the policy refuses no device: it must not block.
    /// It is dropped without a call if the gateway stops.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the command was not taken; `then` is dropped in that case.
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

    /// Adds the current sessions of the target to a room, which exists as long as it has members.
    ///
    /// # Errors
    ///
    /// [`CommandError`], as from [`push`](Self::push).
    pub fn join<'a>(&self, target: impl Into<Target<'a>>, room: &str) -> Result<(), CommandError> {
        let (hash, room) = (self.0.shared.homes.room_hash(room), Arc::<str>::from(room));
        self.for_each_shard(target.into(), |shard, who| self.join_on(shard, who, hash, &room))
    }

    /// Removes the target's sessions from a room.
    ///
    /// # Errors
    ///
    /// [`CommandError`], as from [`push`](Self::push).
    pub fn leave<'a>(&self, target: impl Into<Target<'a>>, room: &str) -> Result<(), CommandError> {
        let room = Arc::<str>::from(room);
        self.for_each_shard(target.into(), |shard, who| {
            self.offer(shard, Command::Leave { who, room: Arc::clone(&room) })
        })
    }

    /// Ends the target's sessions, as [`Closed::Kicked`](crate::Closed::Kicked) with this reason,
    /// which is for the router and the log: it is not sent to peers.
    ///
    /// # Errors
    ///
    /// [`CommandError`], as from [`push`](Self::push).
    pub fn kick<'a>(
        &self,
        target: impl Into<Target<'a>>,
        reason: impl Into<Arc<str>>,
    ) -> Result<(), CommandError> {
        let reason = reason.into();
        self.for_each_shard(target.into(), |shard, who| {
            self.offer(shard, Command::Kick { who, reason: Arc::clone(&reason) })
        })
    }

    /// Ends the target's sessions after this time, as [`Closed::Expired`](crate::Closed::Expired),
    /// whatever was set before or by their [`Identity`](Identity::expires_in); with `None`, not any
    /// more.
    ///
    /// # Errors
    ///
    /// [`CommandError`], as from [`push`](Self::push).
    pub fn set_expiry<'a>(
        &self,
        target: impl Into<Target<'a>>,
        after: impl Into<Option<Duration>>,
    ) -> Result<(), CommandError> {
        let after = after.into();
        self.for_each_shard(target.into(), |shard, who| {
            self.offer(shard, Command::SetExpiry { who, after })
        })
    }

    fn home(&self, app: &str, user: &str) -> (usize, UserName) {
        let shard = self.0.shared.homes.of(app, user);
        (shard, UserName { app: app.into(), user: user.into() })
    }

    /// Offers a command to each shard on which the target may have sessions.
    fn for_each_shard(
        &self,
        target: Target<'_>,
        mut offer: impl FnMut(usize, Who) -> Result<(), CommandError>,
    ) -> Result<(), CommandError> {
        match target {
            Target::Session(session) => offer(session.shard(), Who::Session(session)),
            Target::User { app, user } => {
                let (shard, user) = self.home(app, user);
                offer(shard, Who::User(user))
            }
            Target::Room(name) => {
                let room = Arc::<str>::from(name);
                self.shards_of(name)
                    .map(|shard| offer(shard, Who::Room(Arc::clone(&room))))
                    .fold(Ok(()), Result::and)
            }
            Target::All => {
                (0..self.shards()).map(|shard| offer(shard, Who::All)).fold(Ok(()), Result::and)
            }
        }
    }

    /// Shards that may have members of a room.
    fn shards_of(&self, room: &str) -> impl Iterator<Item = usize> {
        let hash = self.0.shared.homes.room_hash(room);
        let filters = &self.0.shared.room_filters;
        (0..self.shards()).filter(move |&shard| filters[shard].may_have(hash))
    }

    fn join_on(
        &self,
        shard: usize,
        who: Who,
        hash: u64,
        room: &Arc<str>,
    ) -> Result<(), CommandError> {
        // Counted before the command is sent, so that a later publish finds the room.
        let Some(filter) = self.0.shared.room_filters.get(shard) else { return Ok(()) };
        filter.add(hash);
        let result = self.offer(shard, Command::Join { who, room: Arc::clone(room) });
        if result.is_err() {
            filter.remove(hash);
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
