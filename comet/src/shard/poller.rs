//! Readiness of transports: the only place that knows the system's poll.
//!
//! Reports are edge-triggered: one comes when bytes, an end, an error or space arrive, and not
//! again until more does. Every transport is watched for reading and writing from the beginning.
//! Those without a descriptor report on a [board](super::board), which the same wait looks at.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::Interest;
use mio::net::TcpStream;

#[cfg(any(feature = "tokio", feature = "simulation"))]
use super::board::Board;
use super::readiness::{Ready, Token};
use super::transport::{Acceptor, Transport};
use super::waker::Waker;

/// Token of a [`Waker`]'s report.
pub(super) const WAKER: Token = Token(usize::MAX);

/// Watches the sockets of one shard.
#[derive(Debug)]
pub(crate) enum Poller {
    System(System),
    /// Events posted within this process. Never sleeps.
    #[cfg(feature = "simulation")]
    Virtual(Arc<Board>),
}

/// The system's poll.
#[derive(Debug)]
pub(crate) struct System {
    poll: mio::Poll,
    /// The only one of this poll.
    waker: Arc<mio::Waker>,
    #[cfg(feature = "tokio")]
    board: Arc<Board>,
}

/// The reports of one wait.
#[derive(Debug)]
pub(crate) struct Events {
    system: mio::Events,
    #[cfg(any(feature = "tokio", feature = "simulation"))]
    posted: Vec<Ready>,
}

impl Events {
    /// Room for so many reports of the system; more come with the next wait.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            system: mio::Events::with_capacity(capacity),
            #[cfg(any(feature = "tokio", feature = "simulation"))]
            posted: Vec::new(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Ready> + '_ {
        let ready = self.system.iter().map(reported);
        #[cfg(any(feature = "tokio", feature = "simulation"))]
        let ready = ready.chain(self.posted.iter().copied());
        ready
    }
}

impl Poller {
    /// The system's.
    pub(crate) fn new() -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let waker = Arc::new(mio::Waker::new(poll.registry(), mio::Token(WAKER.0))?);
        #[cfg(feature = "tokio")]
        let board = Arc::new(Board::new(Waker::System(Arc::clone(&waker))));
        Ok(Self::System(System {
            poll,
            waker,
            #[cfg(feature = "tokio")]
            board,
        }))
    }

    /// A way to end a wait from another thread.
    pub(crate) fn waker(&self) -> Waker {
        match self {
            Self::System(system) => Waker::System(Arc::clone(&system.waker)),
            #[cfg(feature = "simulation")]
            Self::Virtual(_) => Waker::Virtual,
        }
    }

    /// Waits until there is something to report or the time has passed, or for no reason.
    pub(super) fn wait(
        &mut self,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        #[cfg(any(feature = "tokio", feature = "simulation"))]
        events.posted.clear();
        match self {
            Self::System(system) => {
                match system.poll.poll(&mut events.system, timeout) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    result => result?,
                }
                #[cfg(feature = "tokio")]
                system.board.take(&mut events.posted);
            }
            #[cfg(feature = "simulation")]
            Self::Virtual(board) => board.take(&mut events.posted),
        }
        Ok(())
    }

    /// Whether something waits to be reported.
    #[cfg(feature = "simulation")]
    pub(super) fn has_events(&self) -> bool {
        matches!(self, Self::Virtual(board) if !board.is_empty())
    }

    /// Watches a connection.
    pub(super) fn register(&self, transport: &mut Transport, token: Token) -> io::Result<()> {
        match (self, transport) {
            (Self::System(system), Transport::Tcp(socket)) => system.register(socket, token),
            #[cfg(feature = "tls")]
            (Self::System(system), Transport::Tls(tls)) => system.register(tls.socket_mut(), token),
            #[cfg(feature = "tokio")]
            (_, Transport::Polled(polled)) => {
                polled.watch(self.board(), token);
                Ok(())
            }
            #[cfg(feature = "simulation")]
            (Self::Virtual(board), Transport::Virtual(end)) => {
                end.watch(board, token);
                Ok(())
            }
            #[cfg(feature = "simulation")]
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Watches a connection under another token, and reports what it has to report once more.
    pub(super) fn reregister(&self, transport: &mut Transport, token: Token) -> io::Result<()> {
        match (self, transport) {
            (Self::System(system), Transport::Tcp(socket)) => system.reregister(socket, token),
            #[cfg(feature = "tls")]
            (Self::System(system), Transport::Tls(tls)) => {
                system.reregister(tls.socket_mut(), token)
            }
            #[cfg(any(feature = "tokio", feature = "simulation"))]
            (_, transport) => self.register(transport, token),
        }
    }

    /// Watches a connection no more, so that another poller may.
    pub(super) fn deregister(&self, transport: &mut Transport) -> io::Result<()> {
        match (self, transport) {
            (Self::System(system), Transport::Tcp(socket)) => {
                system.poll.registry().deregister(socket)
            }
            #[cfg(feature = "tls")]
            (Self::System(system), Transport::Tls(tls)) => {
                system.poll.registry().deregister(tls.socket_mut())
            }
            #[cfg(feature = "tokio")]
            (_, Transport::Polled(polled)) => {
                polled.unwatch();
                Ok(())
            }
            #[cfg(feature = "simulation")]
            (Self::Virtual(_), Transport::Virtual(end)) => {
                end.unwatch();
                Ok(())
            }
            #[cfg(feature = "simulation")]
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    #[cfg(feature = "tokio")]
    fn board(&self) -> &Arc<Board> {
        match self {
            Self::System(system) => &system.board,
            #[cfg(feature = "simulation")]
            Self::Virtual(board) => board,
        }
    }

    /// Watches for new connections.
    pub(super) fn listen(&self, acceptor: &mut Acceptor, token: Token) -> io::Result<()> {
        match (self, acceptor) {
            (Self::System(system), Acceptor::Tcp(listener)) => {
                system.poll.registry().register(listener, mio::Token(token.0), Interest::READABLE)
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

/// Both ways from the beginning.
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

impl System {
    fn register(&self, socket: &mut TcpStream, token: Token) -> io::Result<()> {
        self.poll.registry().register(socket, mio::Token(token.0), BOTH)
    }

    fn reregister(&self, socket: &mut TcpStream, token: Token) -> io::Result<()> {
        self.poll.registry().reregister(socket, mio::Token(token.0), BOTH)
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
