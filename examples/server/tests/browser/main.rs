//! The web chat page, driven in a real Chromium against the bundled server.
//!
//! People sign in, talk, lose their browser or their server in the middle of it, and must find
//! every message once, in order and with the right mark. Chromium and its driver have to be
//! installed; without them these tests fail and say which packages are missing.
//!
//! Not here: what the server does for other clients; that needs no browser.

mod chat;
mod chromium;
mod devices;
mod folder;
mod line;
mod modules;
mod outage;
mod page;
mod process;
mod resume;
mod server;
mod wait;
