//! The HTTP ports with slow clients and many clients.
//!
//! * `slow`: slow connections are closed;
//! * `full`: full ports, and limits per address;
//! * `descriptors`: the shares when descriptors are exhausted.

mod descriptors;
mod full;
mod slow;
