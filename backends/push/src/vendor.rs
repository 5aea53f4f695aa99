//! Vendor of pushes, and what becomes of a push there.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use crate::push::Push;

/// Sending of pushes, under way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Service that brings pushes to devices. Called by several tasks at once.
pub trait PushVendor: fmt::Debug + Send + Sync {
    /// Short name, for the log and metrics.
    fn name(&self) -> &'static str;

    /// Maximum number of pushes in one request. Default 1.
    fn at_once(&self) -> usize {
        1
    }

    /// Sends pushes, at least one and at most [`PushVendor::at_once`], in one request. It ends
    /// within a minute.
    fn send<'a>(&'a self, pushes: &'a [Push]) -> Sending<'a>;
}

/// Outcome of a request to a vendor.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// The vendor has taken it.
    Sent,
    /// The token of the push is not valid any more, and is forgotten. Of vendors that take one push
    /// in a request.
    InvalidToken,
    /// The vendor will never take it. The reason is for the log: it has no token and no secret.
    Refused(String),
    /// It may be taken later.
    Later {
        /// Time that the vendor wants to be left alone.
        after: Option<Duration>,
        /// Reason for the log, likewise.
        reason: String,
    },
}

impl Outcome {
    /// A failure that may pass.
    pub(crate) fn later(reason: impl Into<String>) -> Self {
        Self::Later { after: None, reason: reason.into() }
    }
}
