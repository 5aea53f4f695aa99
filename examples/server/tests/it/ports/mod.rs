//! The HTTP ports against clients that take their time or come in crowds.
//!
//! * `slow`: whoever does not get on is cut;
//! * `crowd`: full ports, and shares of addresses.

mod crowd;
mod slow;
