//! Parts of a gateway taken out of it, for measuring what an operation costs.
//!
//! Each is what the gateway itself uses, behind as thin a wrapper as Rust's visibility asks for.
//! Not for embedding: nothing here is stable.

mod mailbox;
mod wheel;
mod window;

pub use mailbox::Mailbox;
pub use wheel::Wheel;
pub use window::Window;

/// What parts of a session take by themselves, in bytes; what they point to comes on top.
#[must_use]
pub fn sizes() -> Vec<(&'static str, usize)> {
    vec![
        ("slot: session, rooms, user", crate::bucket::slot_size()),
        ("connection", crate::shard::connection_size()),
        ("timer", crate::wheel::node_size()),
        ("member of a room", size_of::<crate::bucket::Place>()),
    ]
}
