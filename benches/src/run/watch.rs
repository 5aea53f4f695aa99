//! Waiting, with samples of the server and the threads meanwhile.

use std::time::Duration;

use super::{RunError, Threads};
use crate::clock;
use crate::driver::Time;
use crate::host::Interrupt;
use crate::server::Usage;
use crate::terminal::{LiveFigures, Progress};
use crate::timeline::{Sample, Window};

/// Phases of a run, and samples taken meanwhile.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// The phases.
    pub windows: Vec<Window>,
    /// The samples.
    pub samples: Vec<Sample>,
    /// Whether the user ended the run before its time.
    pub is_interrupted: bool,
}

/// Result of a wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WaitResult {
    /// The condition holds.
    Done,
    /// The deadline has passed.
    TimedOut,
    /// The user has interrupted the run.
    Interrupted,
}

/// The last look, from which the next counts on.
#[derive(Clone, Copy, Debug, Default)]
struct LastSample {
    at: Time,
    arrived: u64,
    server: Option<Duration>,
    own: Duration,
}

/// Waits and samples of a run.
#[derive(Debug)]
pub struct Watch {
    began: Time,
    interval: Duration,
    usage: Option<Usage>,
    interrupt: Interrupt,
    progress: Progress,
    last: LastSample,
    phase: Option<(&'static str, Time)>,
    windows: Vec<Window>,
    samples: Vec<Sample>,
    /// The server's peak memory at a look, since it was last taken.
    peak: Option<u64>,
}

/// Effect of an interrupt on a wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum OnInterrupt {
    /// The wait ends.
    Return,
    /// The wait is cut short.
    Hurry,
    /// Nothing.
    Ignore,
}

/// Whether all sent messages have arrived.
#[derive(Clone, Copy, Debug)]
struct Settled {
    /// Time after which threads must have counted.
    since: Time,
    /// All threads have stopped sending.
    is_silent: bool,
}

impl Settled {
    /// Asks twice whether nothing is outstanding: at the first yes everything is sent, but some
    /// threads may have counted before that.
    fn confirm(&mut self, now: Time, is_settled: impl Fn(Time) -> bool) -> bool {
        if !is_settled(self.since) {
            return false;
        }
        self.since = now;
        std::mem::replace(&mut self.is_silent, true)
    }
}

/// Interval at which a condition is checked.
const CONDITION: Duration = Duration::from_millis(2);
/// Limit of kept samples: of a run that takes days, the first.
const SAMPLES: usize = 100_000;

impl Watch {
    /// A watch that begins now.
    #[must_use]
    pub fn new(
        usage: Option<Usage>,
        interval: Duration,
        interrupt: Interrupt,
        progress: Progress,
    ) -> Self {
        let began = clock::now();
        let last = LastSample { at: began, own: clock::process_cpu(), ..LastSample::default() };
        Self {
            began,
            interval,
            usage,
            interrupt,
            progress,
            last,
            phase: None,
            windows: Vec::new(),
            samples: Vec::new(),
            peak: None,
        }
    }

    /// Samples another server's process from now on.
    pub fn observe(&mut self, usage: Option<Usage>) {
        self.usage = usage;
        self.last.server = self.server_cpu();
        self.peak = None;
    }

    /// Begins another phase of the run.
    pub fn phase(&mut self, name: &'static str, lasting: Option<Duration>) {
        let now = clock::now();
        self.progress.phase(name, lasting);
        self.close(now);
        self.phase = Some((name, now));
    }

    /// Prints a line that stays.
    pub fn print(&mut self, line: &str) {
        self.progress.print(line);
    }

    /// The server's CPU time so far.
    #[must_use]
    pub fn server_cpu(&self) -> Option<Duration> {
        self.usage?.cpu().ok()
    }

    /// The server's PSS; costs it more than a sample.
    #[must_use]
    pub fn server_memory(&self) -> Option<u64> {
        self.usage?.own_share().ok()
    }

    /// The server's resident memory, as in samples.
    #[must_use]
    pub fn server_resident(&self) -> Option<u64> {
        self.usage?.resident().ok()
    }

    /// Takes the server's peak memory since this was taken last, now included.
    pub fn take_peak(&mut self) -> Option<u64> {
        self.peak.take().max(self.server_resident())
    }

