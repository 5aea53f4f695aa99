//! Lanes of a session, each a stream of the server, and its datagrams.

use bytes::Bytes;
use comet::Lane;
use quinn_proto::{Connection, Dir, StreamEvent, StreamId};

use super::prefix;
use crate::link::Link;

/// The lanes, the most urgent first: what there is room for goes to them in this order.
const ALL: [Lane; 3] = [Lane::Signal, Lane::Normal, Lane::Bulk];

/// Ways of a session beside its stream.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// Once something has left on one.
    streams: Option<Box<[Stream; 3]>>,
    /// The session of WebTransport that it is.
    web: Option<StreamId>,
}

/// The stream of a lane.
#[derive(Debug, Default)]
struct Stream {
    /// `None` before its first byte.
    id: Option<StreamId>,
    is_finished: bool,
    /// All of its bytes have reached the client, or it wants none.
    is_acknowledged: bool,
}

impl Lanes {
    pub(super) const fn new(web: Option<StreamId>) -> Self {
        Self { streams: None, web }
    }

    /// Whether a lane has a stream.
    pub(super) const fn have_begun(&self) -> bool {
        self.streams.is_some()
    }

    /// Whether no bytes of a lane are under way.
    pub(super) fn are_acknowledged(&self) -> bool {
        let mut streams = self.streams.iter().flat_map(|streams| streams.iter());
        streams.all(|stream| stream.id.is_none() || stream.is_acknowledged)
    }

    /// Whether the event is that of a lane; the client may want no more.
    pub(super) fn on_event(&mut self, event: &StreamEvent, link: &Link) {
        let (id, is_stopped) = match event {
            StreamEvent::Finished { id } => (*id, false),
            StreamEvent::Stopped { id, .. } => (*id, true),
            _ => return,
        };
        let streams = self.streams.iter_mut().flat_map(|streams| streams.iter_mut());
        for stream in streams.filter(|stream| stream.id == Some(id)) {
            stream.is_acknowledged = true;
            if is_stopped {
                link.stop();
            }
        }
    }

    /// Moves bytes into the lanes' streams.
    pub(super) fn drive(&mut self, quic: &mut Connection, link: &Link) {
        for lane in ALL {
            let is_open = self.streams.as_ref().is_some_and(|it| it[lane as usize].id.is_some());
            if is_open {
                self.send(quic, link, lane, None);
            } else if link.lane_len(lane) > 0 {
                // A client that grants no stream makes the lane wait.
                let Some(id) = quic.streams().open(Dir::Uni) else { return };
                // An error would be told by what follows.
                let _ = quic.send_stream(id).set_priority(priority(lane));
                let stream = &mut self.streams.get_or_insert_default()[lane as usize];
                stream.id = Some(id);
                let first = prefix::lane_prefix(self.web, lane as u8);
                self.send(quic, link, lane, Some(first));
            }
        }
    }

    fn send(&mut self, quic: &mut Connection, link: &Link, lane: Lane, first: Option<Bytes>) {
        let Some(streams) = &mut self.streams else { return };
        let stream = &mut streams[lane as usize];
        let Some(id) = stream.id.filter(|_| !stream.is_finished) else { return };
        let write = |chunks: &mut [Bytes]| quic.send_stream(id).write_chunks(chunks);
        if link.send_lane(lane, first, write) {
            stream.is_finished = true;
            // An error says that the client wants no more.
            stream.is_acknowledged |= quic.send_stream(id).finish().is_err();
        }
    }

    /// Sends the datagrams that wait.
    pub(super) fn send_datagrams(&self, quic: &mut Connection, link: &Link) {
        for datagram in link.take_datagrams(self.longest_datagram(quic)) {
            // One that the path takes no more is lost like others; the oldest give way to it.
            let _ = quic.datagrams().send(prefix::datagram(self.web, datagram), true);
        }
    }

    /// Longest datagram of the session; 0 if there are none.
    pub(super) fn longest_datagram(&self, quic: &mut Connection) -> usize {
        let longest = quic.datagrams().max_size().unwrap_or(0);
        longest.saturating_sub(prefix::datagram_prefix_len(self.web))
    }
}

/// Order in which streams get room in packets; that of the session is 0.
const fn priority(lane: Lane) -> i32 {
    match lane {
        Lane::Signal => 1,
        Lane::Normal => 0,
        Lane::Bulk => -1,
    }
}
