//! Stand-ins for a build without the feature `deflate`, in which nothing is ever agreed.

use super::Window;
use crate::ws::{Message, WsError};

/// Inflates compressed messages: none without the feature `deflate`.
#[derive(Debug, Default)]
pub struct Inflater(());

impl Inflater {
    /// A message that is not compressed, as it is.
    ///
    /// # Errors
    ///
    /// [`WsError::InvalidDeflate`] for a compressed one.
    pub fn inflate<'a>(
        &'a mut self,
        message: Message<'a>,
        _: usize,
    ) -> Result<Message<'a>, WsError> {
        if message.compressed { Err(WsError::InvalidDeflate) } else { Ok(message) }
    }

    /// Does nothing.
    pub fn release(&mut self) {}
}

/// Compresses frames: none without the feature `deflate`.
#[derive(Debug)]
pub struct Deflater(());

impl Deflater {
    /// A deflater.
    #[must_use]
    pub const fn new(_: u8) -> Self {
        Self(())
    }

    /// `None`: the frame is better sent as it is.
    pub fn compress(&mut self, _: Window, _: &[u8], _: usize, _: &mut Vec<u8>) -> Option<usize> {
        None
    }
}
