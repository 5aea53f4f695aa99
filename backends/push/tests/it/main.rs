//! Pushes over real sockets: what vendors get, and what becomes of their answers.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may panic as the tests do")]

mod apns;
mod fcm;
mod pushing;
mod stub;
mod umeng;
mod webhook;
mod world;
