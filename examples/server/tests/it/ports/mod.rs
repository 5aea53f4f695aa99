//! The HTTP ports with slow clients and crowds.
//!
//! * `slow`: slow connections are closed;
//! * `crowd`: full ports, and limits per address;
//! * `descriptors`: the shares when descriptors are exhausted.

mod crowd;
mod descriptors;
mod slow;
