//! Interrupts by the user.
//!
//! The first ends the phase, and the run comes to a report. The second ends the program and its
//! child processes.

use std::process;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::children;

/// Says whether the run shall end.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<(Mutex<bool>, Condvar)>);

/// Exit code that a shell expects of an interrupted program.
const INTERRUPTED: i32 = 130;

impl Interrupt {
    /// An interrupt that never happens.
    #[must_use]
    pub fn never() -> Self {
        Self::default()
    }

    /// One that SIGINT and SIGTERM pull. Without the means to hear them it is never pulled, and
    /// they do what they always do.
    #[must_use]
    pub fn by_signals() -> Self {
        let this = Self::default();
        if let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) {
            let pulled = this.clone();
            thread::spawn(move || {
                for _ in &mut signals {
                    if pulled.pull() {
                        children::end_all();
                        process::exit(INTERRUPTED);
                    }
                }
            });
        }
        this
    }

    /// Pulls it; returns whether it was before.
    pub fn pull(&self) -> bool {
        let (pulled, changed) = &*self.0;
        let before =
            std::mem::replace(&mut *pulled.lock().unwrap_or_else(PoisonError::into_inner), true);
        changed.notify_all();
        before
    }

    /// Lets time pass; returns at once when it is pulled, and whether it is.
    #[must_use]
    pub fn wait(&self, time: Duration) -> bool {
        let (pulled, changed) = &*self.0;
        let guard = pulled.lock().unwrap_or_else(PoisonError::into_inner);
        let (guard, _) = changed
            .wait_timeout_while(guard, time, |pulled| !*pulled)
            .unwrap_or_else(PoisonError::into_inner);
        *guard
    }

    /// Whether it is pulled.
    #[must_use]
    pub fn is_pulled(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_woken_and_the_second_pull_is_known() {
        let interrupt = Interrupt::never();
        assert!(!interrupt.wait(Duration::ZERO) && !interrupt.is_pulled());
        let other = interrupt.clone();
        let waiting = thread::spawn(move || other.wait(Duration::from_secs(60)));
        assert_eq!([interrupt.pull(), interrupt.pull()], [false, true]);
        assert!(waiting.join().unwrap() && interrupt.is_pulled());
    }
}
