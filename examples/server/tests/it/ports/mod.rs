//! The HTTP ports against clients that take their time or come in crowds.
//!
//! * `slow`: whoever does not get on is cut;
//! * `crowd`: full ports, and shares of addresses;
//! * `descriptors`: what is left when the system has no more.

mod crowd;
mod descriptors;
mod slow;
