//! End of a gateway, as a future.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// Running shards, and tasks that wait for the last to end.
#[derive(Debug, Default)]
pub(crate) struct Ending(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    running: usize,
    waiting: Vec<Waker>,
}

impl Ending {
    /// Counts a shard as running until the token is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Running {
        self.with(|state| state.running += 1);
        Running(Arc::clone(self))
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Token of a running shard.
#[derive(Debug)]
pub(crate) struct Running(Arc<Ending>);

impl Drop for Running {
    fn drop(&mut self) {
        let waiting = self.0.with(|state| {
            state.running -= 1;
            if state.running == 0 { std::mem::take(&mut state.waiting) } else { Vec::new() }
        });
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// Resolves when no shard is running.
pub(super) struct Ended(pub(super) Arc<Ending>);

impl Future for Ended {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.with(|state| {
            if state.running == 0 {
                return Poll::Ready(());
            }
            if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_when_the_last_shard_has_ended_and_wakes_whoever_waits() {
        struct Count(std::sync::atomic::AtomicUsize);
        impl std::task::Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let count = Arc::new(Count(0.into()));
        let waker = Waker::from(Arc::clone(&count));
        let mut cx = Context::from_waker(&waker);
        let ending = Arc::new(Ending::default());
        let (one, two) = (ending.begin(), ending.begin());
        let mut ended = Ended(Arc::clone(&ending));
        assert!(Pin::new(&mut ended).poll(&mut cx).is_pending());
        drop(one);
        assert!(Pin::new(&mut ended).poll(&mut cx).is_pending());
        assert_eq!(count.0.load(std::sync::atomic::Ordering::Relaxed), 0);
        drop(two);
        assert_eq!(count.0.load(std::sync::atomic::Ordering::Relaxed), 1, "woken once");
        assert!(Pin::new(&mut ended).poll(&mut cx).is_ready());
    }
}
