//! The network between a client and the gateway, and its faults.
//!
//! Bytes are delayed, split, held back, and cut off at any point; they are never reordered within a
//! connection, nor corrupted.
//!
//! Not here: the times of connections, and their contents.

mod line;
mod pipe;
mod websocket;

pub(crate) use line::{Arrived, Ending, Line, Reading};
