//! `dtalk.proto` describes the messages that the server reads and writes, and the README's vectors
//! are such messages.

use std::io::Write;
use std::process::Stdio;

use comet_dtalk::message::{
    Common, CommonAck, FrameProto, Login, Proto, Reference, Signal, SignalEndpointLogin,
    SignalFocus, SignalReceived, SignalRevoke, SignalTyping, Source, SourceUser, Text,
};
use comet_dtalk::newer::NewerMessage;
use comet_protocol::AuthMsg;
use prost::Message;

use super::{file, protoc};

/// The top-level fields that `protoc` finds in the bytes of a message of this type.
fn fields(kind: &str, bytes: &[u8]) -> Option<Vec<String>> {
    let mut protoc = protoc()?;
    protoc.arg(format!("--decode=dtalk.{kind}"));
    let mut child =
        protoc.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("protoc runs");
    child.stdin.take().expect("a pipe").write_all(bytes).expect("taken");
    let output = child.wait_with_output().expect("ends");
    assert!(output.status.success(), "{kind} is not decoded");
    let text = String::from_utf8(output.stdout).expect("text");
    let outermost = text.lines().filter(|line| !line.starts_with([' ', '}']));
    let name = |line: &str| line.split([':', ' ']).next().map(str::to_owned);
    Some(outermost.filter_map(name).collect())
}

/// A type, a value with all fields set, and their names in the order of their numbers.
type Described = (&'static str, Vec<u8>, &'static str);

const NEWER: &str = "channel_type mid cid from target msg_type content datetime source reference";

fn messages() -> Vec<Described> {
    let user = || SourceUser { id: "u".into(), name: "n".into() };
    let source = || Source { channel_type: 1, from: Some(user()), target: Some(user()) };
    let reference = Reference { topic: 1, r#ref: 2 };
    let common = Common {
        channel_type: 1,
        log_id: 2,
        msg_id: "m".into(),
        from: "a".into(),
        target: "b".into(),
        msg_type: 13,
        msg: "x".into(),
        datetime: 3,
        source: Some(source()),
        reference: Some(reference),
    };
    let newer = NewerMessage {
        channel_type: 1,
        mid: "2".into(),
        cid: "m".into(),
        from: "a".into(),
        target: "b".into(),
        msg_type: 13,
        content: "x".into(),
        datetime: 3,
        source: Some(source()),
        reference: Some(reference),
    };
    let proto = Proto { event_type: 2, body: "x".into() };
    let ack = CommonAck { log_id: 1, datetime: 2 };
    let text = Text { content: "hi".into(), mention: vec!["ALL".into()] };
    let frame = FrameProto { ver: 1, op: 7, seq: 1, ack: 1, body: "x".into() };
    let fields = "channel_type log_id msg_id from target msg_type msg datetime source reference";
    vec![
        ("Proto", proto.encode_to_vec(), "event_type body"),
        ("Common", common.encode_to_vec(), fields),
        ("NewerMessage", newer.encode_to_vec(), NEWER),
        ("Source", source().encode_to_vec(), "channel_type from target"),
        ("SourceUser", user().encode_to_vec(), "id name"),
        ("Reference", reference.encode_to_vec(), "topic ref"),
        ("CommonAck", ack.encode_to_vec(), "log_id datetime"),
        ("Text", text.encode_to_vec(), "content mention"),
        ("FrameProto", frame.encode_to_vec(), "ver op seq ack body"),
    ]
}

fn logins_and_signals() -> Vec<Described> {
    let login = Login {
        device: 5,
        username: "u".into(),
        device_token: "t".into(),
        conn_type: 1,
        uuid: "i".into(),
        device_name: "d".into(),
    };
    let typing = SignalTyping {
        channel_type: 1,
        target: "t".into(),
        from: "f".into(),
        ended: true,
        datetime: 4,
    };
    let endpoint =
        SignalEndpointLogin { uuid: "i".into(), device: 5, device_name: "d".into(), datetime: 3 };
    let focus = SignalFocus { mid: 1, uid: "u".into(), current_num: 2, time: 3 };
    let revoke = SignalRevoke { mid: 1, operator: "u".into(), by_sender: true };
    let signal = Signal { r#type: 14, body: "x".into(), sid: 1, reliable: true };
    let received = SignalReceived { logs: vec![7] };
    let fields = "device username device_token conn_type uuid device_name";
    vec![
        ("Login", login.encode_to_vec(), fields),
        ("Signal", signal.encode_to_vec(), "type body sid reliable"),
        ("SignalReceived", received.encode_to_vec(), "logs"),
        ("SignalRevoke", revoke.encode_to_vec(), "mid operator by_sender"),
        ("SignalFocus", focus.encode_to_vec(), "mid uid current_num time"),
        ("SignalTyping", typing.encode_to_vec(), "channel_type target from ended datetime"),
        ("SignalEndpointLogin", endpoint.encode_to_vec(), "uuid device device_name datetime"),
    ]
}

#[test]
fn the_schema_names_every_field_that_the_server_knows() {
    let described = std::fs::read_to_string(file("backends/dtalk/dtalk.proto")).expect("a schema");
    let everything = [messages(), logins_and_signals()].concat();
    for (kind, bytes, expected) in &everything {
        assert!(described.contains(&format!("message {kind} {{")), "{kind}");
        let Some(found) = fields(kind, bytes) else { return };
        // A field missing from the schema would have a number instead of a name.
        assert_eq!(found.join(" "), *expected, "{kind}");
    }
    let messages = described.lines().filter(|line| line.starts_with("message ")).count();
    assert_eq!(messages, everything.len(), "the schema has no others");
}

#[test]
fn the_vectors_of_the_document_are_what_the_server_reads() {
    let document = std::fs::read_to_string(file("backends/dtalk/README.md")).expect("a document");
    let vector = |name: &str| {
        let rest = document.split_once(&format!("\n{name}: ")).expect("the vector").1;
        let hex = rest.lines().nth(1).and_then(|line| line.strip_prefix("| ")).expect("hex");
        let hex: String = hex.split_whitespace().collect();
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
        (0..hex.len()).step_by(2).map(byte).collect::<Vec<u8>>()
    };
    let bytes = vector("auth");
    let auth = AuthMsg::parse(&bytes).expect("an auth body");
    assert_eq!((&*auth.app_id, &*auth.token), ("dtalk", "T"));
    let login = Login { uuid: "u-1".into(), device_name: "p".into(), ..Login::default() };
    assert_eq!(Login::decode(&*auth.ext).expect("a device"), login);

    let proto = Proto::decode(&*vector("send")).expect("an envelope");
    let expected = Common {
        msg_id: "m-1".into(),
        target: "bob".into(),
        msg_type: 1,
        msg: Text { content: "hi".into(), mention: vec![] }.encode_to_vec().into(),
        ..Common::default()
    };
    assert_eq!(Common::decode(proto.body).expect("a message"), expected);
}
