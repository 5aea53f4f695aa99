//! A thread for work that nobody waits for.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// Niceness of the thread: it gets the processor time that others leave, and a tenth of a busy
/// processor's.
const NICENESS: i32 = 10;

/// A runtime with one thread of low priority.
#[derive(Debug)]
pub(crate) struct Background(Runtime);

impl Background {
    pub(crate) fn new() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("background").on_thread_start(give_way);
        builder.enable_all().build().map(Self)
    }

    /// Runs a future there, and what it spawns.
    ///
    /// # Errors
    ///
    /// It panicked.
    pub(crate) async fn run<F>(&self, work: F) -> io::Result<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.0.spawn(work).await.map_err(io::Error::from)
    }

    /// Ends the thread, without waiting for it.
    pub(crate) fn end(self) {
        self.0.shutdown_background();
    }
}

/// Lowers the priority of this thread. On Linux, which threads of a process have priorities of
/// their own; elsewhere that of the whole process would be lowered.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "the priority of a thread cannot be lowered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_runs_at_a_low_priority_and_others_do_not() {
        let background = Background::new().unwrap();
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        let there = background.run(async move { niceness() }).await.unwrap();
        background.end();
        assert_eq!(niceness(), before);
        let expected = if cfg!(target_os = "linux") { before + NICENESS } else { before };
        assert_eq!(there, expected.min(19));
    }
}
