//! WebSocket from the client's side, written from RFC 6455: frames, and the upgrade.

use std::net::SocketAddr;

use crate::clock;
use crate::socket::{Arrived, Socket};

/// Opcode of a later frame of a message.
pub const CONTINUATION: u8 = 0;
/// Opcode of a text message.
pub const TEXT: u8 = 1;
/// Opcode of a binary message.
pub const BINARY: u8 = 2;
/// Opcode of a close frame.
pub const CLOSE: u8 = 8;
/// Opcode of a ping.
pub const PING: u8 = 9;
/// Opcode of a pong.
pub const PONG: u8 = 10;
/// Set in the first byte of a frame that ends its message.
pub const FIN: u8 = 0x80;

/// The key of section 1.3 of the RFC.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// The accept value for that key.
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A masked frame, given its whole first byte.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(first, 0x80, payload.len());
    bytes.extend_from_slice(&MASK);
    bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ MASK[at % 4]));
    bytes
}

/// The start of a frame: its first byte, and its length in the shortest form.
pub fn header(first: u8, mask_bit: u8, len: usize) -> Vec<u8> {
    let mut bytes = vec![first];
    match len {
        0..=125 => bytes.push(mask_bit | len as u8),
        126..=0xffff => {
            bytes.push(mask_bit | 126);
            bytes.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            bytes.push(mask_bit | 127);
            bytes.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    bytes
}

/// A frame of the server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WsFrame {
    /// FIN, reserved bits and opcode.
    pub first: u8,
    /// The bytes after the head.
    pub payload: Vec<u8>,
}

impl WsFrame {
    /// The code of a close frame; `None` if it has none, and for other frames.
    pub fn close_code(&self) -> Option<u16> {
        let code = self.payload.first_chunk().filter(|_| self.first == FIN | CLOSE)?;
        Some(u16::from_be_bytes(*code))
    }
}

/// Takes the next frame out, if it is there as a whole. A mask is a fault: servers have none.
pub fn take(unread: &mut Vec<u8>) -> Option<WsFrame> {
    let (&first, &second) = (unread.first()?, unread.get(1)?);
    assert_eq!(second & 0x80, 0, "a server masks nothing");
    let (len, start) = match second {
        126 => (usize::from(u16::from_be_bytes(*unread.get(2..)?.first_chunk()?)), 4),
        127 => (u64::from_be_bytes(*unread.get(2..)?.first_chunk()?) as usize, 10),
        len => (usize::from(len), 2),
    };
    let payload = unread.get(start..start + len)?.to_vec();
    unread.drain(..start + len);
    Some(WsFrame { first, payload })
}

/// An upgrade request with more header lines, each ended by `\r\n`.
pub fn request(target: &str, more: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: gateway.test\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    )
}

/// Reads the head of an HTTP response.
pub fn response(socket: &mut Socket) -> String {
    let deadline = clock::deadline();
    loop {
        if let Some(end) = socket.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = socket.unread.drain(..end + 4).collect();
            return String::from_utf8(head).expect("a head in UTF-8");
        }
        assert_eq!(socket.read_until(deadline), Arrived::Bytes, "a whole response head");
    }
}

/// The status that an upgrade request is answered with.
pub fn status(response: &str) -> u16 {
    let status = response.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    status.and_then(|status| status.parse().ok()).expect("an HTTP status")
}

/// Connects and upgrades under a path.
pub fn upgrade(address: SocketAddr, target: &str) -> Socket {
    let mut socket = Socket::connect(address);
    socket.write(request(target, ""));
    await_upgrade(&mut socket);
    socket
}

/// The same, where the server may be down, go while it is asked, or refuse.
pub fn try_upgrade(address: SocketAddr, target: &str) -> Option<Socket> {
    let mut socket = Socket::try_connect(address)?;
    socket.try_write(request(target, "")).ok()?;
    let deadline = clock::deadline();
    while !socket.unread.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        let arrived = socket.read_until(deadline);
        (arrived == Arrived::Bytes).then_some(())?;
    }
    let head = response(&mut socket);
    if status(&head) != 101 {
        return None;
    }
    check_upgraded(&head);
    Some(socket)
}

/// Reads the response that accepts the request above; returns its head.
pub fn await_upgrade(socket: &mut Socket) -> String {
    let head = response(socket);
    check_upgraded(&head);
    head
}

/// Checks that a response accepts the request above.
pub fn check_upgraded(response: &str) {
    assert_eq!(status(response), 101, "{response}");
    let lower = response.to_ascii_lowercase();
    for line in ["upgrade: websocket\r\n", "connection: upgrade\r\n"] {
        assert!(lower.contains(line), "{response}");
    }
    assert!(response.contains(&format!(": {ACCEPT}\r\n")), "{response}");
    assert!(!lower.contains("sec-websocket-extensions"), "{response}");
}
