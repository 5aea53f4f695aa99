//! Listeners: taking connections in, and what to do when the system gives none.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::connection::{Connection, Transport};
use super::poller::Token;
use super::socket::{Acceptor, Socket};
use super::{FIRST_LISTENER, Shard};
use crate::Closed;
use crate::listen::Profile;
use crate::proxies::Client;
use crate::session::Session;
use crate::time::Time;

/// How long to wait after the system refused a descriptor or memory: others may give some back.
const PAUSE: Duration = Duration::from_millis(100);

/// A listening socket of one shard.
#[derive(Debug)]
pub(crate) struct Listener {
    acceptor: Acceptor,
    pub(super) profile: Profile,
    /// Connections may be waiting that no event will tell of again.
    again: Again,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Again {
    No,
    /// In the next turn: this one has taken its share.
    Now,
    /// After a pause.
    At(Time),
}

impl Listener {
    pub(crate) fn new(acceptor: Acceptor, profile: Profile) -> Self {
        Self { acceptor, profile, again: Again::No }
    }
}

impl Shard {
    /// Begins to listen; to be called once, before the first turn.
    pub(crate) fn listen(&mut self) {
        for (index, listener) in self.listeners.iter_mut().enumerate() {
            let token = Token(FIRST_LISTENER - index);
            if let Err(error) = self.connections.listen(&mut listener.acceptor, token) {
                tracing::error!(%error, "cannot watch a listener");
            }
        }
    }

    /// Takes what waits at a listener, up to a turn's share.
    pub(super) fn accept(&mut self, index: usize) {
        for _ in 0..self.shared.config.accept_batch {
            let Some(listener) = self.listeners.get_mut(index) else { return };
            listener.again = Again::No;
            match listener.acceptor.accept() {
                Ok((socket, remote)) => self.admit(socket, remote.ip(), index),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return,
                    // The peer has gone before it was taken; the next one has not.
                    io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::Interrupted => {}
                    _ => return self.pause(index, &error),
                },
            }
        }
        if let Some(listener) = self.listeners.get_mut(index) {
            listener.again = Again::Now;
        }
    }

    /// Goes back to listeners that have more than a turn's share, or were paused.
    pub(super) fn accept_again(&mut self) {
        for index in 0..self.listeners.len() {
            let due = match self.listeners[index].again {
                Again::No => false,
                Again::Now => true,
                Again::At(at) => at <= self.now,
            };
            if due {
                self.accept(index);
            }
        }
    }

    pub(super) fn accept_is_due(&self) -> bool {
        self.listeners.iter().any(|listener| listener.again == Again::Now)
    }

    pub(super) fn accept_at(&self) -> Option<Time> {
        let paused = self.listeners.iter().filter_map(|listener| match listener.again {
            Again::At(at) => Some(at),
            Again::No | Again::Now => None,
        });
        paused.min()
    }

    /// Puts a connection into a slot and under watch. The slot, unless the system refuses.
    pub(super) fn watch(&mut self, connection: Connection, session: Session) -> Option<u32> {
        let slot = self.bucket.insert(session)?;
        if let Err(error) = self.connections.watch(slot, connection) {
            if let Some(more) = self.shared.warnings.watch.admit(self.now.since(Time::START)) {
                tracing::warn!(%error, "cannot watch a connection{more}");
            }
            self.bucket.remove(slot);
            return None;
        }
        Some(slot)
    }

    fn admit(&mut self, socket: Socket, remote: IpAddr, index: usize) {
        self.counters().accepted.add(1);
        if let Some(accepted) = self.shared.accepted_by.get(index) {
            accepted.fetch_add(1, Ordering::Relaxed);
        }
        let profile = &self.listeners[index].profile;
        let proxies = &self.shared.config.trusted_proxies;
        let client = match profile.websocket && proxies.header_of(remote).is_some() {
            // Its upgrade request will say.
            true => Client::Unnamed,
            false => proxies.client(remote, |_| []),
        };
        let Ok(visitor) = self.shared.entrance.enter(self.now, client) else {
            self.counters().closed[Closed::TooManyConnections.index()].add(1);
            return;
        };
        let transport = if profile.websocket {
            Transport::Upgrading { searched: 0 }
        } else {
            Transport::Stream
        };
        let mut connection = Connection::new(self.now, socket, transport, profile.dialect);
        connection.listener = u8::try_from(index).unwrap_or(u8::MAX);
        connection.visitor = visitor.map(Box::new);
        let session = Session::new(self.now, &self.limits);
        match self.watch(connection, session) {
            Some(slot) => self.rearm(slot),
            None => self.forget_connection(visitor),
        }
    }

    fn pause(&mut self, index: usize, error: &io::Error) {
        self.counters().accept_errors.add(1);
        if let Some(more) = self.shared.warnings.accept.admit(self.now.since(Time::START)) {
            tracing::warn!(%error, "cannot accept, trying again shortly{more}");
        }
        if let Some(listener) = self.listeners.get_mut(index) {
            listener.again = Again::At(self.now + PAUSE);
        }
    }
}
