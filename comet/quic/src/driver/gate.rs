//! Handshakes: which may begin, and how many at once.

use std::collections::VecDeque;

use quinn_proto::Incoming;

use crate::config::Config;

/// Handshakes that a thread begins between two looks at its connections.
pub(super) const BEGIN_AT_ONCE: usize = 16;

/// First datagrams of clients, and the handshakes under way.
#[derive(Default)]
pub(super) struct Gate {
    waiting: VecDeque<Incoming>,
    under_way: usize,
}

/// What is done about a first datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Begin,
    Retry,
    Drop,
    Refuse,
}

impl Gate {
    /// What is done about a client whose address is proved or not, while the gateway takes
    /// connections or not.
    pub(super) fn judge(&self, config: &Config, is_proved: bool, is_open: bool) -> Verdict {
        let handshakes = self.waiting.len() + self.under_way;
        match () {
            () if !is_open => Verdict::Refuse,
            () if handshakes >= config.handshakes => Verdict::Drop,
            () if !is_proved && config.retry.applies(handshakes) => Verdict::Retry,
            () => Verdict::Begin,
        }
    }

    pub(super) fn wait(&mut self, incoming: Incoming) {
        self.waiting.push_back(incoming);
    }

    pub(super) fn next(&mut self) -> Option<Incoming> {
        self.waiting.pop_front()
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) const fn begun(&mut self) {
        self.under_way += 1;
    }

    pub(super) const fn ended(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Retry;

    #[test]
    fn handshakes_are_bounded_and_unproved_addresses_are_asked_under_load() {
        let config = Config { handshakes: 4, retry: Retry::Above(1), ..Config::default() };
        let mut gate = Gate::default();
        let verdicts = |gate: &Gate| [true, false].map(|it| gate.judge(&config, it, true));
        assert_eq!(verdicts(&gate), [Verdict::Begin; 2]);
        gate.begun();
        gate.begun();
        assert_eq!(verdicts(&gate), [Verdict::Begin, Verdict::Retry]);
        gate.begun();
        gate.begun();
        assert_eq!(verdicts(&gate), [Verdict::Drop; 2]);
        assert_eq!(gate.judge(&config, true, false), Verdict::Refuse);
        gate.ended();
        gate.ended();
        gate.ended();
        assert_eq!(verdicts(&gate), [Verdict::Begin; 2]);
    }
}
