//! Simulated clients: the deployed desktop and Android applications, as a server sees them.
//!
//! Each is a state machine without IO, an [`App`]; a [`Device`] runs one on real sockets. They are
//! written from the specification's description of these clients (`clients.md`, whose sections the
//! numbers in parentheses name), habits and mistakes included, and take nothing from the server but
//! the keys that sign tokens: bodies are written and read by hand.
//!
//! * [`desktop`], [`android`]: the applications;
//! * [`device`]: one of them running, with a network that can be taken away;
//! * [`content`]: messages and signals, byte by byte;
//! * [`seal`]: contents that the server cannot read;
//! * [`book`]: messages, as kept on a device.

pub mod android;
pub mod book;
pub mod content;
pub mod desktop;
pub mod device;
pub mod seal;

use std::time::Instant;

use comet_testkit::frame::Frame;

use crate::http::Answer;

pub use android::Android;
use book::Book;
pub use desktop::Desktop;
pub use device::{Device, Network};

/// An application, without IO.
pub trait App: Send + 'static {
    /// Reason of a request, which comes back with its answer.
    type Purpose: Send;

    /// Takes what has happened.
    fn handle(&mut self, input: Input<Self::Purpose>, now: Instant);

    /// Does what is due by now.
    fn tick(&mut self, now: Instant);

    /// The next thing to be done for it.
    fn poll(&mut self) -> Option<Output<Self::Purpose>>;
}

/// Actions of a user of either application, and its contents.
pub trait Messenger: App {
    /// Sends a text; returns the client's id of the message.
    fn say(&mut self, to: &Chat, text: &str, now: Instant) -> String;

    /// Whether its session is open.
    fn is_open(&self) -> bool;

    /// Number of its sessions so far.
    fn sessions(&self) -> u32;

    /// Its messages.
    fn book(&self) -> &Book;

    /// Deliveries that the real client could not have handled.
    fn faults(&self) -> &[String];
}

/// Something that has happened.
#[derive(Clone, Debug)]
pub enum Input<P> {
    /// The WebSocket is open.
    Connected,
    /// The WebSocket has ended, or did not open.
    Closed,
    /// A frame.
    Frame(Frame),
    /// The answer to a request; `None` if there was none.
    Answer(P, Option<Answer>),
}

/// Something to be done.
#[derive(Clone, Debug)]
pub enum Output<P> {
    /// Open a WebSocket at `/sub/`.
    Connect,
    /// Send a frame.
    Send(Frame),
    /// Close the WebSocket.
    Disconnect,
    /// Send a request.
    Call(Call<P>),
}

/// Request to the HTTP API.
#[derive(Clone, Debug)]
pub struct Call<P> {
    /// Its reason.
    pub purpose: P,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// From the root.
    pub path: String,
    /// Headers beside those of the body.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Body,
}

/// Body of a request.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing, without a type.
    Empty,
    /// Text of JSON.
    Json(String),
    /// A form with the part `message`, whose file has this name.
    Form(&'static str, Vec<u8>),
}

/// Addressee of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Chat {
    /// A user.
    User(String),
    /// A group.
    Group(i64),
}

/// Random text with the form of a UUID.
pub fn uuid() -> String {
    let digits = format!("{:032x}", rand::random::<u128>());
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    parts.join("-")
}
