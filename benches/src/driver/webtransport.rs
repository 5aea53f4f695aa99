//! The way to a WebTransport session: HTTP/3's control stream, a CONNECT, and the first stream
//! behind it (RFC 9114, RFC 9220, draft-ietf-webtrans-http3).
//!
//! Not here: the bytes of the session.

use bytes::Bytes;
use quinn_proto::{Connection, Dir, ReadError, StreamId};
use wtransport_proto::bytes::BufferReader;
use wtransport_proto::frame::{Frame, FrameKind};
use wtransport_proto::headers::Headers;
use wtransport_proto::session::SessionResponse;

/// A control stream, and settings: CONNECT with a protocol, datagrams, WebTransport.
const CONTROL: &[u8] = &[
    0x00, // control
    0x04, 0x0d, // SETTINGS
    0x08, 0x01, // SETTINGS_ENABLE_CONNECT_PROTOCOL
    0x33, 0x01, // SETTINGS_H3_DATAGRAM
    0xab, 0x60, 0x37, 0x42, 0x01, // SETTINGS_ENABLE_WEBTRANSPORT
    0x07, 0x00, 0x01, 0x00, // no dynamic table of QPACK
];

/// Longest answer to a request.
const ANSWER: usize = 8 * 1024;

/// The request for a session.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) authority: String,
    pub(super) path: String,
}

/// One session, from the request on.
#[derive(Debug)]
pub(super) struct WebTransport {
    request: Request,
    connect: Option<StreamId>,
    answer: Vec<u8>,
    stream: Option<StreamId>,
    /// Streams of the server, which say nothing that a client of one session must know.
    others: Vec<StreamId>,
}

/// Reason why there is no session any more; none if the server has ended it.
type Over = Option<String>;

impl WebTransport {
    pub(super) const fn new(request: Request) -> Self {
        Self { request, connect: None, answer: Vec::new(), stream: None, others: Vec::new() }
    }

    /// The connection is there.
    pub(super) fn begin(&mut self, quic: &mut Connection) {
        if let Some(control) = quic.streams().open(Dir::Uni) {
            write(quic, control, CONTROL.to_vec());
        }
        self.connect = quic.streams().open(Dir::Bi);
        if let Some(connect) = self.connect {
            write(quic, connect, self.request.bytes());
        }
    }

    /// Reads what the server says; returns the session's stream, once it is open.
    pub(super) fn drive(&mut self, quic: &mut Connection) -> Result<Option<StreamId>, Over> {
        while let Some(id) = quic.streams().accept(Dir::Uni) {
            self.others.push(id);
        }
        for id in &self.others {
            let _ignored = read(quic, *id, &mut Vec::new());
        }
        let Some(connect) = self.connect else { return Ok(None) };
        let is_over = read(quic, connect, &mut self.answer);
        if self.stream.is_none() {
            match status(&self.answer)? {
                None if self.answer.len() > ANSWER => return Err(Some("no answer".to_owned())),
                None => {}
                Some(200) => self.open(quic, connect),
                Some(status) => return Err(Some(format!("WebTransport: status is {status}"))),
            }
        }
        if self.stream.is_some() {
            // Capsules, which only say how the session ends.
            self.answer = Vec::new();
        }
        if is_over { Err(None) } else { Ok(self.stream) }
    }

    fn open(&mut self, quic: &mut Connection, connect: StreamId) {
        self.stream = quic.streams().open(Dir::Bi);
        if let Some(stream) = self.stream {
            let mut head = vec![0x40, 0x41];
            push_integer(u64::from(connect), &mut head);
            write(quic, stream, head);
        }
    }
}

impl Request {
    /// A HEADERS frame of literal fields, nothing compressed (RFC 9204).
    fn bytes(&self) -> Vec<u8> {
        let fields = [
            (":method", "CONNECT"),
            (":scheme", "https"),
            (":protocol", "webtransport"),
            (":authority", &*self.authority),
            (":path", &*self.path),
        ];
        let mut section = vec![0, 0];
        for (name, value) in fields {
            push_length(0x20, 7, name.len(), &mut section);
            section.extend(name.bytes());
            push_length(0x00, 127, value.len(), &mut section);
            section.extend(value.bytes());
        }
        let mut frame = vec![0x01];
        push_integer(section.len() as u64, &mut frame);
        frame.extend(section);
        frame
    }
}

