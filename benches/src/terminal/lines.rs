//! Progress without a terminal: a few plain lines.

use std::fmt;
use std::io::Write;
use std::time::Duration;

use comet_protocol::client::Time;

use super::{LiveFigures, Phase};

/// A line when a phase begins, and one now and then.
pub(super) struct Lines {
    out: Box<dyn Write + Send>,
    next: Time,
}

/// Interval between lines.
const EVERY: Duration = Duration::from_secs(5);

impl Lines {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out, next: Time::default() }
    }

    pub(super) fn begin(&mut self, now: Time, phase: &Phase) {
        self.next = now + EVERY;
        match phase.lasting {
            Some(lasting) => self.print(&format!("{}: {:.1} s", phase.name, lasting.as_secs_f64())),
            None => self.print(&phase.name),
        }
    }

    pub(super) fn update(&mut self, now: Time, phase: &Phase, live: &LiveFigures) {
        if now < self.next {
            return;
        }
        // Lines missed in a long silence are not made up for.
        self.next = now + EVERY;
        let elapsed = now.since(phase.began).as_secs_f64();
        self.print(&format!("{} {elapsed:.0} s: {live}", phase.name));
    }

    pub(super) fn print(&mut self, line: &str) {
        // Without a reader the run still goes on for its result.
        let _ = writeln!(self.out, "{line}");
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("next", &self.next).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, SyncSender};

    use super::*;

    struct Pipe(SyncSender<Vec<u8>>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.try_send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines() -> (Lines, Receiver<Vec<u8>>) {
        let (sender, receiver) = mpsc::sync_channel(100);
        (Lines::new(Box::new(Pipe(sender))), receiver)
    }

    fn said(receiver: &Receiver<Vec<u8>>) -> String {
        String::from_utf8(receiver.try_iter().flatten().collect()).unwrap()
    }

    #[test]
    fn a_line_comes_when_a_phase_begins_and_then_every_five_seconds() {
        let (mut lines, out) = lines();
        let at = |seconds: u64| Time::from_micros(1_000_000 * seconds);
        let lasting = Some(Duration::from_millis(12_500));
        let phase = Phase { name: "measure".into(), began: at(10), lasting };
        lines.begin(at(10), &phase);
        assert_eq!(said(&out), "measure: 12.5 s\n");
        let live = LiveFigures { sessions: 3, wanted: 3, ..LiveFigures::default() };
        (10..=14).for_each(|second| lines.update(at(second), &phase, &live));
        assert_eq!(said(&out), "");
        lines.update(at(15), &phase, &live);
        assert_eq!(said(&out), "measure 5 s: 3 sessions\n");
        lines.update(at(19), &phase, &live);
        lines.update(at(33), &phase, &live);
        lines.update(at(37), &phase, &live);
        assert_eq!(said(&out), "measure 23 s: 3 sessions\n");
        lines.begin(at(40), &Phase { name: "settle".into(), began: at(40), lasting: None });
        assert_eq!(said(&out), "settle\n");
    }
}
