//! Wakers of polls.

use std::io;
use std::sync::Arc;

/// Ends another thread's wait.
#[derive(Clone, Debug)]
pub(crate) enum Waker {
    System(Arc<mio::Waker>),
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
