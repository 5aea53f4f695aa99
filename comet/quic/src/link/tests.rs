//! Both ends of a pipe.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;
use crate::inbox::Letters;

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Pipe {
    link: Arc<Link>,
    stream: SessionStream,
    inbox: Arc<Inbox>,
    woken: Arc<Woken>,
}

fn pipe(capacity: usize) -> Pipe {
    let poll = mio::Poll::new().unwrap();
    let waker = mio::Waker::new(poll.registry(), mio::Token(0)).unwrap();
    let inbox = Arc::new(Inbox::new(waker));
    let (link, stream) = Link::new(7, &inbox, capacity, 100);
    Pipe { link, stream, inbox, woken: Arc::default() }
}

impl Pipe {
    fn read(&mut self, len: usize) -> Poll<Result<Vec<u8>, ErrorKind>> {
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut bytes = vec![0; len];
        let mut buffer = ReadBuf::new(&mut bytes);
        let mut cx = Context::from_waker(&waker);
        let polled = Pin::new(&mut self.stream).poll_read(&mut cx, &mut buffer);
        let filled = buffer.filled().to_vec();
        polled.map(|result| result.map(|()| filled).map_err(|error| error.kind()))
    }

    fn write(&mut self, slices: &[&[u8]]) -> Poll<Result<usize, ErrorKind>> {
        let waker = Waker::from(Arc::clone(&self.woken));
        let slices: Vec<_> = slices.iter().map(|slice| IoSlice::new(slice)).collect();
        let mut cx = Context::from_waker(&waker);
        let polled = Pin::new(&mut self.stream).poll_write_vectored(&mut cx, &slices);
        polled.map(|result| result.map_err(|error| error.kind()))
    }

    fn touched(&self) -> Vec<usize> {
        let mut letters = Letters::default();
        self.inbox.take(&mut letters);
        letters.touched
    }

    /// Moves up to so many bytes into a connection.
    fn send(&self, mut room: usize) -> (Vec<u8>, Wishes) {
        let mut sent = Vec::new();
        let wishes = self.link.send(|chunks| {
            let (mut bytes, mut whole) = (0, 0);
            for chunk in chunks {
                let len = chunk.len().min(room);
                sent.extend_from_slice(&chunk.split_to(len));
                (room, bytes) = (room - len, bytes + len);
                whole += usize::from(chunk.is_empty());
            }
            if bytes == 0 { Err(WriteError::Blocked) } else { Ok(Written { bytes, chunks: whole }) }
        });
        (sent, wishes)
    }

    fn woken(&self) -> usize {
        self.woken.0.swap(0, Ordering::Relaxed)
    }
}

