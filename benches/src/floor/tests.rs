//! The floor against peers of the harness, over real sockets.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use comet_protocol::ws::write_masked_frame;

use super::*;

/// A floor on a thread; it ends with this value.
struct Running {
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
    is_over: std::sync::Arc<AtomicBool>,
}

impl Running {
    fn start(mode: Mode) -> Self {
        let mut floor = Floor::bind("127.0.0.1:0".parse().unwrap(), mode).unwrap();
        let (address, is_over) = (floor.address(), std::sync::Arc::new(AtomicBool::new(false)));
        let over = std::sync::Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                floor.turn(Some(Duration::from_millis(20))).unwrap();
            }
        });
        Self { address, thread: Some(thread), is_over }
    }

    fn peer(&self, path: &str) -> TcpStream {
        let mut peer = TcpStream::connect(self.address).unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(
            peer,
            "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        .unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if peer.read(&mut byte).unwrap_or(0) == 0 {
                break;
            }
            head.push(byte[0]);
        }
        assert!(head.is_empty() || head.starts_with(b"HTTP/1.1 101 "), "{head:?}");
        peer
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    write_masked_frame(&mut frame, opcode, payload, [1, 2, 3, 4]);
    frame
}

fn gets(mut peer: &TcpStream, expected: &[u8]) {
    let mut got = vec![0; expected.len()];
    peer.read_exact(&mut got).unwrap();
    assert_eq!(got, expected);
}

#[test]
fn a_room_hears_what_is_said_in_it_and_no_other_room_does() {
    for mode in [Mode::Write, Mode::Batch] {
        let floor = Running::start(mode);
        let (mut one, two) = (floor.peer("/room/a"), floor.peer("/room/a"));
        let mut other = floor.peer("/room/b");
        let both = [frame(Opcode::Text, b"hi"), frame(Opcode::Binary, &[7; 200])].concat();
        one.write_all(&both).unwrap();
        let expected = [b"\x81\x02hi\x82\x7e\x00\xc8".as_slice(), &[7; 200]].concat();
        gets(&one, &expected);
        gets(&two, &expected);
        other.write_all(&frame(Opcode::Text, b"b")).unwrap();
        gets(&other, b"\x81\x01b");
    }
}

#[test]
fn a_frame_may_come_in_pieces_and_an_echo_goes_to_the_speaker_alone() {
    let floor = Running::start(Mode::Batch);
    let mut peer = floor.peer("/echo");
    let _other = floor.peer("/echo");
    for byte in frame(Opcode::Binary, b"slow") {
        peer.write_all(&[byte]).unwrap();
    }
    gets(&peer, b"\x82\x04slow");
    peer.write_all(&frame(Opcode::Ping, b"?")).unwrap();
    gets(&peer, b"\x8a\x01?");
    peer.write_all(&frame(Opcode::Close, b"")).unwrap();
    gets(&peer, b"\x88\x00");
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
}

#[test]
fn members_who_leave_are_forgotten_and_the_others_stay() {
    let floor = Running::start(Mode::Batch);
    let mut peers: Vec<TcpStream> = (0..5).map(|_| floor.peer("/room/a")).collect();
    peers.swap_remove(0);
    peers.swap_remove(1);
    // A newcomer may get the place of a peer that left.
    peers.push(floor.peer("/room/a"));
    peers[1].write_all(&frame(Opcode::Text, b"still")).unwrap();
    peers.iter().for_each(|peer| gets(peer, b"\x81\x05still"));
}

#[test]
fn who_asks_for_something_else_or_does_not_mask_is_cut_off() {
    let floor = Running::start(Mode::Batch);
    let mut lost = floor.peer("/elsewhere");
    assert_eq!(lost.read(&mut [0]).unwrap_or(0), 0);
    let mut open = floor.peer("/echo");
    open.write_all(b"\x82\x01x").unwrap();
    assert_eq!(open.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn a_reader_who_is_slow_gets_everything_in_the_end() {
    // More than the sockets hold, less than the floor lets wait.
    let floor = Running::start(Mode::Batch);
    let mut speaker = floor.peer("/room/a");
    let slow = floor.peer("/room/a");
    socket2::SockRef::from(&slow).set_recv_buffer_size(16_384).unwrap();
    let (body, count) = (vec![9; 60_000], 200);
    let reader = speaker.try_clone().unwrap();
    let (message, expected) =
        (frame(Opcode::Binary, &body), [b"\x82\x7e\xea\x60", &body[..]].concat());
    let copy = expected.clone();
    let own = thread::spawn(move || (0..count).for_each(|_| gets(&reader, &copy)));
    (0..count).for_each(|_| speaker.write_all(&message).unwrap());
    own.join().unwrap();
    (0..count).for_each(|_| gets(&slow, &expected));
}
