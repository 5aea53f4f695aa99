//! The machine and this process on it: cores, open files, child processes, interrupts.
//!
//! Not here: the CPU and memory that a server uses ([`server::Usage`](crate::server::Usage)).

pub mod children;
pub(crate) mod cores;
mod descriptors;
mod interrupt;
mod machine;

pub use descriptors::{DescriptorError, raise_descriptors};
pub use interrupt::Interrupt;
pub use machine::Machine;
