//! Mailbox: commands of other threads, and of the router on this one, for a shard.
//!
//! One queue, so that the commands of one thread are carried out in its order. Commands are bounded
//! by [`memory.mailbox`](crate::MemoryConfig::mailbox) and refused beyond it. Answers to questions
//! of the shard itself are always taken: the questions bound them.
//!
//! A sleeping shard is woken once for everything that arrives until it looks.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

use crossbeam_queue::SegQueue;

use super::command::Command;
use super::waker::Waker;
use crate::CommandError;

/// The queue of one shard.
#[derive(Debug)]
pub(crate) struct Mailbox {
    queue: SegQueue<Command>,
    /// Bounded commands in the queue.
    waiting: AtomicUsize,
    /// Bytes of bounded commands, with their bodies.
    bytes: AtomicUsize,
    capacity: usize,
    capacity_bytes: usize,
    asleep: AtomicBool,
    stopped: AtomicBool,
    /// Connections that came after the shard had ended.
    missed: AtomicUsize,
    waker: Waker,
}

impl Mailbox {
    pub(crate) fn new(capacity: usize, capacity_bytes: usize, waker: Waker) -> Self {
        Self {
            queue: SegQueue::new(),
            waiting: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            capacity,
            capacity_bytes,
            asleep: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            missed: AtomicUsize::new(0),
            waker,
        }
    }

    /// Hands a command to the shard, if it has room.
    pub(crate) fn offer(&self, command: Command) -> Result<(), CommandError> {
        debug_assert!(command.is_bounded());
        if command.len() > self.capacity_bytes {
            return Err(CommandError::TooLong);
        }
        if self.stopped.load(Ordering::Relaxed) {
            return Err(CommandError::Stopped);
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.capacity {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(CommandError::Full);
        }
        let len = command.len();
        let others = self.bytes.fetch_add(len, Ordering::Relaxed);
        if others + len > self.capacity_bytes {
            self.bytes.fetch_sub(len, Ordering::Relaxed);
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(CommandError::Full);
        }
        self.push(command);
        Ok(())
    }

    /// Bytes of bounded commands that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Hands over a command that the shard waits for, however full the queue is.
    pub(crate) fn post(&self, command: Command) {
        debug_assert!(!command.is_bounded());
        self.push(command);
    }

    /// The shard takes the next command.
    pub(crate) fn take(&self) -> Option<Command> {
        let command = self.queue.pop()?;
        if command.is_bounded() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.bytes.fetch_sub(command.len(), Ordering::Relaxed);
        }
        Some(command)
    }

    /// Whether so many commands wait that the shard should look before its turn ends.
    pub(crate) fn is_half_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > self.capacity / 2
    }

    /// The shard is about to sleep; false if it must not, because something is there.
    pub(crate) fn may_sleep(&self) -> bool {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if self.queue.is_empty() {
            return true;
        }
        self.asleep.store(false, Ordering::Relaxed);
        false
    }

    /// The shard is awake.
    pub(crate) fn awake(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    /// Whether the shard has ended.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// The shard has ended: nothing is taken from now on, and what waits is dropped. A connection
    /// among it is thus closed.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.clear();
    }

    /// Connections that were dropped because the shard had ended.
    pub(crate) fn missed(&self) -> usize {
        self.missed.load(Ordering::Relaxed)
    }

    fn clear(&self) {
        while let Some(command) = self.queue.pop() {
            if let Command::Handoff(_) = command {
                self.missed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn push(&self, command: Command) {
        self.queue.push(command);
        fence(Ordering::SeqCst);
        if self.stopped.load(Ordering::Relaxed) {
            return self.clear();
        }
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed) {
            // A waker that cannot wake is out of memory; the shard's next timer looks as well.
            if let Err(error) = self.waker.wake() {
                tracing::warn!(%error, "cannot wake a shard");
            }
        }
    }
}
