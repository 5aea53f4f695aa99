//! The bundled server as its clients and its operator see it: a real process, real sockets.
//!
//! * `durability`: what was answered survives SIGKILL in the midst of traffic;
//! * `clients`: what the existing clients rely on, on the socket;
//! * `resume`: a client that comes back gets exactly what it missed;
//! * `documents`: what is written for authors of clients;
//! * `http`: the same for the HTTP API;
//! * `ports`: who is slow, or comes in crowds;
//! * `operate`: the files for operators;
//! * `process`: how it starts, refuses to start, and stops;
//! * `proxy`: all that clients rely on once more, behind nginx.
//!
//! Not here: the web chat page in a browser (`tests/browser`), the gateway by itself.

#![expect(clippy::cast_possible_truncation, reason = "numbers in tests are small")]

mod clients;
mod documents;
mod durability;
mod http;
mod operate;
mod ports;
mod process;
mod proxy;
mod resume;
mod support;
