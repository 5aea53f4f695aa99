//! One connection of a session: what was read of it, what is due on it, and how it ends.
//!
//! Not here: when to connect, and the meaning of frames.

use std::time::Duration;

use super::event::{Closed, Link};
use crate::{DecodeError, Decoder, Frame, Layout, frames_of};

/// Longest transmit of several frames, so that acks and pongs come in between.
const MAX_TRANSMIT: usize = 16_384;

/// Lanes of deliveries.
pub(super) const LANES: usize = 3;

/// Bytes of a lane that are kept before the welcome, beside an unfinished packet.
const EARLY: usize = 1 << 16;

/// Ending of a connection by this side.
#[derive(Debug)]
pub(super) enum Ending {
    Return { after: Duration },
    Over(Closed),
}

/// The latest connection, or its attempt.
#[derive(Debug)]
pub(super) struct Connection {
    link: Link,
    decoder: Decoder,
    /// Those of lanes that have streams of their own.
    lanes: Option<Box<[Decoder; LANES]>>,
    max_body: usize,
    auth_due: bool,
    ping_due: bool,
    /// Pending answer to the last ping.
    pong: Option<[u8; 8]>,
    /// Ends the connection once all output has been transmitted.
    ending: Option<Ending>,
    /// Longest transmit of several frames.
    max_transmit: usize,
}

impl Connection {
    /// None yet: links are numbered from 1.
    pub(super) fn none() -> Self {
        Self::of(Link(0))
    }

    /// An attempt of this number.
    pub(super) fn of(link: Link) -> Self {
        Self {
            link,
            decoder: Decoder::new(Layout::Dtalk, 0),
            lanes: None,
            max_body: 0,
            auth_due: false,
            ping_due: false,
            pong: None,
            ending: None,
            max_transmit: MAX_TRANSMIT,
        }
    }

    /// Begins another attempt, of this number.
    pub(super) const fn begin(&mut self, link: Link) {
        self.link = link;
    }

    pub(super) const fn link(&self) -> Link {
        self.link
    }

    /// The attempt succeeded: the auth frame is due.
    pub(super) fn open(&mut self, max_body: usize) {
        self.decoder = Decoder::new(Layout::Dtalk, max_body);
        self.max_body = max_body;
        self.auth_due = true;
    }

    /// Drops all but the link; half a packet goes with its decoder.
    pub(super) fn close(&mut self) {
        (self.auth_due, self.ping_due, self.pong, self.ending) = (false, false, None, None);
        self.decoder = Decoder::new(Layout::Dtalk, 0);
        self.lanes = None;
    }

    /// Takes bytes that were read.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.decoder.push(bytes);
    }

    /// The next whole frame of those bytes.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>, DecodeError> {
        self.decoder.next_frame()
    }

    /// Takes bytes that were read of a lane.
    pub(super) fn push_lane(&mut self, lane: usize, bytes: &[u8]) {
        let decoder = || Decoder::new(Layout::Dtalk, self.max_body);
        let lanes = self.lanes.get_or_insert_with(|| Box::new([decoder(), decoder(), decoder()]));
        if let Some(decoder) = lanes.get_mut(lane) {
            decoder.push(bytes);
        }
    }

    /// The next whole frame of a lane.
    pub(super) fn next_of_lane(&mut self, lane: usize) -> Result<Option<Frame>, DecodeError> {
        let decoder = self.lanes.as_mut().and_then(|lanes| lanes.get_mut(lane));
        decoder.map_or(Ok(None), Decoder::next_frame)
    }

    /// Whether a lane has brought more than is kept before the welcome.
    pub(super) fn is_lane_full(&self, lane: usize) -> bool {
        let decoder = self.lanes.as_ref().and_then(|lanes| lanes.get(lane));
        let most = self.max_body.saturating_add(EARLY);
        decoder.is_some_and(|decoder| decoder.buffered() > most)
    }

    /// The next whole packet that a datagram consists of.
    pub(super) fn read_datagram(&self, bytes: &[u8]) -> Option<Frame> {
        let frames = frames_of(Layout::Dtalk, bytes, self.max_body).ok()?;
        let [frame] = <[Frame; 1]>::try_from(frames).ok()?;
        Some(frame)
    }

    /// Limits transmits to what the server reads: on a message transport, the longest packet is the
    /// longest message.
    pub(super) fn limit_transmit(&mut self, max_body: u32) {
        let longest = usize::try_from(max_body).unwrap_or(MAX_TRANSMIT);
        self.max_transmit = longest.saturating_add(Layout::Dtalk.head_len()).min(MAX_TRANSMIT);
    }

    pub(super) const fn max_transmit(&self) -> usize {
        self.max_transmit
    }

    pub(super) const fn request_ping(&mut self) {
        self.ping_due = true;
    }

    /// An answer to a ping is due; an earlier one is not needed any more.
    pub(super) const fn request_pong(&mut self, stamp: [u8; 8]) {
        self.pong = Some(stamp);
    }

    /// Whether an auth frame was due; now it is not.
    pub(super) const fn take_auth(&mut self) -> bool {
        std::mem::replace(&mut self.auth_due, false)
    }

    /// Whether a ping was due; now it is not.
    pub(super) const fn take_ping(&mut self) -> bool {
        std::mem::replace(&mut self.ping_due, false)
    }

    /// The stamp of the pong that was due.
    pub(super) const fn take_pong(&mut self) -> Option<[u8; 8]> {
        self.pong.take()
    }

    /// Ends the session once all output has been transmitted, whatever was to happen before.
    pub(super) fn end_session(&mut self, closed: Closed) {
        self.ending = Some(Ending::Over(closed));
    }

    /// Ends the connection once all output has been transmitted, unless it is ending already.
    pub(super) fn return_later(&mut self, after: Duration) {
        self.ending.get_or_insert(Ending::Return { after });
    }

    pub(super) const fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    pub(super) const fn take_ending(&mut self) -> Option<Ending> {
        self.ending.take()
    }
}
