//! Who is this: dtalk tokens.

mod address;
mod key;
pub mod token;

pub use address::Address;
pub use key::{Key, KeyError};
pub use token::{TokenError, verify};
