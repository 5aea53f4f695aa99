//! Golden frames of the comet dialect, read and written, and frames that are refused.

use bytes::Bytes;
use comet_protocol::comet::{
    Auth, ClientFrame, Failure, FrameError, Gap, GoingAway, Key, Ping, Received, Refusal, Refused,
    Seq, ServerFrame, Welcome, deliver_head, is_auth, message::capability,
};
use comet_protocol::comet::{AwayReason, Class, Code, GapReason, Loss};
use comet_protocol::{Frame, Head, Layout, frames_of};

#[derive(serde::Deserialize)]
struct Vector {
    name: String,
    from: String,
    op: u32,
    seq: u32,
    ack: u32,
    body: String,
    hex: String,
}

#[derive(serde::Deserialize)]
struct Refusable {
    name: String,
    from: String,
    error: String,
    hex: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("data/comet.json")).expect("vectors as JSON")
}

fn unhex(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn frame(hex: &str) -> Frame {
    let frames = frames_of(Layout::Dtalk, &unhex(hex), 65_536).expect("a packet");
    <[Frame; 1]>::try_from(frames).expect("one packet")[0].clone()
}

fn seq(number: u32) -> Seq {
    Seq::new(number)
}

fn web_auth() -> Auth {
    Auth {
        app_id: "dtalk".into(),
        token: "T".into(),
        capabilities: capability::RESUME | capability::LATEST,
        client_name: "web".into(),
        client_version: "1.2".into(),
        first_send: 1,
        max_body: 1_048_576,
        ..Default::default()
    }
}

fn client_frame(name: &str) -> ClientFrame<'static> {
    match name {
        "comet auth, new session" => ClientFrame::Auth { seq: 1, auth: Box::new(web_auth()) },
        "comet auth, resume" => {
            let (ticket, ranges) = (b"\xa1\xb2\xc3\xd4".as_slice().into(), vec![2, 2, 5, 1].into());
            let auth = Auth { ticket, last_seq: 10, ranges, first_send: 5, ..web_auth() };
            ClientFrame::Auth { seq: 1, auth: Box::new(auth) }
        }
        "ack" => ClientFrame::Ack(Received::up_to_only(seq(10))),
        "ack with ranges" => {
            ClientFrame::Ack(Received::parse(seq(10), &[2, 2, 5, 1]).expect("ranges"))
        }
        "ack with ranges across the wrap" => {
            let received = Received::parse(seq(u32::MAX - 1), &[2, 2]).expect("ranges");
            let missing = [u32::MAX, 3].map(|number| received.contains(seq(number)));
            assert_eq!(missing, [false; 2]);
            assert!(received.contains(seq(1)) && received.contains(seq(2)));
            ClientFrame::Ack(received)
        }
        "ack with a long range" => {
            let received = Received::parse(Seq::NONE, &[1, 0xac, 2]).expect("ranges");
            assert!(!received.contains(seq(1)) && received.contains(seq(301)));
            assert!(!received.contains(seq(302)));
            ClientFrame::Ack(received)
        }
        "comet send" => ClientFrame::Send { seq: seq(5), answered: seq(4), body: b"hi" },
        "ping" => ClientFrame::Ping(Ping { stamp: [1, 2, 3, 4, 5, 6, 7, 8], round_trip_us: None }),
        "ping with an estimate" => {
            let stamp = [1, 2, 3, 4, 5, 6, 7, 8];
            ClientFrame::Ping(Ping { stamp, round_trip_us: Some(25_000) })
        }
        "pong of the client" => ClientFrame::Pong { stamp: [0xff; 8] },
        "leave" => ClientFrame::Leave,
        name => panic!("no frame for {name}"),
    }
}

fn welcome() -> Welcome {
    Welcome {
        session: 70_001,
        epoch: 1,
        ticket: b"\xa1\xb2\xc3\xd4".as_slice().into(),
        ticket_ttl_ms: 120_000,
        capabilities: 3,
        heartbeat_ms: 30_000,
        max_body: 16_384,
        send_window: 64,
        deliver_window: 256,
        ..Default::default()
    }
}

fn opening_frame(name: &str) -> ServerFrame {
    let welcome = match name {
        "welcome, new session" => welcome(),
        "welcome, resumed" => {
            let ticket = b"\xa1\xb2\xc3\xd5".as_slice().into();
            Welcome { epoch: 2, resumed: true, ticket, accepted: 6, ..welcome() }
        }
        "welcome, ticket expired" => Welcome {
            session: 70_002,
            ticket: b"\xb0\xb1".as_slice().into(),
            accepted: 4,
            capabilities: 1,
            heartbeat_ms: 0,
            loss: Loss::Expired.into(),
            body: "hi".into(),
            ..welcome()
        },
        "refused" => {
            let (code, body) = (Code::UNAUTHENTICATED.get(), vec![1, 2].into());
            let refused =
                Refused { code, text: "token expired".into(), body, ..Default::default() };
            return ServerFrame::Refused { ack: 1, refused };
        }
        "refused, come back later" => {
            let code = Code::OVERLOADED.get();
            let later =
                Refused { code, retryable: true, return_after_ms: 5_000, ..Default::default() };
            return ServerFrame::Refused { ack: 1, refused: later };
        }
        name => panic!("no frame for {name}"),
    };
    ServerFrame::Welcome { ack: 1, welcome: Box::new(welcome) }
}