    /// Whether the server was known and is gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.usage.is_some_and(|usage| usage.cpu().is_err())
    }

    /// Whether the user has interrupted the run.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.interrupt.is_pulled()
    }

    /// Waits until a moment.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`] when a thread ends meanwhile.
    pub fn pass(&mut self, threads: &Threads, until: Time) -> Result<WaitResult, RunError> {
        self.wait(threads, until, self.interval, |_| false, OnInterrupt::Return)
    }

    /// Waits for something, at the latest until a deadline.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`] when a thread ends meanwhile.
    pub fn wait_for(
        &mut self,
        threads: &Threads,
        deadline: Time,
        done: impl FnMut(&Threads) -> bool,
    ) -> Result<WaitResult, RunError> {
        self.wait(threads, deadline, CONDITION, done, OnInterrupt::Return)
    }

    /// Waits for outstanding deliveries at the end, also after an interrupt.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`] when a thread ends meanwhile.
    pub fn settle(&mut self, threads: &Threads, most: Duration) -> Result<WaitResult, RunError> {
        self.settle_unless(threads, most, OnInterrupt::Hurry)
    }

    /// The same regardless of interrupts, for sessions whose connections are broken.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`] when a thread ends meanwhile.
    pub fn settle_fully(
        &mut self,
        threads: &Threads,
        most: Duration,
    ) -> Result<WaitResult, RunError> {
        self.settle_unless(threads, most, OnInterrupt::Ignore)
    }

    fn settle_unless(
        &mut self,
        threads: &Threads,
        most: Duration,
        pulled: OnInterrupt,
    ) -> Result<WaitResult, RunError> {
        let now = clock::now();
        let mut settled = Settled { since: now, is_silent: false };
        let done =
            |threads: &Threads| settled.confirm(clock::now(), |since| threads.is_settled(since));
        self.wait(threads, now + most, CONDITION, done, pulled)
    }

    /// Waits for a condition without which there is no verdict, regardless of interrupts.
    ///
    /// # Errors
    ///
    /// [`RunError::Thread`] when a thread ends meanwhile.
    pub fn wait_regardless(
        &mut self,
        threads: &Threads,
        most: Duration,
        done: impl FnMut(&Threads) -> bool,
    ) -> Result<WaitResult, RunError> {
        self.wait(threads, clock::now() + most, CONDITION, done, OnInterrupt::Ignore)
    }

    fn wait(
        &mut self,
        threads: &Threads,
        mut deadline: Time,
        step: Duration,
        mut done: impl FnMut(&Threads) -> bool,
        pulled: OnInterrupt,
    ) -> Result<WaitResult, RunError> {
        let (mut was_interrupted, nobody) = (false, Interrupt::never());
        loop {
            let now = clock::now();
            if now.since(self.last.at) >= self.interval {
                self.look(now, threads);
            }
            if done(threads) {
                return Ok(WaitResult::Done);
            }
            if threads.is_broken() {
                return Err(RunError::Thread);
            }
            if !was_interrupted && self.is_interrupted() {
                was_interrupted = true;
                match pulled {
                    OnInterrupt::Return => return Ok(WaitResult::Interrupted),
                    OnInterrupt::Hurry => deadline = deadline.min(now + BRIEF),
                    OnInterrupt::Ignore => {}
                }
            }
            if now >= deadline {
                return Ok(WaitResult::TimedOut);
            }
            let look = self.last.at + self.interval;
            let time = step.min(deadline.since(now)).min(look.since(now)).max(SHORTEST);
            if was_interrupted {
                let _pulled = nobody.wait(time);
            } else {
                let _pulled = self.interrupt.wait(time);
            }
        }
    }

    fn look(&mut self, now: Time, threads: &Threads) {
        let status = threads.status();
        let look = LastSample {
            at: now,
            arrived: status.arrived,
            server: self.server_cpu(),
            own: clock::process_cpu(),
        };
        let took = now.since(self.last.at).as_secs_f64();
        let cores = |from: Duration, to: Duration| to.saturating_sub(from).as_secs_f64() / took;
        let recent = threads.take_recent();
        let quantile = |share| (!recent.is_empty()).then(|| recent.ms(share));
        #[expect(clippy::cast_precision_loss, reason = "deliveries of a run are below 2^53")]
        let arrived = look.arrived.saturating_sub(self.last.arrived) as f64;
        let sample = Sample {
            at: now.since(self.began).as_secs_f64(),
            sessions: Some(status.open),
            deliveries: Some(arrived / took),
            server_cpu: self.last.server.zip(look.server).map(|(from, to)| cores(from, to)),
            server_memory: self.server_resident(),
            own_cpu: Some(cores(self.last.own, look.own)),
            p50: quantile(0.5),
            p99: quantile(0.99),
        };
        self.peak = self.peak.max(sample.server_memory);
        self.progress.update(&LiveFigures {
            sessions: usize::try_from(status.open).unwrap_or(usize::MAX),
            wanted: threads.sessions(),
            deliveries: sample.deliveries.filter(|_| status.faults == 0),
            p99: sample.p99,
            server_cpu: sample.server_cpu,
            server_memory: sample.server_memory,
            own_cpu: sample.own_cpu,
            violations: status.faults,
        });
        if self.samples.len() < SAMPLES {
            self.samples.push(sample);
        }
        self.last = look;
    }

    fn close(&mut self, now: Time) {
        if let Some((name, from)) = self.phase.take() {
            let at = |time: Time| time.since(self.began).as_secs_f64();
            self.windows.push(Window::new(name, at(from), at(now)));
        }
    }

    /// Ends the last phase.
    #[must_use]
    pub fn end(mut self) -> Timeline {
        self.close(clock::now());
        self.progress.finish();
        let is_interrupted = self.is_interrupted();
        Timeline { windows: self.windows, samples: self.samples, is_interrupted }
    }
}

