//! Who is this: dtalk tokens.

mod address;
mod key;
pub mod login;
mod reconnect;
pub mod registry;
pub mod token;
mod tokens;

pub use address::Address;
pub use key::{Key, KeyError};
pub use registry::Registry;
pub use token::{TokenError, verify};
pub use tokens::Tokens;