fn delivery_frame(name: &str) -> ServerFrame {
    let (key, body) = (Key::new("typing:1").expect("a short key"), Bytes::from("hello"));
    let slow = Gap { reason: GapReason::Slow.into(), room: "g-7".into(), ..Default::default() };
    match name {
        "comet deliver" => ServerFrame::Deliver { seq: seq(7), body },
        "deliver, last number before the wrap" => {
            ServerFrame::Deliver { seq: seq(u32::MAX), body: Bytes::new() }
        }
        "deliver best effort" => ServerFrame::BestEffort { seq: Seq::NONE, body },
        "deliver best effort, counted" => ServerFrame::BestEffort { seq: seq(3), body },
        "deliver latest" => ServerFrame::Latest { seq: Seq::NONE, key, body: "yes".into() },
        "deliver latest, counted" => ServerFrame::Latest { seq: seq(4), key, body: "yes".into() },
        "deliver latest, empty key" => {
            ServerFrame::Latest { seq: Seq::NONE, key: Key::default(), body: "yes".into() }
        }
        "gap" => {
            let gap = Gap { from: 12, count: 3, position: 9_001, ..slow };
            ServerFrame::Gap { to: seq(14), gap }
        }
        "gap across the wrap" => {
            let numbers = seq(2).count_from(seq(u32::MAX - 1)) + 1;
            let gap = Gap { from: u32::MAX - 1, count: numbers as u64, ..slow };
            ServerFrame::Gap { to: seq(2), gap }
        }
        "gap of one number" => {
            let gap = Gap { count: 40, reason: GapReason::Memory.into(), ..Default::default() };
            ServerFrame::Gap { to: seq(15), gap }
        }
        "gap of best effort deliveries" => {
            ServerFrame::Gap { to: Seq::NONE, gap: Gap { count: 12, ..slow } }
        }
        name => opening_frame(name),
    }
}

fn server_frame(name: &str) -> ServerFrame {
    let failure = |code: Code, text: &str, retryable, return_after_ms| {
        ServerFrame::Error(Failure {
            code: code.get(),
            text: text.into(),
            retryable,
            return_after_ms,
        })
    };
    let refusal = |code, text: &str, retryable| {
        let refusal = Refusal { code, text: text.into(), retryable };
        ServerFrame::Refusal { ack: seq(5), refusal }
    };
    match name {
        "comet send reply" => ServerFrame::SendReply { ack: seq(5), body: "ok".into() },
        "refusal" => refusal(-10_024, "not the owner", false),
        "refusal, later" => refusal(15, "", true),
        "error" => failure(Code::SEQUENCE, "number 9 after 6", true, 0),
        "error, replaced" => failure(Code::REPLACED, "", false, 0),
        "error, slow" => failure(Code::SLOW, "", true, 250),
        "going away" => {
            let reason = AwayReason::Restart.into();
            ServerFrame::GoingAway(GoingAway {
                reason,
                return_after_ms: 1_500,
                may_resume: true,
                ..Default::default()
            })
        }
        "pong" => ServerFrame::Pong { stamp: [1, 2, 3, 4, 5, 6, 7, 8] },
        "ping of the server" => ServerFrame::Ping(Ping { stamp: [0xff; 8], round_trip_us: None }),
        name => delivery_frame(name),
    }
}

#[test]
fn golden_frames_are_read_as_what_they_say() {
    for vector in vectors() {
        let Frame { head, body } = frame(&vector.hex);
        let (op, seq, ack) = (vector.op, vector.seq, vector.ack);
        assert_eq!(head, Head { ver: 2, op, seq, ack }, "{}", vector.name);
        assert_eq!(body, unhex(&vector.body), "{}", vector.name);
        if vector.from == "client" {
            let read = ClientFrame::decode(head, &body).unwrap();
            assert_eq!(read, client_frame(&vector.name), "{}", vector.name);
        } else {
            let read = ServerFrame::decode(head, body).unwrap();
            assert_eq!(read, server_frame(&vector.name), "{}", vector.name);
        }
    }
}

#[test]
fn what_is_said_is_written_as_the_golden_frames() {
    for vector in vectors() {
        let mut out = Vec::new();
        if vector.from == "client" {
            client_frame(&vector.name).write(&mut out);
        } else {
            server_frame(&vector.name).write(&mut out);
        }
        assert_eq!(out, unhex(&vector.hex), "{}", vector.name);
    }
}

