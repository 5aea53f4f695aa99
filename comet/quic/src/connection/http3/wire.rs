//! HTTP/3 and WebTransport in bytes: pure functions of what a client sent (RFC 9114, RFC 9220,
//! draft-ietf-webtrans-http3).

use comet::OriginPolicy;
use wtransport_proto::bytes::{BufferReader, BytesWriter};
use wtransport_proto::frame::{Frame, FrameKind, ParseError};
use wtransport_proto::headers::Headers;
use wtransport_proto::ids::StatusCode;
use wtransport_proto::session::{SessionRequest, SessionResponse};
use wtransport_proto::settings::Settings;
use wtransport_proto::stream_header::StreamHeader;
use wtransport_proto::varint::VarInt;

use super::H3Error;
use crate::config::WebTransport;

/// Type of a stream of a session, in place of a first frame.
const SESSION_STREAM: u64 = 0x41;

/// Longest run of bytes before a request or the settings are understood.
pub(super) const LONGEST: usize = 8 * 1024;

/// Kind of a bidirectional stream, by its first bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Opening {
    /// More bytes are needed to tell: so many in all.
    Needs(usize),
    /// A request.
    Request,
    /// A stream of the session that this stream has asked for.
    Session(u64),
}

/// Request of a client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asked {
    /// Not known before more bytes have come.
    Needs,
    /// A session, which it gets.
    Session,
    /// Something that it does not get, for a reason as a status code.
    Refused(u16),
}

/// Type of a unidirectional stream that matters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Control,
    /// The instructions of QPACK, which are none without a dynamic table.
    Qpack,
    /// Ignored by order (RFC 9114 section 6.2.3), and streams of a session that it may not have.
    Other,
}

/// A variable-length integer at the front, and its length.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let len = 1usize << (first >> 6);
    let rest = bytes.get(1..len)?;
    let value =
        rest.iter().fold(u64::from(first & 0x3f), |value, byte| value << 8 | u64::from(*byte));
    Some((value, len))
}

/// The first bytes of our control stream: its type, and the settings.
pub(super) fn control() -> Vec<u8> {
    let settings = Settings::builder()
        .qpack_max_table_capacity(VarInt::from_u32(0))
        .qpack_blocked_streams(VarInt::from_u32(0))
        .enable_connect_protocol()
        .enable_webtransport()
        .enable_h3_datagrams()
        .webtransport_max_sessions(VarInt::from_u32(1))
        .build();
    let mut bytes = Vec::new();
    // A vector takes everything.
    let _ = StreamHeader::new_control().write(&mut bytes);
    let _ = settings.generate_frame().write(&mut bytes);
    bytes
}

pub(super) fn opening(bytes: &[u8]) -> Opening {
    let needs =
        |at: usize| Opening::Needs(bytes.get(at).map_or(at + 1, |it| at + (1 << (it >> 6))));
    let Some((kind, len)) = varint(bytes) else { return needs(0) };
    if kind != SESSION_STREAM {
        return Opening::Request;
    }
    match varint(&bytes[len..]) {
        Some((session, _)) => Opening::Session(session),
        None => needs(len),
    }
}

pub(super) fn kind(bytes: &[u8]) -> Option<(Kind, usize)> {
    let (kind, len) = varint(bytes)?;
    Some((
        match kind {
            0 => Kind::Control,
            2 | 3 => Kind::Qpack,
            _ => Kind::Other,
        },
        len,
    ))
}

/// Reads the settings, the first frame of a control stream; true once they have come.
pub(super) fn settings(bytes: &[u8]) -> Result<bool, H3Error> {
    match Frame::read_from_buffer(&mut BufferReader::new(bytes)) {
        Ok(None) if bytes.len() >= LONGEST => Err(H3Error::ExcessiveLoad),
        Ok(None) => Ok(false),
        Ok(Some(frame)) if matches!(frame.kind(), FrameKind::Settings) => {
            Settings::with_frame(&frame).map(|_| true).map_err(|_| H3Error::Settings)
        }
        Err(ParseError::PayloadTooBig) => Err(H3Error::ExcessiveLoad),
        Ok(Some(_)) | Err(_) => Err(H3Error::MissingSettings),
    }
}

/// Reads the request from the bytes of its stream. Frames that are not known are removed.
pub(super) fn request(bytes: &mut Vec<u8>, rules: &WebTransport) -> Result<Asked, H3Error> {
    loop {
        let mut reader = BufferReader::new(bytes);
        let read = match Frame::read_from_buffer(&mut reader) {
            Ok(None) => None,
            Ok(Some(frame)) => match frame.kind() {
                FrameKind::Headers => return judge(&frame, rules),
                FrameKind::Exercise(_) => Some(reader.offset()),
                _ => return Err(H3Error::FrameUnexpected),
            },
            Err(ParseError::UnknownFrame) => unknown_len(bytes),
            Err(ParseError::PayloadTooBig) => return Err(H3Error::ExcessiveLoad),
            Err(_) => return Err(H3Error::FrameUnexpected),
        };
        match read {
            Some(len) => drop(bytes.drain(..len)),
            None if bytes.len() >= LONGEST => return Err(H3Error::ExcessiveLoad),
            None => return Ok(Asked::Needs),
        }
    }
}

