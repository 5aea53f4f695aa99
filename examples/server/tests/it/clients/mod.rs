//! The socket protocol, as existing clients depend on it.
//!
//! * `apps`: the same key in several apps;
//! * `login`: acceptance and refusal, the reply, and other frames around it;
//! * `sending`: upstream messages, and their answers;
//! * `delivering`: downstream messages: acks, resends, missed messages;
//! * `room`: the demo's group;
//! * `typing`: marks between clients of the comet dialect;
//! * `pressure`: a small version of the clients' load tool, without any failure.

mod apps;
mod delivering;
mod devices;
mod login;
mod pressure;
mod room;
mod sending;
mod typing;