#[test]
fn every_op_of_the_dialect_has_a_golden_frame() {
    let mut ops: Vec<u32> = vectors().iter().map(|vector| vector.op).collect();
    ops.sort_unstable();
    ops.dedup();
    let all: Vec<u32> = std::iter::once(1).chain(32..=46).collect();
    assert_eq!(ops, all);
}

#[test]
fn frames_that_break_the_dialect_are_refused_with_the_reason() {
    let refused: Vec<Refusable> =
        serde_json::from_str(include_str!("data/comet_refused.json")).expect("vectors as JSON");
    for vector in refused {
        let Frame { head, body } = frame(&vector.hex);
        let error = match vector.from.as_str() {
            "client" => ClientFrame::decode(head, &body).unwrap_err(),
            _ => ServerFrame::decode(head, body).unwrap_err(),
        };
        assert_eq!(error.to_string(), vector.error, "{}", vector.name);
    }
}

#[test]
fn bodies_beyond_their_limit_are_refused_before_they_are_decoded() {
    let head = |op| Head { ver: 2, op, seq: 1, ack: 1 };
    let body = vec![0xff; 16_385];
    let limit = FrameError::BodyTooLong { op: 1, len: 16_385, limit: 16_384 };
    assert_eq!(ClientFrame::decode(head(1), &body), Err(limit));
    assert_eq!(ClientFrame::decode(head(1), &body[1..]), Err(FrameError::Malformed(1)));
    for op in [32, 33, 38, 41, 42, 43] {
        let limit = FrameError::BodyTooLong { op, len: 8_193, limit: 8_192 };
        let read = |len| ServerFrame::decode(head(op), Bytes::from(vec![0xff; len]));
        assert_eq!(read(8_193), Err(limit));
        assert_eq!(read(8_192), Err(FrameError::Malformed(op)));
    }
}

#[test]
fn later_versions_may_add_ops_and_fields() {
    let later = Head { ver: 2, op: 47, seq: 1, ack: 2 };
    assert_eq!(ClientFrame::decode(later, b"?"), Ok(ClientFrame::Unknown { op: 47 }));
    assert_eq!(ServerFrame::decode(later, "?".into()), Ok(ServerFrame::Unknown { op: 47 }));

    // Welcome{session 5}, then field 99 = 7 and field 100 = "later".
    let body = unhex("08059806 07a206056c61746572".replace(' ', "").as_str());
    let head = Head { ver: 2, op: 32, seq: 0, ack: 1 };
    let ServerFrame::Welcome { welcome, .. } = ServerFrame::decode(head, body.into()).unwrap()
    else {
        panic!("not a welcome");
    };
    assert_eq!(*welcome, Welcome { session: 5, ..Default::default() });

    let ping = Head { ver: 2, op: 44, seq: 0, ack: 0 };
    let longer = ClientFrame::decode(ping, b"12345678\0\0\0\x01later").unwrap();
    let known = Ping { stamp: *b"12345678", round_trip_us: Some(1) };
    assert_eq!(longer, ClientFrame::Ping(known));
}

#[test]
fn reasons_that_are_not_known_read_as_unspecified() {
    let gap = Gap { reason: 77, ..Default::default() };
    let away = GoingAway { reason: -1, ..Default::default() };
    let welcome = Welcome { loss: 77, ..Default::default() };
    assert_eq!(gap.reason(), GapReason::Unspecified);
    assert_eq!(away.reason(), AwayReason::Unspecified);
    assert_eq!(welcome.loss(), Loss::None);
}

#[test]
fn the_version_of_the_auth_frame_asks_for_the_dialect() {
    for vector in vectors() {
        let head = frame(&vector.hex).head;
        assert_eq!(is_auth(head), vector.op == 1, "{}", vector.name);
    }
    assert!(!is_auth(Head::new(1, 1, 0)), "dtalk's");
}

#[test]
fn the_heads_of_deliveries_are_the_golden_ones() {
    let golden = |name: &str| {
        let vector = vectors().into_iter().find(|vector| vector.name == name).unwrap();
        unhex(&vector.hex)[..20].to_vec()
    };
    assert_eq!(deliver_head(Class::Acked, seq(7), 5).to_vec(), golden("comet deliver"));
    let best_effort = deliver_head(Class::BestEffort, Seq::NONE, 5).to_vec();
    assert_eq!(best_effort, golden("deliver best effort"));
    assert_eq!(deliver_head(Class::Latest, seq(4), 12).to_vec(), golden("deliver latest, counted"));
    assert_eq!(deliver_head(Class::Latest, Seq::NONE, 12).to_vec(), golden("deliver latest"));
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let auth = Auth { token: "hush".into(), ticket: "hush".into(), ..web_auth() };
    let welcome = Welcome { ticket: "hush".into(), ..welcome() };
    let output = format!("{auth:?} {welcome:?}");
    assert!(output.contains("dtalk") && output.contains("70001") && !output.contains("hush"));
}
