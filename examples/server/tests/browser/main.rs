//! The web chat page, driven in a real Chromium against the bundled server.
//!
//! Users sign in, talk, and lose their browser or their server meanwhile, and must find every
//! message once, in order and with the right mark. Chromium and its driver must be installed;
//! without them these tests fail and name the missing packages.
//!
//! Not here: the server's behaviour for other clients, which needs no browser.

mod access;
mod axe;
mod chat;
mod chromium;
mod devices;
mod devtools;
mod fallback;
mod folder;
mod groups;
mod line;
mod modules;
mod outage;
mod page;
mod process;
mod reading;
mod resume;
mod secured;
mod server;
mod wait;