fn deliver(pipe: &Pipe, pieces: &[&'static [u8]], end: Option<End>) {
    let mut pieces = pieces.iter().map(|piece| Bytes::from_static(piece)).collect();
    pipe.link.deliver(&mut pieces, end);
    assert!(pieces.is_empty());
}

#[test]
fn received_bytes_are_read_in_order_and_then_the_end() {
    let mut pipe = pipe(9);
    assert_eq!(pipe.read(4), Poll::Pending);
    deliver(&pipe, &[b"abc", b"defg"], None);
    assert_eq!(pipe.woken(), 1);
    assert_eq!(pipe.read(4), Poll::Ready(Ok(b"abcd".to_vec())));
    deliver(&pipe, &[b"hi"], Some(End::Fin));
    pipe.link.lose(End::Lost(ErrorKind::TimedOut));
    assert_eq!(pipe.read(9), Poll::Ready(Ok(b"efghi".to_vec())));
    assert_eq!(pipe.read(9), Poll::Ready(Ok(Vec::new())), "the end came first");
    assert_eq!(pipe.write(&[b"x"]), Poll::Ready(Err(ErrorKind::BrokenPipe)));
}

#[test]
fn a_pipe_without_room_asks_for_more_once_it_is_half_empty() {
    let mut pipe = pipe(9);
    assert_eq!(pipe.link.room(), PIECES);
    deliver(&pipe, &[&b"a"[..]; PIECES], None);
    assert_eq!(pipe.link.room(), 0);
    for _ in 0..PIECES / 2 - 1 {
        assert_eq!(pipe.read(1), Poll::Ready(Ok(b"a".to_vec())));
    }
    assert!(pipe.touched().is_empty());
    assert_eq!(pipe.read(1), Poll::Ready(Ok(b"a".to_vec())));
    assert_eq!(pipe.touched(), [7]);
    assert_eq!(pipe.read(1), Poll::Ready(Ok(b"a".to_vec())));
    assert_eq!((pipe.touched(), pipe.link.room()), (vec![], PIECES / 2 + 1));
}

#[test]
fn bytes_to_be_sent_are_bounded_and_their_writer_is_woken_by_room() {
    let mut pipe = pipe(5);
    assert_eq!(pipe.write(&[b"ab", b"cdef"]), Poll::Ready(Ok(5)));
    assert_eq!(pipe.touched(), [7]);
    assert_eq!(pipe.write(&[b"f"]), Poll::Pending);
    assert!(pipe.touched().is_empty(), "its thread is about to look");
    assert_eq!(pipe.send(0), (Vec::new(), Wishes::default()));
    assert_eq!(pipe.woken(), 0);
    assert_eq!(pipe.send(2).0, b"ab");
    assert_eq!(pipe.woken(), 1);
    assert_eq!(pipe.write(&[b"fgh"]), Poll::Ready(Ok(2)));
    assert_eq!(pipe.touched(), [7]);
    assert_eq!(pipe.send(9).0, b"cdefg");
}

#[test]
fn an_end_is_wished_for_behind_the_last_byte() {
    let mut pipe = pipe(9);
    assert_eq!(pipe.write(&[b"abc"]), Poll::Ready(Ok(3)));
    drop(pipe.touched());
    assert!(pipe.link.send(|_| Err(WriteError::Blocked)) == Wishes::default());
    let waker = Waker::from(Arc::clone(&pipe.woken));
    let mut cx = Context::from_waker(&waker);
    assert!(Pin::new(&mut pipe.stream).poll_shutdown(&mut cx).is_ready());
    assert_eq!(pipe.touched(), [7]);
    assert_eq!(pipe.send(2).1, Wishes::default());
    let shut = Wishes { is_shut: true, ..Wishes::default() };
    assert_eq!(pipe.send(2), (b"c".to_vec(), shut));
    let Pipe { link, stream, inbox, .. } = pipe;
    drop(stream);
    let mut letters = Letters::default();
    inbox.take(&mut letters);
    assert_eq!(letters.touched, [7]);
    let over = Wishes { is_shut: true, is_dropped: true, ..Wishes::default() };
    assert_eq!(link.send(|_| Err(WriteError::Blocked)), over);
}

#[test]
fn a_stream_that_its_peer_has_stopped_takes_no_more() {
    let mut pipe = pipe(9);
    assert_eq!(pipe.read(1), Poll::Pending);
    assert_eq!(pipe.write(&[b"abc"]), Poll::Ready(Ok(3)));
    assert!(pipe.link.send(|_| Err(WriteError::Stopped(0u32.into()))) == Wishes::default());
    assert_eq!(pipe.woken(), 1, "to see that it is broken");
    assert_eq!(pipe.write(&[b"d"]), Poll::Ready(Err(ErrorKind::BrokenPipe)));
}

/// Writes to a lane.
fn write_lane(pipe: &mut Pipe, lane: Lane, bytes: &[u8]) -> Poll<Result<usize, ErrorKind>> {
    let waker = Waker::from(Arc::clone(&pipe.woken));
    let mut cx = Context::from_waker(&waker);
    let slices = [IoSlice::new(bytes)];
    let polled = Pin::new(&mut pipe.stream).poll_write_lane(&mut cx, lane, &slices);
    polled.map(|result| result.map_err(|error| error.kind()))
}

/// Moves all that waits for a lane into its stream, and whether it has ended.
fn send_lane(pipe: &Pipe, lane: Lane, first: Option<&'static [u8]>) -> (Vec<u8>, bool) {
    let mut sent = Vec::new();
    let is_over = pipe.link.send_lane(lane, first.map(Bytes::from_static), |chunks| {
        chunks.iter().for_each(|chunk| sent.extend_from_slice(chunk));
        Ok(Written { bytes: chunks.iter().map(Bytes::len).sum(), chunks: chunks.len() })
    });
    (sent, is_over)
}

#[test]
fn each_lane_has_room_of_its_own_and_begins_with_the_first_bytes_of_its_stream() {
    let mut pipe = pipe(4);
    assert!(!pipe.send(9).1.has_lanes);
    assert_eq!(write_lane(&mut pipe, Lane::Bulk, b"abcdef"), Poll::Ready(Ok(4)));
    assert_eq!(write_lane(&mut pipe, Lane::Bulk, b"ef"), Poll::Pending);
    assert_eq!(write_lane(&mut pipe, Lane::Signal, b"xy"), Poll::Ready(Ok(2)));
    assert_eq!(pipe.write(&[b"s"]), Poll::Ready(Ok(1)));
    assert_eq!(pipe.touched(), [7]);
    let (stream, wishes) = pipe.send(9);
    assert_eq!((&stream[..], wishes.has_lanes, pipe.woken()), (&b"s"[..], true, 0));
    assert_eq!(send_lane(&pipe, Lane::Signal, Some(b"!")), (b"!xy".to_vec(), false));
    assert_eq!(pipe.woken(), 0, "the lane that has room is not the one that waits");
    assert_eq!(pipe.link.lane_len(Lane::Bulk), 4);
    assert_eq!(send_lane(&pipe, Lane::Bulk, Some(b"?")), (b"?abcd".to_vec(), false));
    assert_eq!(pipe.woken(), 1);
    assert_eq!(write_lane(&mut pipe, Lane::Bulk, b"ef"), Poll::Ready(Ok(2)));
    drop(pipe.stream);
    assert!(pipe.link.send(|_| Err(WriteError::Blocked)).is_dropped);
    let is_over = pipe.link.send_lane(Lane::Bulk, None, |_| Err(WriteError::Blocked));
    assert!(!is_over, "bytes are left");
}

#[test]
fn a_lane_that_its_peer_has_stopped_breaks_the_session() {
    let mut pipe = pipe(4);
    assert_eq!(write_lane(&mut pipe, Lane::Normal, b"abc"), Poll::Ready(Ok(3)));
    let stopped = |_: &mut [Bytes]| Err(WriteError::Stopped(0u32.into()));
    assert!(!pipe.link.send_lane(Lane::Normal, None, stopped));
    let broken = Poll::Ready(Err(ErrorKind::BrokenPipe));
    assert_eq!(write_lane(&mut pipe, Lane::Bulk, b"abc"), broken);
    assert_eq!(pipe.write(&[b"d"]), broken);
}

#[test]
fn the_oldest_datagrams_give_way_and_those_that_are_too_long_are_not_taken() {
    let mut pipe = pipe(4);
    let send =
        |pipe: &mut Pipe, bytes: Vec<u8>| Pin::new(&mut pipe.stream).send_datagram(bytes.into());
    assert!(pipe.stream.has_datagrams() && !send(&mut pipe, vec![0; 101]));
    for number in 0..200 {
        assert!(send(&mut pipe, vec![number; 100]));
    }
    assert!(pipe.send(0).1.has_datagrams);
    let waiting = pipe.link.take_datagrams(50);
    assert_eq!((waiting.len(), waiting[0][0], waiting[162][0]), (163, 37, 199));
    assert!(!send(&mut pipe, vec![0; 51]) && send(&mut pipe, vec![0; 50]));
    pipe.link.take_datagrams(0);
    assert!(!pipe.stream.has_datagrams() && !pipe.send(0).1.has_datagrams);
}