/// A length behind a prefix of bits (RFC 7541 section 5.1).
fn push_length(flags: u8, most: u8, len: usize, out: &mut Vec<u8>) {
    if let Ok(short) = u8::try_from(len)
        && short < most
    {
        return out.push(flags | short);
    }
    out.push(flags | most);
    let mut rest = len.saturating_sub(most.into());
    while rest >= 128 {
        out.push(0x80 | rest.to_le_bytes()[0]);
        rest >>= 7;
    }
    out.push(rest.to_le_bytes()[0]);
}

/// An integer of variable length (RFC 9000 section 16).
fn push_integer(value: u64, out: &mut Vec<u8>) {
    let (len, mark) = match value {
        0..0x40 => (1, 0),
        0x40..0x4000 => (2, 0x40),
        0x4000..0x4000_0000 => (4, 0x80),
        _ => (8, 0xc0),
    };
    let mut bytes = value.to_be_bytes();
    let written = &mut bytes[8 - len..];
    written[0] |= mark;
    out.extend_from_slice(written);
}

/// The status of an answer, once it is there.
fn status(answer: &[u8]) -> Result<Option<u32>, Over> {
    let not_http = || Some("the answer to CONNECT is not HTTP/3".to_owned());
    match Frame::read_from_buffer(&mut BufferReader::new(answer)) {
        Ok(None) => Ok(None),
        Ok(Some(frame)) if matches!(frame.kind(), FrameKind::Headers) => {
            let headers = Headers::with_frame(&frame).map_err(|_| not_http())?;
            let response = SessionResponse::try_from(headers).map_err(|_| not_http())?;
            Ok(Some(response.code().into_inner().into()))
        }
        Ok(Some(_)) | Err(_) => Err(not_http()),
    }
}

/// Reads what has come; returns whether the stream is over.
fn read(quic: &mut Connection, id: StreamId, into: &mut Vec<u8>) -> bool {
    let mut stream = quic.recv_stream(id);
    let Ok(mut chunks) = stream.read(true) else { return true };
    let is_over = loop {
        match chunks.next(ANSWER) {
            Ok(Some(chunk)) => into.extend_from_slice(&chunk.bytes),
            Err(ReadError::Blocked) => break false,
            Ok(None) | Err(ReadError::Reset(_)) => break true,
        }
    };
    let _sends_anyway = chunks.finalize();
    is_over
}

/// Writes a few bytes, for which there is room on a new stream.
fn write(quic: &mut Connection, id: StreamId, bytes: Vec<u8>) {
    // An error says that the connection is over, which it says itself.
    let _ = quic.send_stream(id).write_chunks(&mut [Bytes::from(bytes)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 9000, appendix A.1, and RFC 7541, appendix C.1.
    #[test]
    fn numbers_are_written_as_the_standards_say() {
        let integer = |value| {
            let mut out = Vec::new();
            push_integer(value, &mut out);
            out
        };
        assert_eq!(integer(37), [0x25]);
        assert_eq!(integer(15_293), [0x7b, 0xbd]);
        assert_eq!(integer(494_878_333), [0x9d, 0x7f, 0x3e, 0x7d]);
        let long = [0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c];
        assert_eq!(integer(151_288_809_941_952_652), long);
        let mut out = Vec::new();
        push_length(0xe0, 31, 1_337, &mut out);
        push_length(0xe0, 31, 10, &mut out);
        assert_eq!(out, [0xff, 0x9a, 0x0a, 0xea]);
    }

    #[test]
    fn the_status_is_in_the_first_frame() {
        assert_eq!(status(&[1, 3, 0]), Ok(None));
        assert_eq!(status(&[1, 3, 0, 0, 0xd9]), Ok(Some(200)));
        assert_eq!(status(&[1, 7, 0, 0, 0x5f, 9, 0x82, 0x10, 0x01]), Ok(Some(200)));
        assert_eq!(status(&[1, 8, 0, 0, 0x5f, 9, 3, b'4', b'0', b'4']), Ok(Some(404)));
        assert!(status(&[0, 1, 9]).is_err(), "DATA");
    }
}
