//! Vendors.

mod log;

pub use log::Log;
