//! The routes with their cases.
//!
//! The first word of a case is the caller, "" without a token; `$names` stand for values of the
//! scene.

use comet_server_testkit::message::{body_of, to_user};
use comet_testkit::protobuf::{field, number_field};

use super::scene::Scene;

/// A route with its cases.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// Missing and old tokens are refused.
    pub(super) takes_token: bool,
    /// Bodies may be bad.
    pub(super) takes_body: bool,
    /// Caller, body, and the pointer of a field that must be in the data.
    pub(super) good: &'static [(&'static str, Body, &'static str)],
    pub(super) bad: &'static [Case],
    pub(super) wrong: &'static [Case],
}

/// Caller, body, and the code of the answer.
pub(super) type Case = (&'static str, Body, i64);

/// Body of a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    None,
    Json(&'static str),
    Raw(fn(&Scene) -> Vec<u8>),
    /// A form with a part of this name.
    Form(&'static str, fn(&Scene) -> Vec<u8>),
}

use Body::{Form, Json, None as Nothing, Raw};

/// A route that takes a token and JSON.
pub(super) const POST: Route = Route {
    method: "POST",
    path: "",
    takes_token: true,
    takes_body: true,
    good: &[],
    bad: &[],
    wrong: &[],
};

/// A route that everybody may ask.
const OPEN: Route = Route { takes_token: false, ..POST };

const GARBLED: Body = Json("{\"");
const EMPTY: Body = Json("{}");

/// All routes that answer with the envelope, in the order in which they are tried.
pub(super) fn all() -> impl Iterator<Item = &'static Route> {
    DISCOVERY.iter().chain(DEVICES).chain(RECORDS).chain(super::groups::ROUTES)
}

const DISCOVERY: &[Route] = &[
    Route { path: "/disc/nodes", good: &[("", Nothing, "/servers/0/address")], ..OPEN },
    Route {
        method: "GET",
        path: "/disc/nodes",
        good: &[("", Nothing, "/servers/0/address")],
        ..OPEN
    },
    Route { path: "/app/modules/all", good: &[("", Nothing, "")], ..OPEN },
    Route {
        path: "/app/version/check",
        good: &[("", Json(r#"{"versionCode":4}"#), "/versionCode")],
        bad: &[("", EMPTY, -1012), ("", GARBLED, -1012)],
        ..OPEN
    },
    Route { path: "/backup/address-retrieve", good: &[("alice", Nothing, "")], ..OPEN },
];

const DEVICES: &[Route] = &[
    Route {
        path: "/user/login",
        good: &[
            ("alice", Json(r#"{"connType":0}"#), "/address"),
            ("alice", Nothing, "/address"),
            ("mallory", Json(r#"{"connType":1}"#), "/address"),
        ],
        bad: &[("alice", Json(r#"{"connType":2}"#), -1012), ("alice", GARBLED, -1012)],
        // Another phone of hers has signed in.
        wrong: &[("alice", Json(r#"{"connType":1}"#), -1016)],
        ..POST
    },
    Route {
        path: "/app/device/list",
        takes_body: false,
        good: &[("alice", EMPTY, "/devices/0/uuid"), ("mallory", EMPTY, "/devices")],
        ..POST
    },
    Route {
        path: "/app/device/revoke",
        good: &[("carol", Json(r#"{"uuid":"$carol"}"#), "")],
        bad: &[
            ("alice", EMPTY, -1012),
            ("alice", GARBLED, -1012),
            ("alice", Json(r#"{"uuid":"none"}"#), -1012),
        ],
        // A device of somebody else.
        wrong: &[("mallory", Json(r#"{"uuid":"$alice"}"#), -1012)],
        ..POST
    },
];

const RECORDS: &[Route] = &[
    Route {
        path: "/record/push",
        good: &[("alice", Form("message", |scene| proto(scene, "p-1")), "/logId")],
        bad: &[
            ("alice", Form("message", |_| b"\xff\xff".to_vec()), -1012),
            ("alice", Form("other", |scene| proto(scene, "p-2")), -1012),
            ("alice", EMPTY, -1012),
        ],
        wrong: &[("mallory", Form("message", to_the_group), -10015)],
        ..POST
    },
    Route {
        path: "/record/push2",
        good: &[("alice", Form("message", |scene| frame(&proto(scene, "p-3"))), "/logId")],
        bad: &[
            ("alice", Form("message", |_| b"\xff\xff".to_vec()), -1012),
            ("alice", EMPTY, -1012),
        ],
        wrong: &[("mallory", Form("message", |scene| frame(&to_the_group(scene))), -10015)],
        ..POST
    },
    Route {
        path: "/app/record/send",
        good: &[("alice", Raw(|scene| message(scene.value("bob"), 0)), "/mid")],
        bad: &[("alice", Nothing, -10500)],
        ..POST
    },
    Route {
        path: "/app/record/sync-record",
        good: &[
            ("bob", Json(r#"{"count":20}"#), "/records/0"),
            ("bob", Json(r#"{"count":1000,"start":$private}"#), "/record_count"),
            ("mallory", Json(r#"{"count":1}"#), "/records"),
        ],
        bad: &[
            ("bob", EMPTY, -1012),
            ("bob", GARBLED, -1012),
            ("bob", Json(r#"{"count":0}"#), -1012),
            ("bob", Json(r#"{"count":1001}"#), -1012),
            ("bob", Json(r#"{"count":20,"start":"x"}"#), -1012),
        ],
        ..POST
    },
    Route {
        path: "/store/app/pri-chat-record",
        good: &[
            ("bob", Json(r#"{"targetId":"$alice","count":100,"logId":""}"#), "/records/0/msgId"),
            ("mallory", Json(r#"{"targetId":"$alice","count":1}"#), "/records"),
        ],
        bad: &[
            ("bob", EMPTY, -1012),
            ("bob", GARBLED, -1012),
            ("bob", Json(r#"{"targetId":"$alice","count":101}"#), -1012),
        ],
        ..POST
    },
    Route {
        path: "/store/app/group-chat-record",
        good: &[("bob", Json(r#"{"idStr":"$group","count":100,"logId":""}"#), "/records/0/msgId")],
        bad: &[
            ("bob", EMPTY, -1012),
            ("bob", GARBLED, -1012),
            ("bob", Json(r#"{"id":$group,"count":101}"#), -1012),
        ],
        wrong: &[("mallory", Json(r#"{"id":$group,"count":1}"#), -10015)],
        ..POST
    },
    Route {
        path: "/app/record/focus",
        good: &[
            ("bob", Json(r#"{"type":0,"logId":$private}"#), ""),
            ("dave", Json(r#"{"type":1,"logId":"$public"}"#), ""),
        ],
        bad: &[
            ("bob", EMPTY, -1012),
            ("bob", GARBLED, -1012),
            ("bob", Json(r#"{"type":2,"logId":$private}"#), -1012),
        ],
        wrong: &[
            ("alice", Json(r#"{"type":0,"logId":$private}"#), -1000),
            ("mallory", Json(r#"{"type":0,"logId":$private}"#), -1000),
            ("carol", Json(r#"{"type":1,"logId":$public}"#), -1000),
            ("mallory", Json(r#"{"type":1,"logId":$public}"#), -1000),
        ],
        ..POST
    },
    Route {
        path: "/app/record/unread",
        takes_body: false,
        good: &[("bob", EMPTY, "/sessions/0/unread"), ("mallory", EMPTY, "/sessions")],
        ..POST
    },
    Route {
        path: "/app/record/read",
        good: &[
            ("bob", Json(r#"{"type":0,"target":"$alice","logId":$private}"#), ""),
            ("dave", Json(r#"{"type":1,"target":$group,"logId":$public}"#), ""),
        ],
        bad: &[("bob", EMPTY, -1012), ("bob", GARBLED, -1012)],
        wrong: &[
            ("mallory", Json(r#"{"type":0,"logId":$private}"#), -1000),
            ("mallory", Json(r#"{"type":1,"logId":$public}"#), -1000),
        ],
        ..POST
    },
    Route {
        path: "/app/record/revoke",
        good: &[
            ("alice", Json(r#"{"type":0,"logId":$revoked}"#), ""),
            ("bob", Json(r#"{"type":1,"logId":$public}"#), ""),
        ],
        bad: &[
            ("alice", EMPTY, -1012),
            ("alice", GARBLED, -1012),
            ("alice", Json(r#"{"type":0,"logId":0}"#), -1012),
        ],
        wrong: &[
            ("bob", Json(r#"{"type":0,"logId":$revoked}"#), -1000),
            ("mallory", Json(r#"{"type":0,"logId":$revoked}"#), -1000),
            ("dave", Json(r#"{"type":1,"logId":$public}"#), -1000),
        ],
        ..POST
    },
];

/// A text to Bob, as the desktop posts it.
fn proto(scene: &Scene, msg_id: &str) -> Vec<u8> {
    body_of(&to_user(scene.value("bob"), msg_id, "hi")).to_vec()
}

fn to_the_group(scene: &Scene) -> Vec<u8> {
    let group = scene.value("group").parse().expect("an id");
    body_of(&comet_server_testkit::message::to_group(group, "p-9", "hi")).to_vec()
}

/// The protobuf form of a frame, as phones post it.
fn frame(body: &[u8]) -> Vec<u8> {
    [number_field(1, 1), number_field(2, 7), field(5, body)].concat()
}

/// A `Message` of the second generation.
fn message(target: &str, channel: u64) -> Vec<u8> {
    let cid = field(3, b"c-1");
    let target = field(5, target.as_bytes());
    let content = [number_field(6, 1), field(7, b"hi")].concat();
    [number_field(1, channel), cid, target, content].concat()
}