/// Length of a frame of a type that is not known, if it is there as a whole.
fn unknown_len(bytes: &[u8]) -> Option<usize> {
    let (_, kind) = varint(bytes)?;
    let (payload, len) = varint(&bytes[kind..])?;
    let end = usize::try_from(payload).ok()?.checked_add(kind + len)?;
    (end <= bytes.len()).then_some(end)
}

fn judge(frame: &Frame<'_>, rules: &WebTransport) -> Result<Asked, H3Error> {
    let headers = Headers::with_frame(frame).map_err(|_| H3Error::Qpack)?;
    let Ok(request) = SessionRequest::try_from(headers) else { return Ok(Asked::Refused(404)) };
    let path = request.path().split('?').next().unwrap_or_default();
    if !rules.paths.iter().any(|known| known == path) {
        return Ok(Asked::Refused(404));
    }
    let is_permitted = permits(&rules.origin, &request);
    Ok(if is_permitted { Asked::Session } else { Asked::Refused(403) })
}

fn permits(policy: &OriginPolicy, request: &SessionRequest) -> bool {
    policy.permits(request.origin(), request.authority())
}

/// The answer to a request.
pub(super) fn response(status: u16) -> Vec<u8> {
    let status = StatusCode::try_from_u32(status.into()).unwrap_or(StatusCode::OK);
    let mut bytes = Vec::new();
    let headers = SessionResponse::with_status_code(status);
    // A vector takes everything.
    let _ = headers.headers().generate_frame().write(&mut bytes);
    bytes
}

