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

/// A window, and the delivery that is pushed to it again and again.
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
        let item = Held::delivery(&account, delivery, None).expect("the budget is endless");
        let inner = delivery::Window::new(&account, 7, true).expect("the budget is endless");
        Self { inner, item, limits: Limits::new(config).window, now: Time::START }
    }

    /// The number of one more delivery; `None` if it would have to wait.
    pub fn push(&mut self) -> Option<u32> {
        let item = std::slice::from_ref(&self.item);
        let pushed = self.inner.push(self.now, item, &self.limits);
        (pushed.count > 0).then(|| pushed.first.get())
    }

    /// Whether the peer's ack of one delivery was news.
    pub fn ack(&mut self, seq: u32) -> bool {
        matches!(self.inner.ack(self.now, Seq::new(seq)), Ack::Fresh(_))
    }

    /// How many deliveries the peer's word of everything that has arrived tells of; `None` if the
    /// ranges are not well-formed, or claim what was not sent.
    pub fn receive(&mut self, up_to: u32, ranges: &[u8]) -> Option<usize> {
        let received = Received::parse(Seq::new(up_to), ranges).ok()?;
        self.inner.receive(self.now, received, |_| {})
    }
}
