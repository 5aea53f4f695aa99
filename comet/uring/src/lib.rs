//! Batched writes to or reads from many sockets with one system call, through `io_uring`.
//!
//! A [`Ring`] takes a list of sockets with bytes or a buffer for each, and returns when each of
//! them has completed its write or read. Nothing is in flight between calls, so the bytes are only
//! borrowed, and a socket may be closed at any time.
//!
//! This is the only crate of the workspace with unsafe code: the kernel is given pointers. All of
//! it is in `ring`, and its soundness rests on one rule: no call returns, in any way, while the
//! kernel holds a pointer it was given.
//!
//! Not here: readiness, and the choice of what to write.

#[cfg(target_os = "linux")]
mod ring;
#[cfg(not(target_os = "linux"))]
mod without;

#[cfg(target_os = "linux")]
pub use ring::Ring;
#[cfg(not(target_os = "linux"))]
pub use without::Ring;
