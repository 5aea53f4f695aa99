//! What the existing clients rely on, over HTTP.
//!
//! * `access`: what is logged of a request;
//! * `open`: what needs no token, and what holds for every answer;
//! * `cors`: what pages of other origins may read;
//! * `unknown`: paths and methods that there are not;
//! * `unread`: refused before the body was read;
//! * `login`: who a token is, and the rule for phones that reconnect;
//! * `sync`: pulling what was missed, and history;
//! * `push`: sending without a socket;
//! * `bounds`: how much an answer may hold, and how often one may ask;
//! * `local`: the demo and its page, for this machine alone, and which pages open sessions;
//! * `acts`: taking back and marking;
//! * `sub`: the WebSocket on the port of the API;
//! * `page`: the web chat page, and the demo that is there only on loopback.

mod access;
mod acts;
mod bounds;
mod cors;
mod local;
mod login;
mod open;
mod page;
mod push;
mod sub;
mod sync;
mod unknown;
mod unread;
