//! Frames of a connection, as a codec of tokio's I/O: packets back to back, or WebSocket messages
//! that hold some.
//!
//! Not here: sockets (`connection`), the upgrade (`handshake`), what frames mean (the session).

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use comet_protocol::head::{Split, split};
use comet_protocol::ws::{self, CloseCode, Event, MessageKind, Opcode, Role};
use comet_protocol::{Frame, Layout, frames_of};
use tokio_util::codec::{Decoder, Encoder};

use crate::error::ConnectionError;

/// Bytes allowed in a message besides a body of maximum length.
const BATCH: usize = 1 << 20;

/// From the server.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Input {
    Frame(Frame),
    /// A ping of WebSocket, to be answered by a [`Pong`](Output::Pong).
    Ping(Bytes),
}

/// To the server.
#[derive(Debug)]
pub(crate) enum Output {
    /// Whole frames; one message, where there are messages.
    Frames(Bytes),
    Pong(Bytes),
    /// The close frame of a WebSocket; nothing elsewhere.
    Goodbye,
}

/// The codec of one connection.
#[derive(Debug)]
pub(crate) struct Frames {
    max_body: usize,
    /// Absent on a stream of packets.
    messages: Option<Messages>,
}

#[derive(Debug)]
struct Messages {
    decoder: ws::Decoder,
    limits: ws::Limits,
    /// The rest of the message that arrived last.
    frames: VecDeque<Frame>,
}

impl Frames {
    /// Packets with bodies up to this length, back to back.
    pub(crate) fn packets(max_body: usize) -> Self {
        Self { max_body, messages: None }
    }

    /// WebSocket messages of such packets.
    pub(crate) fn messages(max_body: usize) -> Self {
        let max_message = max_body.saturating_add(BATCH);
        let limits = ws::Limits { max_message, ..ws::Limits::default() };
        let (decoder, frames) = (ws::Decoder::new(Role::Client), VecDeque::new());
        Self { max_body, messages: Some(Messages { decoder, limits, frames }) }
    }
}

impl Decoder for Frames {
    type Item = Input;
    type Error = ConnectionError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Input>, ConnectionError> {
        let Some(messages) = &mut self.messages else {
            let Split::Packet { head, len, .. } = split(Layout::Dtalk, input, self.max_body)?
            else {
                return Ok(None);
            };
            let mut packet = input.split_to(len);
            packet.advance(Layout::Dtalk.head_len());
            return Ok(Some(Input::Frame(Frame { head, body: packet.freeze() })));
        };
        loop {
            if let Some(frame) = messages.frames.pop_front() {
                return Ok(Some(Input::Frame(frame)));
            }
            let ws::Decoded { consumed, event } =
                messages.decoder.decode(input, &messages.limits)?;
            let mut ping = None;
            match event {
                None if consumed == 0 => return Ok(None),
                None | Some(Event::Pong(_)) => {}
                Some(Event::Message(message)) if message.kind == MessageKind::Binary => {
                    let frames = frames_of(Layout::Dtalk, &message.payload, self.max_body)?;
                    messages.frames.extend(frames);
                }
                Some(Event::Message(_)) => return Err(ConnectionError::Text),
                Some(Event::Ping(payload)) => ping = Some(Bytes::copy_from_slice(&payload)),
                Some(Event::Close(reason)) => {
                    return Err(ConnectionError::Closed(reason.map(|reason| reason.code.get())));
                }
            }
            input.advance(consumed);
            if let Some(payload) = ping {
                return Ok(Some(Input::Ping(payload)));
            }
        }
    }

    /// A frame that is cut off by the end counts like any other end.
    fn decode_eof(&mut self, input: &mut BytesMut) -> Result<Option<Input>, ConnectionError> {
        self.decode(input)
    }
}

impl Encoder<Output> for Frames {
    type Error = ConnectionError;

