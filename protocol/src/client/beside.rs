//! Input of a session beside its stream: lanes on streams of their own, and datagrams.
//!
//! Not here: the meaning of frames.

use std::time::Duration;

use super::Time;
use super::event::Link;
use super::frames::{read_lane, read_unnumbered};
use super::session::{ClientSession, State};
use crate::Frame;
use crate::comet::ServerFrame;

impl ClientSession {
    /// Handles bytes from the stream of a lane, split anywhere, without its first byte, which is
    /// the lane. Before the welcome they are kept, as far as a packet and 64 KiB reach.
    pub fn handle_lane(&mut self, now: Time, link: Link, lane: u8, bytes: &[u8]) {
        self.now = now;
        let lane = usize::from(lane);
        if let Some(successor) = self.successor_of(link) {
            successor.connection.push_lane(lane, bytes);
            if successor.connection.is_lane_full(lane) {
                self.drop_successor();
            }
        } else if self.is_connected(link) {
            self.heartbeat.handle_read(now);
            self.connection.push_lane(lane, bytes);
            if matches!(self.state, State::Open) {
                read_lane(self, now, link, lane);
            } else if self.connection.is_lane_full(lane) {
                self.give_up(Duration::ZERO);
            }
        }
    }

    /// Handles a datagram from the connection. One that cannot be understood is ignored.
    pub fn handle_datagram(&mut self, now: Time, link: Link, bytes: &[u8]) {
        self.now = now;
        if !self.is_connected(link) || !matches!(self.state, State::Open) {
            return;
        }
        self.heartbeat.handle_read(now);
        if let Some(Frame { head, body }) = self.connection.read_datagram(bytes)
            && let Ok(frame) = ServerFrame::decode(head, body)
        {
            read_unnumbered(self, now, frame);
        }
    }
}
