//! Targets for the WebSocket layer.

use crate::ws::{
    self, Decoded, Decoder, Event, Limits, MAX_HEAD_LEN, Message, Opcode, Role, WsError,
    deflate::{Deflater, Inflater, Window},
    handshake::{
        self, HandshakeError, HandshakeLimits, Parse, ResponseError, ResponseParse, Upgrade,
    },
};

/// Frames decode the same at once and in pieces, and never hold more than twice the bytes received.
///
/// The lowest bit of the first byte selects the role, the others the length of the pieces.
///
/// # Panics
///
/// If the decoder is wrong.
pub fn ws_decode(data: &[u8]) {
    let [choice, stream @ ..] = data else { return };
    let role = if choice & 1 == 0 { Role::Server } else { Role::Client };
    let at_once = decode_in_pieces(stream, Decoder::new(role), stream.len().max(1));
    let in_pieces = decode_in_pieces(stream, Decoder::new(role), usize::from(choice >> 1) + 1);
    assert_eq!(at_once, in_pieces);
}

/// Compressed messages are read the same at once and in pieces, and inflated within the limit. The
/// bytes as a message of a server, compressed with a front that is overwritten, read as what they
/// were with that front.
///
/// The lowest bit of the first byte selects the role, the next three the window, the others the
/// length of the pieces; the second byte is the length of the front.
///
/// # Panics
///
/// If the decoder, the inflater or the deflater is wrong.
pub fn ws_deflate(data: &[u8]) {
    let [choice, front, stream @ ..] = data else { return };
    let role = if choice & 1 == 0 { Role::Server } else { Role::Client };
    let window = Window::ALL[usize::from(choice >> 1) % Window::ALL.len()];
    let decoder = || Decoder::with_deflate(role, window);
    let at_once = decode_in_pieces(stream, decoder(), stream.len().max(1));
    let in_pieces = decode_in_pieces(stream, decoder(), usize::from(choice >> 4) + 1);
    assert_eq!(at_once, in_pieces);

    let mut plain = Vec::new();
    ws::write_frame(&mut plain, Opcode::Binary, stream);
    let (mut frame, front) = (Vec::new(), usize::from(*front));
    if let Some(at) = Deflater::new(3).compress(window, &plain, front, &mut frame) {
        assert!(frame.len() < plain.len());
        frame[at..at + front].fill(0x5a);
        let mut expected = stream.to_vec();
        expected[..front].fill(0x5a);
        let mut decoder = Decoder::with_deflate(Role::Client, window);
        let mut inflater = Inflater::default();
        let event = decoder.decode(&mut frame, &LIMITS).map(|decoded| decoded.event);
        let Ok(Some(Event::Message(message))) = event else { panic!("a message of ours") };
        let message = inflater.inflate(message, expected.len()).map(Message::into_bytes);
        assert_eq!(message.as_deref(), Ok(&expected[..]));
    }
}

const LIMITS: Limits = Limits { max_message: 1 << 16, max_fragments: 8 };

/// The events as text, and the error that ended the stream, if any.
fn decode_in_pieces(
    stream: &[u8],
    mut decoder: Decoder,
    len: usize,
) -> (Vec<String>, Option<WsError>) {
    let mut inflater = Inflater::default();
    let (mut unread, mut arrived) = (Vec::new(), 0);
    let mut events = Vec::new();
    for piece in stream.chunks(len) {
        unread.extend_from_slice(piece);
        arrived += piece.len();
        loop {
            let (consumed, event) = match decoder.decode(&mut unread, &LIMITS) {
                Ok(Decoded { consumed, event }) => (consumed, event),
                Err(error) => return (events, Some(error)),
            };
            match event {
                Some(Event::Message(message)) => {
                    match inflater.inflate(message, LIMITS.max_message) {
                        Ok(message) => {
                            assert!(message.payload.len() <= LIMITS.max_message);
                            events.push(format!("{message:?}"));
                        }
                        Err(error) => return (events, Some(error)),
                    }
                }
                Some(event) => events.push(format!("{event:?}")),
                None => {
                    unread.drain(..consumed);
                    break;
                }
            }
            unread.drain(..consumed);
        }
        assert!(unread.len() < MAX_HEAD_LEN);
        assert!(decoder.held() <= 2 * arrived + 8);
    }
    (events, None)
}

/// A request parses the same at once and byte by byte; an accepted one satisfies our own client.
///
/// # Panics
///
/// If the handshake is wrong.
pub fn ws_handshake(data: &[u8]) {
    let limits = HandshakeLimits { max_head: 1024, max_headers: 16 };
    let at_once = handshake::parse(data, 0, &limits);
    assert_eq!(at_once, parse_bytewise(data, &limits));
    let mut response = Vec::new();
    match at_once {
        Ok(Parse::Complete { request, consumed }) => {
            assert!(consumed <= data.len().min(limits.max_head));
            assert!(request.path().starts_with('/'));
            handshake::write_accept(&mut response, request.key(), None);
            let accepted = client(request.key()).parse_response(&response, 0, &limits);
            assert!(matches!(accepted, Ok(ResponseParse::Complete(_))));
        }
        Ok(Parse::Partial) => {}
        Err(error) => {
            error.write_response(&mut response);
            let refused = client("").parse_response(&response, 0, &limits);
            assert_eq!(refused, Err(ResponseError::Status(error.status())));
        }
    }
}

/// A client handles any answer to its request, and parses it the same at once and byte by byte.
///
/// # Panics
///
/// If the handshake is wrong.
pub fn ws_response(data: &[u8]) {
    let limits = HandshakeLimits { max_head: 1024, max_headers: 16 };
    let client = client("dGhlIHNhbXBsZSBub25jZQ==");
    let at_once = client.parse_response(data, 0, &limits);
    let bytewise = (0..=data.len())
        .map(|end| client.parse_response(&data[..end], end.saturating_sub(1), &limits))
        .find(|parse| *parse != Ok(ResponseParse::Partial))
        .unwrap_or(Ok(ResponseParse::Partial));
    assert_eq!(at_once, bytewise);
}

fn client(key: &str) -> Upgrade<'_> {
    Upgrade { host: "example", target: "/", key, subprotocols: &["chat"], headers: &[] }
}

fn parse_bytewise(data: &[u8], limits: &HandshakeLimits) -> Result<Parse, HandshakeError> {
    (0..=data.len())
        .map(|end| handshake::parse(&data[..end], end.saturating_sub(1), limits))
        .find(|parse| *parse != Ok(Parse::Partial))
        .unwrap_or(Ok(Parse::Partial))
}