/// Limit of the final wait of an interrupted run.
const BRIEF: Duration = Duration::from_secs(2);
/// Shortest sleep.
const SHORTEST: Duration = Duration::from_micros(100);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::account::Roster;
    use crate::driver::{Route, Tuning};
    use crate::plan::{Kind, Layout, Options, Plan};

    #[test]
    fn what_is_sent_after_a_thread_has_counted_is_waited_for() {
        let at = Time::from_micros;
        let mut settled = Settled { since: at(0), is_silent: false };
        // One counted at 10 that nothing is missing; at 15 the other sent what it had kept, and
        // counted at 20.
        assert!(!settled.confirm(at(21), |since| since < at(10)));
        assert!(!settled.confirm(at(23), |since| since < at(10)), "only one has counted since");
        assert!(settled.confirm(at(35), |since| since < at(30)));
        assert!(!Settled { since: at(0), is_silent: false }.confirm(at(9), |_| false));
    }

    #[test]
    fn an_interrupt_while_the_last_messages_come_shortens_the_wait() {
        let mut options = Options { scenario: Some(Kind::Idle), ..Default::default() };
        options.load.sessions = Some(1);
        let plan = Plan::new(options).unwrap();
        let routes: Arc<[Route]> = Arc::new([Route::tcp("127.0.0.1:9".parse().unwrap())]);
        let layout = Layout::new(&plan, "");
        let threads =
            Threads::start(&plan, (&layout, &Roster::default()), &routes, &Tuning::default())
                .unwrap();
        let interrupt = Interrupt::never();
        let interval = Duration::from_secs(1);
        let mut watch = Watch::new(None, interval, interrupt.clone(), Progress::new(true));
        let began = clock::now();
        // Pulled once the wait has begun, and nothing comes.
        let pulls = |_: &Threads| {
            interrupt.pull();
            false
        };
        let outcome =
            watch.wait(&threads, began + 30 * BRIEF, CONDITION, pulls, OnInterrupt::Hurry).unwrap();
        assert_eq!(outcome, WaitResult::TimedOut);
        let took = clock::now().since(began);
        assert!((BRIEF..15 * BRIEF).contains(&took), "{took:?}");
        let mut looks = 0;
        let mut third = |_: &Threads| {
            looks += 1;
            looks % 3 == 0
        };
        let outcome = watch.wait_for(&threads, clock::now() + 30 * BRIEF, &mut third).unwrap();
        assert_eq!(outcome, WaitResult::Interrupted);
        assert_eq!(
            watch.wait_regardless(&threads, 30 * BRIEF, &mut third).unwrap(),
            WaitResult::Done
        );
        threads.end().unwrap();
    }
}