/// The end of a session for this reason: a capsule in a frame.
pub(super) fn goodbye(code: u32, reason: &str) -> Vec<u8> {
    let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
    // CLOSE_WEBTRANSPORT_SESSION is 0x2843, in two bytes.
    let mut capsule = vec![0x68, 0x43];
    let len = VarInt::try_from(payload.len() as u64).unwrap_or_default();
    let mut bytes = Vec::new();
    // A vector takes everything.
    let _ = capsule.put_varint(len);
    capsule.extend(payload);
    let _ = Frame::new_data(capsule.into()).write(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(origin: OriginPolicy) -> WebTransport {
        WebTransport { origin, ..WebTransport::default() }
    }

    /// A CONNECT as a client of `wtransport` writes it.
    fn connect(url: &str, origin: &str) -> Vec<u8> {
        let mut request = SessionRequest::new(url).unwrap();
        request.insert("origin", origin).unwrap();
        let mut bytes = Vec::new();
        request.headers().generate_frame().write(&mut bytes).unwrap();
        bytes
    }

    /// The examples of RFC 9000, appendix A.1.
    #[test]
    fn integers_of_variable_length_are_those_of_the_standard() {
        let long = [0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c];
        assert_eq!(varint(&long), Some((151_288_809_941_952_652, 8)));
        assert_eq!(varint(&[0x9d, 0x7f, 0x3e, 0x7d]), Some((494_878_333, 4)));
        assert_eq!(varint(&[0x7b, 0xbd]), Some((15_293, 2)));
        assert_eq!(varint(&[0x25]), Some((37, 1)));
        for len in 0..8 {
            assert_eq!(varint(&long[..len]), None, "{len}");
        }
    }

    #[test]
    fn the_control_stream_begins_with_its_type_and_settings() {
        let bytes = control();
        assert_eq!(bytes[..2], [0, 4], "a control stream, SETTINGS");
        assert_eq!(usize::from(bytes[2]), bytes.len() - 3, "nothing follows them");
        assert_eq!(settings(&bytes[1..]), Ok(true));
    }

    #[test]
    fn a_control_stream_without_settings_is_an_error() {
        assert_eq!(settings(&[4, 2, 1]), Ok(false), "not there yet");
        assert_eq!(settings(&[4, 2, 1, 0]), Ok(true));
        assert_eq!(settings(&[4, 2, 2, 0]), Err(H3Error::Settings), "a setting of HTTP/2");
        assert_eq!(settings(&[0, 1, 9]), Err(H3Error::MissingSettings), "DATA");
        assert_eq!(settings(&[0x0d, 1, 9]), Err(H3Error::MissingSettings), "MAX_PUSH_ID");
        let endless = [&[4, 0x5f, 0xff][..], &[0x40; LONGEST]].concat();
        assert_eq!(settings(&endless[..LONGEST]), Err(H3Error::ExcessiveLoad));
    }

    #[test]
    fn a_stream_of_a_session_is_told_from_a_request_by_as_few_bytes_as_can_be() {
        assert_eq!(opening(&[]), Opening::Needs(1));
        assert_eq!(opening(&[0x40]), Opening::Needs(2));
        assert_eq!(opening(&[0x40, 0x41]), Opening::Needs(3));
        assert_eq!(opening(&[0x40, 0x41, 0x40]), Opening::Needs(4));
        assert_eq!(opening(&[0x40, 0x41, 4]), Opening::Session(4));
        assert_eq!(opening(&[0x40, 0x41, 0x40, 0x80]), Opening::Session(128));
        assert_eq!(opening(&[1]), Opening::Request);
    }

    #[test]
    fn a_session_is_had_on_the_path_of_sessions_from_permitted_origins() {
        let list = || rules(OriginPolicy::List(vec!["https://chat.test".to_owned()]));
        let asked = |url: &str, origin: &str, rules: &WebTransport| {
            request(&mut connect(url, origin), rules)
        };
        let any = rules(OriginPolicy::Any);
        assert_eq!(asked("https://a.test/sub", "https://b.test", &any), Ok(Asked::Session));
        assert_eq!(asked("https://a.test/sub/?x=1", "https://b.test", &any), Ok(Asked::Session));
        assert_eq!(asked("https://a.test/", "https://b.test", &any), Ok(Asked::Refused(404)));
        assert_eq!(asked("https://a.test/sub", "https://chat.test", &list()), Ok(Asked::Session));
        let refused = asked("https://a.test/sub", "https://b.test", &list());
        assert_eq!(refused, Ok(Asked::Refused(403)));
        let get =
            [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/sub")];
        let mut bytes = Vec::new();
        let headers: Headers = get.into_iter().collect();
        headers.generate_frame().write(&mut bytes).unwrap();
        assert_eq!(request(&mut bytes, &any), Ok(Asked::Refused(404)));
    }

    #[test]
    fn a_request_may_come_in_pieces_behind_frames_that_are_not_known() {
        let any = rules(OriginPolicy::Any);
        let grease = [0x21, 2, 7, 7, 0x40, 0xff, 1, 7];
        let whole = [&grease[..], &connect("https://a.test/sub", "https://b.test")].concat();
        let mut bytes = Vec::new();
        for (at, byte) in whole.iter().enumerate() {
            bytes.push(*byte);
            let expected = if at + 1 < whole.len() { Asked::Needs } else { Asked::Session };
            assert_eq!(request(&mut bytes, &any), Ok(expected), "{at}");
        }
    }

    #[test]
    fn nonsense_in_place_of_a_request_is_an_error() {
        let any = rules(OriginPolicy::Any);
        let asked = |bytes: &[u8]| request(&mut bytes.to_vec(), &any);
        assert_eq!(asked(&[0, 1, 9]), Err(H3Error::FrameUnexpected), "DATA first");
        assert_eq!(asked(&[4, 0]), Err(H3Error::FrameUnexpected), "SETTINGS");
        assert_eq!(asked(&[1, 3, 0, 0, 0x80]), Err(H3Error::Qpack), "the dynamic table");
        let endless = [&[1, 0x5f, 0xff][..], &[7; LONGEST]].concat();
        assert_eq!(asked(&endless), Err(H3Error::ExcessiveLoad));
    }

    /// A panic here would end the thread of all connections.
    #[test]
    fn no_bytes_of_a_client_are_a_panic() {
        let any = rules(OriginPolicy::Any);
        let seeds = [
            connect("https://a.test/sub?x=y", "https://b.test"),
            control()[1..].to_vec(),
            vec![1, 12, 0, 0, 0x5f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            vec![1, 9, 0, 0, 0x27, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            vec![0x40, 0x41, 0xc0, 0, 0, 0, 0, 0, 0, 4],
        ];
        let mut state = 1u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_041);
            (state >> 33) as usize % below
        };
        let mut judged = 0;
        for round in 0..40_000 {
            let mut bytes = seeds[round % seeds.len()].clone();
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                match random(4) {
                    0 => bytes[at] = u8::try_from(random(256)).unwrap(),
                    1 => bytes[at] ^= 1 << random(8),
                    2 => bytes.insert(at, u8::try_from(random(256)).unwrap()),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            let _ = (opening(&bytes), kind(&bytes), settings(&bytes));
            judged += usize::from(request(&mut bytes, &any).is_ok());
        }
        assert!(judged > 100, "{judged} requests were understood or waited for");
    }

    #[test]
    fn answers_are_what_the_standards_say() {
        // A prefix of two zeros, `:status` as entry 24 of the static table; "200" in the code of
        // RFC 7541, appendix B, which makes "404" no shorter.
        assert_eq!(response(200), [1, 7, 0, 0, 0x5f, 9, 0x82, 0x10, 0x01]);
        assert_eq!(response(404), [1, 8, 0, 0, 0x5f, 9, 3, b'4', b'0', b'4']);
        let expected = [0, 10, 0x68, 0x43, 7, 0, 0, 0, 2, b'b', b'y', b'e'];
        assert_eq!(goodbye(2, "bye"), expected);
    }
}
