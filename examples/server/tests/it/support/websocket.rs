//! WebSocket from the client's side, written from RFC 6455: frames and upgrade.

use std::net::SocketAddr;

use bytes::{Buf, Bytes, BytesMut};

use super::clock;
use super::socket::{Arrived, Socket};

pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
/// The FIN bit in the first byte of a frame.
pub(crate) const FIN: u8 = 0x80;

/// The key of section 1.3 of the RFC, and the accept value for it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame of the server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct WsFrame {
    /// FIN, reserved bits and opcode.
    pub(crate) first: u8,
    pub(crate) payload: Bytes,
}

impl WsFrame {
    /// The code of a close frame; `None` if it has none.
    pub(crate) fn close_code(&self) -> Option<u16> {
        self.payload.first_chunk().map(|code| u16::from_be_bytes(*code))
    }
}

/// A masked frame with a whole message.
pub(crate) fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![FIN | opcode];
    match payload.len() {
        len @ 0..=125 => bytes.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// Takes the next frame, if it is complete. Panics on a mask: servers do not mask.
pub(crate) fn take(unread: &mut BytesMut) -> Option<WsFrame> {
    let [first, second] = *unread.first_chunk()?;
    assert_eq!(second & 0x80, 0, "a server masks nothing");
    let (len, start) = match second {
        126 => (usize::from(unread.get(2..)?.try_get_u16().ok()?), 4),
        127 => (unread.get(2..)?.try_get_u64().ok()? as usize, 10),
        len => (usize::from(len), 2),
    };
    if unread.len() < start + len {
        return None;
    }
    unread.advance(start);
    Some(WsFrame { first, payload: unread.split_to(len).freeze() })
}

/// An upgrade request.
pub(crate) fn request(target: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: chat.test\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

/// Connects and upgrades at a path.
pub(crate) fn connect(address: SocketAddr, target: &str) -> Socket {
    let mut socket = Socket::connect(address);
    socket.write(request(target).as_bytes());
    await_upgrade(&mut socket);
    socket
}

/// Reads the response that accepts the request above, and returns its head.
pub(crate) fn await_upgrade(socket: &mut Socket) -> String {
    let deadline = clock::deadline();
    let end = loop {
        if let Some(end) = socket.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        assert_eq!(socket.read_until(deadline), Arrived::Bytes, "a whole response head");
    };
    let head = socket.unread.split_to(end);
    let head = str::from_utf8(&head).expect("a head in UTF-8");
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let lower = head.to_ascii_lowercase();
    for line in ["upgrade: websocket\r\n", "connection: upgrade\r\n"] {
        assert!(lower.contains(line), "{head}");
    }
    assert!(head.contains(&format!(": {ACCEPT}\r\n")), "{head}");
    assert!(!lower.contains("sec-websocket-extensions"), "{head}");
    head.to_owned()
}
