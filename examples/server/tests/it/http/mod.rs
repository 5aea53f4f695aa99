//! The HTTP API, as existing clients depend on it.
//!
//! * `access`: the access log;
//! * `open`: paths without a token, and properties of every response;
//! * `cors`: cross-origin access to responses;
//! * `unknown`: unknown paths and methods;
//! * `unread`: requests refused before the body was read;
//! * `login`: the user of a token, and the rule for phones that reconnect;
//! * `sync`: pulling missed messages, and history;
//! * `push`: sending without a socket;
//! * `bounds`: limits on the size of a response, and on the rate of messages;
//! * `local`: the demo and its page, for this machine only, and the pages that may open sessions;
//! * `acts`: revoking and marking;
//! * `sse`: sessions over server-sent events and POST;
//! * `sub`: the WebSocket on the port of the API;
//! * `page`: the web chat page, and the demo, which exists on loopback only.

mod access;
mod acts;
mod bounds;
mod cors;
mod local;
mod login;
mod open;
mod page;
mod push;
mod sse;
mod sub;
mod sync;
mod unknown;
mod unread;
