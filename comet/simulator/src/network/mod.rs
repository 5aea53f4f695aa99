//! What lies between a client and the gateway, and what goes wrong there.
//!
//! Bytes take time, come in pieces, stop, and are cut off anywhere; they are never reordered within
//! a connection, nor changed.
//!
//! Not here: who connects when, and what clients say.

mod line;
mod pipe;
mod websocket;

pub(crate) use line::{Arrived, Ending, Line, Reading};
