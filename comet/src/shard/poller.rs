//! Readiness of sockets: the only place that knows the system's poll.
//!
//! Reports are edge-triggered: one comes when bytes, an end, an error or space arrive, and not
//! again until more does. Every socket is watched for reading and writing from the beginning.

use std::io;
use std::time::Duration;

use mio::Interest;

use super::readiness::{Ready, Token};
#[cfg(feature = "simulation")]
use super::simulated::Board;
use super::socket::{Acceptor, Socket};
#[cfg(feature = "simulation")]
use std::sync::Arc;

/// Token of a [`Waker`]'s report.
pub(super) const WAKER: Token = Token(usize::MAX);

/// Watches the sockets of one shard.
#[derive(Debug)]
pub(crate) enum Poller {
    System(mio::Poll),
    /// Events posted within this process. Never sleeps.
    #[cfg(feature = "simulation")]
    Virtual(Arc<Board>),
}

/// The reports of one wait.
#[derive(Debug)]
pub(crate) struct Events {
    system: mio::Events,
    #[cfg(feature = "simulation")]
    posted: Vec<Ready>,
}

impl Events {
    /// Room for so many reports of the system; more come with the next wait.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            system: mio::Events::with_capacity(capacity),
            #[cfg(feature = "simulation")]
            posted: Vec::new(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Ready> + '_ {
        let ready = self.system.iter().map(reported);
        #[cfg(feature = "simulation")]
        let ready = ready.chain(self.posted.iter().copied());
        ready
    }
}

impl Poller {
    /// The system's.
    pub(crate) fn new() -> io::Result<Self> {
        mio::Poll::new().map(Self::System)
    }

    /// A way to end a wait from another thread.
    pub(crate) fn waker(&self) -> io::Result<Waker> {
        match self {
            Self::System(poll) => {
                mio::Waker::new(poll.registry(), mio::Token(WAKER.0)).map(Waker::System)
            }
            #[cfg(feature = "simulation")]
            Self::Virtual(_) => Ok(Waker::Virtual),
        }
    }

    /// Waits until there is something to report or the time has passed, or for no reason.
    pub(super) fn wait(
        &mut self,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        match self {
            Self::System(poll) => match poll.poll(&mut events.system, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
                result => result,
            },
            #[cfg(feature = "simulation")]
            Self::Virtual(board) => {
                events.posted.clear();
                board.take(&mut events.posted);
                Ok(())
            }
        }
    }

    /// Whether something waits to be reported.
    #[cfg(feature = "simulation")]
    pub(super) fn has_events(&self) -> bool {
        matches!(self, Self::Virtual(board) if !board.is_empty())
    }

    /// Watches a connection.
    pub(super) fn register(&self, socket: &mut Socket, token: Token) -> io::Result<()> {
        match (self, socket) {
            (Self::System(poll), Socket::Tcp(socket)) => poll.registry().register(
                socket,
                mio::Token(token.0),
                Interest::READABLE | Interest::WRITABLE,
            ),
            #[cfg(feature = "simulation")]
            (Self::Virtual(board), Socket::Virtual(end)) => {
                end.watch(board, token);
                Ok(())
            }
            #[cfg(feature = "simulation")]
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Watches a connection under another token, and reports what it has to report once more.
    pub(super) fn reregister(&self, socket: &mut Socket, token: Token) -> io::Result<()> {
        match (self, socket) {
            (Self::System(poll), Socket::Tcp(socket)) => poll.registry().reregister(
                socket,
                mio::Token(token.0),
                Interest::READABLE | Interest::WRITABLE,
            ),
            #[cfg(feature = "simulation")]
            (_, socket) => self.register(socket, token),
        }
    }

    /// Watches a connection no more, so that another poller may.
    pub(super) fn deregister(&self, socket: &mut Socket) -> io::Result<()> {
        match (self, socket) {
            (Self::System(poll), Socket::Tcp(socket)) => poll.registry().deregister(socket),
            #[cfg(feature = "simulation")]
            (Self::Virtual(_), Socket::Virtual(end)) => {
                end.unwatch();
                Ok(())
            }
            #[cfg(feature = "simulation")]
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Watches for new connections.
    pub(super) fn listen(&self, acceptor: &mut Acceptor, token: Token) -> io::Result<()> {
        match (self, acceptor) {
            (Self::System(poll), Acceptor::Tcp(listener)) => {
                poll.registry().register(listener, mio::Token(token.0), Interest::READABLE)
            }
            #[cfg(feature = "simulation")]
            (Self::Virtual(board), Acceptor::Virtual(backlog)) => {
                backlog.watch(board, token);
                Ok(())
            }
            #[cfg(feature = "simulation")]
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

#[inline]
fn reported(event: &mio::event::Event) -> Ready {
    Ready {
        token: Token(event.token().0),
        readable: event.is_readable(),
        writable: event.is_writable(),
        read_closed: event.is_read_closed(),
        error: event.is_error(),
    }
}

/// Ends another thread's wait.
#[derive(Debug)]
pub(crate) enum Waker {
    System(mio::Waker),
    /// No thread waits.
    #[cfg(feature = "simulation")]
    Virtual,
}

impl Waker {
    pub(super) fn wake(&self) -> io::Result<()> {
        match self {
            Self::System(waker) => waker.wake(),
            #[cfg(feature = "simulation")]
            Self::Virtual => Ok(()),
        }
    }
}
