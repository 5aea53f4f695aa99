//! Parts of a gateway, exposed to measure the cost of an operation.
//!
//! Each is the type that the gateway itself uses, behind the thinnest wrapper that Rust's
//! visibility rules allow. Not for embedding: nothing here is stable.

mod mailbox;
mod wheel;
mod window;

pub use mailbox::Mailbox;
pub use wheel::Wheel;
pub use window::Window;

/// Sizes of the parts of a session in bytes, without the memory they point to.
#[must_use]
pub fn sizes() -> Vec<(&'static str, usize)> {
    vec![
        ("slot: session, rooms, user", crate::bucket::slot_size()),
        ("connection", crate::shard::connection_size()),
        ("timer", crate::wheel::node_size()),
        ("member of a room", size_of::<crate::bucket::Place>()),
    ]
}