    fn encode(&mut self, output: Output, to: &mut BytesMut) -> Result<(), ConnectionError> {
        let (opcode, payload) = match output {
            Output::Frames(frames) => (Opcode::Binary, frames),
            Output::Pong(payload) => (Opcode::Pong, payload),
            Output::Goodbye => {
                let code = CloseCode::NORMAL.get().to_be_bytes();
                (Opcode::Close, Bytes::copy_from_slice(&code))
            }
        };
        if self.messages.is_some() {
            let mut frame = Vec::with_capacity(payload.len() + ws::MAX_HEAD_LEN);
            ws::write_masked_frame(&mut frame, opcode, &payload, rand::random());
            to.extend_from_slice(&frame);
        } else if opcode == Opcode::Binary {
            to.extend_from_slice(&payload);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of op 9 with this sequence number and body.
    fn packet(seq: u32, body: &'static [u8]) -> (Frame, Vec<u8>) {
        let frame = Frame::new(9, seq, body);
        let bytes = frame.to_vec(Layout::Dtalk);
        (frame, bytes)
    }

    fn message(first: u8, payload: &[u8]) -> Vec<u8> {
        let len = u8::try_from(payload.len()).unwrap();
        [&[first, len], payload].concat()
    }

    #[test]
    fn packets_are_taken_whole_wherever_they_are_split() {
        let ((one, first), (two, second)) = (packet(1, b"one"), packet(2, b""));
        let (mut frames, mut input) = (Frames::packets(100), BytesMut::new());
        let mut taken = Vec::new();
        for byte in [first, second].concat() {
            input.extend_from_slice(&[byte]);
            taken.extend(frames.decode(&mut input).unwrap());
        }
        assert_eq!(taken, [Input::Frame(one), Input::Frame(two)]);
        input.extend_from_slice(b"\0\0");
        assert_eq!(frames.decode_eof(&mut input).unwrap(), None, "cut off by the end");
    }

    #[test]
    fn messages_hold_several_packets_and_pings_are_told_in_between() {
        let ((one, first), (two, second)) = (packet(1, b"one"), packet(2, b"two"));
        let both = [first, second].concat();
        let (front, back) = both.split_at(30);
        let parts = [message(2, front), message(0x89, b"hi"), message(0x80, back), vec![0x82]];
        let (mut frames, mut input) = (Frames::messages(100), BytesMut::from(&*parts.concat()));
        let mut next = || frames.decode(&mut input).unwrap();
        assert_eq!(next(), Some(Input::Ping("hi".into())));
        assert_eq!([next(), next()], [Some(Input::Frame(one)), Some(Input::Frame(two))]);
        assert_eq!(next(), None, "the next message has only begun");
    }

    #[test]
    fn text_goodbyes_and_cut_packets_end_it() {
        let of = |bytes: &[u8]| Frames::messages(9).decode(&mut bytes.into()).unwrap_err();
        assert!(matches!(of(b"\x81\x01a"), ConnectionError::Text));
        assert!(matches!(of(b"\x88\x02\x03\xe9"), ConnectionError::Closed(Some(1001))));
        assert!(matches!(of(b"\x82\x01a"), ConnectionError::Frame(_)));
    }

    #[test]
    fn goodbyes_and_pongs_are_of_websockets_alone() {
        for (mut frames, opcodes) in
            [(Frames::packets(9), None), (Frames::messages(9), Some([0x82, 0x8a, 0x88]))]
        {
            let outputs = [Output::Frames("ab".into()), Output::Pong("".into()), Output::Goodbye];
            let written = outputs.map(|output| {
                let mut to = BytesMut::new();
                frames.encode(output, &mut to).unwrap();
                to
            });
            match opcodes {
                None => assert_eq!(written.map(|it| it.to_vec()), [b"ab".to_vec(), vec![], vec![]]),
                Some(opcodes) => assert_eq!(written.map(|bytes| bytes[0]), opcodes),
            }
        }
    }
}
