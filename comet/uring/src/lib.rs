//! Writes to many sockets, or reads from many, with one system call, by `io_uring`.
//!
//! A [`Ring`] takes a list of sockets with bytes or a buffer for each, and comes back when all of
//! them have taken or given what they can. Nothing is under way between calls, so the bytes are
//! only borrowed, and a socket may be closed at any time.
//!
//! This is the one crate of the workspace with unsafe code: what the kernel is told are pointers.
//! It is all in `ring`, and its soundness rests on that one rule: no call returns, in whatever way,
//! while the kernel holds a pointer it was given.
//!
//! Not here: readiness, and what is to be written to whom.

#[cfg(target_os = "linux")]
mod ring;
#[cfg(not(target_os = "linux"))]
mod without;

#[cfg(target_os = "linux")]
pub use ring::Ring;
#[cfg(not(target_os = "linux"))]
pub use without::Ring;
