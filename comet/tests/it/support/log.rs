//! What the router under test has seen, for tests to wait on.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use comet::{Closed, Connect, ConnectReply, Gap, Message, Peer, Receipt, SessionId};
use comet_testkit::clock;

/// A call of the router.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Connect { token: String, attempt: u8 },
    Connected(Peer),
    Message(Peer, Message),
    Acked(Peer, u64),
    Overdue(Peer, u64),
    Lost(Peer, Gap),
    Gap(Peer, Gap),
    Parked(Peer, Closed),
    Resumed(Peer),
    Disconnected(Peer, Closed),
}

/// A message that the test has to settle.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) peer: Peer,
    pub(crate) message: Message,
    pub(crate) receipt: Receipt,
}

/// All calls in order, and what was kept for the test.
#[derive(Debug, Default)]
pub(crate) struct Log {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    events: Vec<Event>,
    held: VecDeque<Held>,
    asked: VecDeque<(Connect, ConnectReply)>,
}

impl Log {
    pub(crate) fn record(&self, event: Event) {
        self.change(|state| state.events.push(event));
    }

    /// Keeps a message for the test to settle.
    pub(crate) fn hold(&self, peer: &Peer, message: Message, receipt: Receipt) {
        let held = Held { peer: peer.clone(), message, receipt };
        self.change(|state| state.held.push_back(held));
    }

    /// Keeps a request for the test to decide about.
    pub(crate) fn keep(&self, request: Connect, reply: ConnectReply) {
        self.change(|state| state.asked.push_back((request, reply)));
    }

    /// The next message that was kept.
    pub(crate) fn held(&self) -> Held {
        self.wait("a message to settle", |state| state.held.pop_front())
    }

    /// The next request that was kept.
    pub(crate) fn asked(&self) -> (Connect, ConnectReply) {
        self.wait("a request to decide about", |state| state.asked.pop_front())
    }

    /// The session of a user, once it is open.
    pub(crate) fn peer(&self, user: &str) -> Peer {
        self.wait("the session is open", |state| {
            state.events.iter().rev().find_map(|event| match event {
                Event::Connected(peer) if peer.user() == user => Some(peer.clone()),
                _ => None,
            })
        })
    }

    /// Why the session of a user ended, once it has.
    pub(crate) fn closed(&self, user: &str) -> Closed {
        self.wait("the session has ended", |state| {
            state.events.iter().find_map(|event| match event {
                Event::Disconnected(peer, closed) if peer.user() == user => Some(closed.clone()),
                _ => None,
            })
        })
    }

    /// Whether the session of a user has ended.
    pub(crate) fn has_ended(&self, user: &str) -> bool {
        let ends = self.so_far(|event| match event {
            Event::Disconnected(peer, _) => Some(peer.user() == user),
            _ => None,
        });
        ends.contains(&true)
    }

    /// Count and position of each gap and loss of a user so far.
    pub(crate) fn gaps(&self, user: &str) -> Vec<(u64, u64)> {
        self.so_far(|event| match event {
            Event::Lost(peer, gap) | Event::Gap(peer, gap) if peer.user() == user => {
                Some((gap.count, gap.position))
            }
            _ => None,
        })
    }

    /// Waits until so many events are of interest, and returns what is.
    pub(crate) fn collect<T>(&self, count: usize, of: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        self.wait("enough events", |state| {
            let found: Vec<T> = state.events.iter().filter_map(&of).collect();
            (found.len() >= count).then_some(found)
        })
    }

    /// What has happened so far.
    pub(crate) fn so_far<T>(&self, of: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        self.state().events.iter().filter_map(of).collect()
    }

    /// How often each session was said to be open, and to have ended.
    pub(crate) fn lives(&self) -> HashMap<SessionId, (usize, usize)> {
        let mut lives = HashMap::new();
        for event in &self.state().events {
            match event {
                Event::Connected(peer) => lives.entry(peer.session()).or_insert((0, 0)).0 += 1,
                Event::Disconnected(peer, _) => {
                    lives.entry(peer.session()).or_insert((0, 0)).1 += 1;
                }
                _ => {}
            }
        }
        lives
    }

    /// Lets go of everything that was kept: it is refused.
    pub(crate) fn forget(&self) {
        // Dropped outside of the lock, because dropping settles.
        let (held, asked) = self
            .change(|state| (std::mem::take(&mut state.held), std::mem::take(&mut state.asked)));
        drop((held, asked));
    }

    /// Also for who cleans up after a test that failed while it looked.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state());
        self.changed.notify_all();
        changed
    }

    fn wait<T>(&self, what: &str, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        let deadline = clock::deadline();
        let mut state = self.state();
        loop {
            if let Some(found) = look(&mut state) {
                return found;
            }
            let left = clock::left(deadline);
            assert!(!left.is_zero(), "never happened: {what}; so far:\n{}", brief(&state.events));
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The last events, without bodies.
fn brief(events: &[Event]) -> String {
    let line = |event: &Event| match event {
        Event::Message(peer, message) => {
            format!("  {} says {} of {} bytes", peer.user(), message.seq, message.body.len())
        }
        other => format!("  {other:?}"),
    };
    events[events.len().saturating_sub(20)..].iter().map(line).collect::<Vec<_>>().join("\n")
}
