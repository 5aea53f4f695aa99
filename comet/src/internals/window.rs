//! The acked deliveries of one session.

use std::rc::Rc;
use std::sync::Arc;

use comet_protocol::comet::{Received, Seq};

use crate::budget::{Account, Budget};
use crate::config::Config;
use crate::delivery::{Ack, Delivery, Held, WindowLimits};
use crate::session::Limits;
use crate::time::Time;
use crate::{delivery, id};

/// A window, and the delivery that is pushed to it repeatedly.
#[derive(Debug)]
pub struct Window {
    inner: delivery::Window,
    item: Rc<Held>,
    limits: WindowLimits,
    now: Time,
}

impl Window {
    /// The window of a gateway with that configuration.
    ///
    /// # Panics
    ///
    /// Never: its budget is larger than memory.
    pub fn new(config: &Config, delivery: Delivery) -> Self {
        let account = Account::new(Arc::new(Budget::new(usize::MAX / 2, id::MAX_SHARDS)), 0);
        let item =
            Held::delivery(Time::START, &account, delivery, None).expect("the budget is endless");
        let inner = delivery::Window::new(&account, 7, true).expect("the budget is endless");
        Self { inner, item, limits: Limits::new(config).window, now: Time::START }
    }

    /// Pushes one more delivery, and returns its number; `None` if it would have to wait.
    pub fn push(&mut self) -> Option<u32> {
        let item = std::slice::from_ref(&self.item);
        let pushed = self.inner.push(self.now, item, &self.limits);
        (pushed.count > 0).then(|| pushed.first.get())
    }

    /// Acknowledges one delivery. Returns whether the ack was new.
    pub fn ack(&mut self, seq: u32) -> bool {
        matches!(self.inner.ack(self.now, Seq::new(seq)), Ack::Fresh(_))
    }

    /// Acknowledges a set of deliveries. Returns the number of newly acknowledged ones; `None` if
    /// the ranges are malformed, or claim a number that was not sent.
    pub fn receive(&mut self, up_to: u32, ranges: &[u8]) -> Option<usize> {
        let received = Received::parse(Seq::new(up_to), ranges).ok()?;
        self.inner.receive(self.now, received, |_| {})
    }
}
