//! One test for each fault that cost the users of gateways before this one their messages, their
//! connection or their server's memory. Each says what was done there, and fails if it is done
//! here.
//!
//! Not here: what a gateway does not keep, messages of record above all; that belongs to the store.

mod delivery;
mod session;
mod wire;
