//! What the existing clients rely on, on the socket.
//!
//! * `login`: who gets a session, what the reply looks like, and what else a connection may say;
//! * `sending`: messages on their way up, and the answers to them;
//! * `delivering`: messages on their way down: acks, resends, what was missed;
//! * `room`: the demo's group;
//! * `pressure`: the clients' own load tool in small, which must count no failure.

mod delivering;
mod devices;
mod login;
mod pressure;
mod room;
mod sending;
