//! What other threads have for a thread of the listener: sessions with something to do, and
//! datagrams that reached the wrong socket.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use quinn_proto::EcnCodepoint;

/// Datagrams that may wait for a thread: at 1,500 bytes each, 1.5 MB.
const DATAGRAMS: usize = 1_024;

/// A datagram as it was received.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) remote: SocketAddr,
    pub(crate) local: Option<IpAddr>,
    pub(crate) ecn: Option<EcnCodepoint>,
    pub(crate) bytes: BytesMut,
}

/// The letters to one thread.
#[derive(Debug)]
pub(crate) struct Inbox {
    letters: Mutex<Letters>,
    waker: mio::Waker,
}

/// What waits for a thread.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    /// Connections whose session has something to do, each once: see [`Link`](crate::link::Link).
    pub(crate) touched: Vec<usize>,
    pub(crate) datagrams: Vec<Datagram>,
    /// The listener is being stopped.
    pub(crate) is_stopped: bool,
}

impl Letters {
    const fn is_empty(&self) -> bool {
        self.touched.is_empty() && self.datagrams.is_empty()
    }
}

impl Inbox {
    pub(crate) fn new(waker: mio::Waker) -> Self {
        Self { letters: Mutex::default(), waker }
    }

    /// A connection's session has something to do.
    pub(crate) fn touch(&self, connection: usize) {
        self.add(|letters| letters.touched.push(connection));
    }

    /// Hands a datagram over; `false` if too many wait.
    pub(crate) fn forward(&self, datagram: Datagram) -> bool {
        let mut has_room = false;
        self.add(|letters| {
            has_room = letters.datagrams.len() < DATAGRAMS;
            if has_room {
                letters.datagrams.push(datagram);
            }
        });
        has_room
    }

    /// Asks the thread to close its connections and end.
    pub(crate) fn stop(&self) {
        self.lock().is_stopped = true;
        self.wake();
    }

    /// Moves everything into these letters, which are empty.
    pub(crate) fn take(&self, into: &mut Letters) {
        let mut letters = self.lock();
        into.is_stopped = letters.is_stopped;
        std::mem::swap(&mut letters.touched, &mut into.touched);
        std::mem::swap(&mut letters.datagrams, &mut into.datagrams);
    }

    fn add(&self, change: impl FnOnce(&mut Letters)) {
        let mut letters = self.lock();
        let was_empty = letters.is_empty();
        change(&mut letters);
        drop(letters);
        // The first one wakes the thread, which takes all.
        if was_empty {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::warn!(%error, "cannot wake a thread of a QUIC listener");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
